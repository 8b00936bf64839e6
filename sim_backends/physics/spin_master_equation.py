"""The exact steady state of one NV class under light and relaxation, in three unknowns.

Model (`002`, SM Sec. VI, jumps as rates): H = h D (Sz^2 + b.S), b = (gamma/2pi) B/D, and the jumps
|0><+-1| at the pumping rate P, |0><->|+-1> at k and |-1><->|+1> at q. No pure dephasing.

With x along the transverse field H is real, so rho = R + iA splits into a symmetric and an
antisymmetric real part. In units of 2 pi D, steady,

    [H, A] + dissipation(R) = 0      and      [H, R] + (decay of each coherence) A = 0.

The first gives R from the three currents A(+,0), A(0,-), A(+,-), because the dissipation acts on
each coherence alone (rates g1 = (3k + q + P)/2 and g3 = k + q + P) and on the sum and the
difference of the populations of |+-1> alone (rates 3k + P and k + 2q + P). Put into the second
it leaves M y = r, with M symmetric and positive definite: elimination needs no pivoting, and
only ratios of rates appear, so that neither a slow relaxation nor a dark laser spoils a digit.
"""

import math

from sim_backends.physics.kernel import kernel


@kernel(nogil=True, inline="always")
def steady_class(
    b_par: float,
    b_perp: float,
    pump_rate: float,
    single_quantum_rate: float,
    double_quantum_rate: float,
    unit_rate: float,
) -> tuple[float, float, float, float, float, float]:
    """Populations and mean spin of one class, exact for the Lindblad equation above.

    Args:
        b_par: field along the axis over D, signed.
        b_perp: field across the axis over D, >= 0.
        pump_rate: P, s^-1, >= 0.
        single_quantum_rate: k, s^-1, > 0.
        double_quantum_rate: q, s^-1, >= 0.
        unit_rate: 2 pi D, rad/s.

    Returns:
        Populations of |0>, |-1>, |+1>, then <Sx>, <Sy>, <Sz>: x along the transverse field, z along
        the axis, in units of hbar.
    """
    coupling = b_perp * math.sqrt(0.5)
    plus, minus = 1.0 + b_par, 1.0 - b_par
    decay = 0.5 * (3.0 * single_quantum_rate + double_quantum_rate + pump_rate)
    sum_ratio = decay / (3.0 * single_quantum_rate + pump_rate)
    difference_ratio = decay / (single_quantum_rate + 2.0 * double_quantum_rate + pump_rate)
    pair_ratio = decay / (single_quantum_rate + double_quantum_rate + pump_rate)
    damping = decay / unit_rate
    damping *= damping
    sum_at_rest = 2.0 * single_quantum_rate / (3.0 * single_quantum_rate + pump_rate)

    # M and r for y = (A(+,0), A(0,-), A(+,-)) / g1
    square = coupling * coupling
    same = square * (3.0 * sum_ratio + difference_ratio + pair_ratio)
    m11 = plus * plus + damping + same
    m22 = minus * minus + damping + same
    m12 = square * (difference_ratio - 3.0 * sum_ratio - pair_ratio)
    m13 = -coupling * (plus + 2.0 * b_par * pair_ratio)
    m23 = -coupling * (minus - 2.0 * b_par * pair_ratio)
    m33 = 4.0 * b_par * b_par * pair_ratio + 2.0 * square + damping / pair_ratio
    drive = coupling * (1.0 - 1.5 * sum_at_rest)

    f21 = m12 / m11
    f31 = m13 / m11
    d2 = m22 - f21 * m12
    s23 = m23 - f21 * m13
    f32 = s23 / d2
    d3 = m33 - f31 * m13 - f32 * s23
    r2 = drive + f21 * drive
    r3 = f31 * drive - f32 * r2
    y3 = r3 / d3
    y2 = (r2 - s23 * y3) / d2
    y1 = (-drive - m12 * y2 - m13 * y3) / m11

    total = sum_at_rest - 2.0 * coupling * sum_ratio * (y1 - y2)
    spin_z = -2.0 * coupling * difference_ratio * (y1 + y2)
    spin_x = math.sqrt(2.0) * (plus * y1 - minus * y2)
    spin_y = -math.sqrt(2.0) * (decay / unit_rate) * (y1 + y2)
    return (
        1.0 - total,
        0.5 * (total - spin_z),
        0.5 * (total + spin_z),
        spin_x,
        spin_y,
        spin_z,
    )
