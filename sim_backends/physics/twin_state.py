"""What the twin's kernels are given: the diamond's state, its spins, and what acts on them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class TwinState(NamedTuple):
    """Everything that evolves; the kernel writes into these arrays.

    angle, velocity: (3,) modes, rad and rad/s. populations: (4, n, 2) lower and upper of n kinds
    of spin per class. coherence: (4, n, 2) of the ground level with either. negative: (1,) share
    of centres in NV-.
    """

    angle: NDArray[np.float64]
    velocity: NDArray[np.float64]
    populations: NDArray[np.float64]
    coherence: NDArray[np.complex128]
    negative: NDArray[np.float64]


class SpinModel(NamedTuple):
    """Spins and their surroundings.

    axes: (4, 3) NV axes in the diamond frame. mode_axes: (3, 3) rotation axes of the modes.
    moment_of_inertia: (3,) kg m^2. torque_scale: (number of spins per class) h D, J.
    relaxation_shares, relaxation_weights: (n,) kinds of spin, by their relaxation in units of the
    class's, and how many of each; one kind, or the quadrature of a stretched exponential.
    charge_background: fluorescence of a negative centre whatever its spin, over the contrast.
    """

    axes: NDArray[np.float64]
    mode_axes: NDArray[np.float64]
    moment_of_inertia: NDArray[np.float64]
    torque_scale: float
    zero_field_splitting_hz: float
    t2star_s: float
    gaussian_line: bool
    relaxation_rate: float
    double_quantum_rate: float
    cross_relaxation_rate: float
    cross_relaxation_width_hz: float
    relaxation_shares: NDArray[np.float64]
    relaxation_weights: NDArray[np.float64]
    charge_background: float


class Drive(NamedTuple):
    """What the instruments do to the diamond, constant over one call.

    field: (3,) gamma B/(2 pi D) in the diamond frame at zero angle. rabi_rad_s is 0 with the
    microwave off. omega: (3,) rad/s. kt_over_i: (3,) s^-2. charge_rate: of the exchange between
    NV- and NV0, s^-1; charge_goal: the share of NV- it leads to.
    """

    field: NDArray[np.float64]
    microwave_hz: float
    rabi_rad_s: float
    pump_rate: float
    omega: NDArray[np.float64]
    damping: float
    kt_over_i: NDArray[np.float64]
    charge_rate: float
    charge_goal: float
