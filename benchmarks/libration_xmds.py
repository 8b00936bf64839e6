"""The libration in XMDS2: a generated script, its compilation, its speed and its numbers.

XMDS2 is Debian's package `xmds2`. The layout below is the fastest found: one XMDS2 vector per
quantity, so that the compiler sees contiguous memory; no transverse dimension at all for a
single trajectory; lattices of 128 points (which fit the first cache), repeated as paths, for
many. Lattices of 64 to 1024, all four quantities in one vector, `<auto_vectorise/>`, wider
vectors and more alias checks change its rate by less than 10 %: most of its time goes into its
Gaussian random numbers (dSFMT, the fastest it has, and the polar method).

`xmds2 file.xmds` fails in its compilation step in some sandboxes; `xmds2 -n` writes the C++ file,
which g++ then compiles with the flags of XMDS2's own configuration.
"""

import os
import resource
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from sim_backends.physics.spin_libration import SpinLibration

LATTICE = 128
OPTIMISED = (
    "-march=native", "-mtune=native", "-O3", "-ffast-math", "-funroll-all-loops",
    "-fomit-frame-pointer", "--param", "vect-max-version-for-alias-checks=1000",
)  # fmt: skip
ALGORITHMS = {"RK4": ("RK4", None), "SI": ("SI", 3), "SI, 2 iterations": ("SI", 2)}
QUANTITIES = ("phi", "v", "s", "u")


@dataclass(frozen=True, kw_only=True)
class Setup:
    """One XMDS2 simulation.

    Attributes:
        algorithm: key of `ALGORITHMS`.
        points: size of the transverse dimension, 0 for none.
        paths: repetitions.
        steps, step_s, samples: of the integration; samples must divide steps.
        start: angle, velocity, S-1, S+1 at time 0.
        noise: whether the gas kicks.
    """

    algorithm: str
    points: int = 0
    paths: int = 1
    steps: int = 1000
    step_s: float = 50e-6
    samples: int = 1
    start: tuple[float, float, float, float] = (0.0, 0.0, 0.15, 0.15)
    noise: bool = True


def script(name: str, p: SpinLibration, setup: Setup) -> str:
    """The XMDS2 script of the Langevin equations with a Lorentzian line."""
    algorithm, iterations = ALGORITHMS[setup.algorithm]
    k, q = p.relaxation
    kick = np.sqrt(2 * p.gamma_s * p.kt_over_i) if setup.noise else 0.0
    constants = {
        "om2": p.omega_rad_s**2, "ga": p.gamma_s, "torque": p.torque_s2, "k": k, "q": q,
        "pump": p.pump_rate, "peak": p.peak_rate, "detuning": p.detuning_s * p.t2star_s,
        "gradient": p.gradient_s * p.t2star_s, "amp": kick,
    }  # fmt: skip
    dimension, over, basis = "", "", ""
    if setup.points:
        dimension = (
            '<transverse_dimensions><dimension name="n" type="integer" '
            f'lattice="{setup.points}" domain="(0,{setup.points - 1})" /></transverse_dimensions>'
        )
        over, basis = 'dimensions="n"', 'basis="n"'
    driver = f'name="multi-path" paths="{setup.paths}"' if setup.paths > 1 else 'name="none"'
    vectors = "\n".join(
        f'<vector name="v_{c}" type="real" {over}><components> {c} </components>'
        f"<initialisation><![CDATA[ {c} = {value!r}; ]]></initialisation></vector>"
        for c, value in zip(QUANTITIES, map(float, setup.start), strict=True)
    )
    names = " ".join(f"v_{c}" for c in QUANTITIES)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<simulation xmds-version="2">
<name>{name}</name>
<features><globals><![CDATA[
  const real {", ".join(f"{key} = {float(value)!r}" for key, value in constants.items())};
]]></globals></features>
<geometry><propagation_dimension> t </propagation_dimension>{dimension}</geometry>
<driver {driver} />
{vectors}
<noise_vector name="gas" kind="wiener" type="real" method="dsfmt" seed="314" {over}>
  <components> xi </components>
</noise_vector>
<sequence>
  <integrate algorithm="{algorithm}" {f'iterations="{iterations}"' if iterations else ""}
      interval="{setup.steps * setup.step_s!r}" steps="{setup.steps}">
    <samples>{setup.samples}</samples>
    <operators>
      <integration_vectors>{names}</integration_vectors><dependencies>gas</dependencies>
      <![CDATA[
        const real x = detuning + gradient*phi;
        const real w = peak/(1.0 + x*x);
        const real ground = 1.0 - s - u;
        dphi_dt = v;
        dv_dt = -om2*phi - ga*v + torque*(s - u) + amp*xi;
        ds_dt = w*(ground - s) - pump*s + k*(ground - s) + q*(u - s);
        du_dt = -pump*u + k*(ground - u) + q*(s - u);
      ]]>
    </operators>
  </integrate>
</sequence>
<output><sampling_group {basis} initial_sample="no">
  <moments> {" ".join(f"m_{c}" for c in QUANTITIES)} </moments>
  <dependencies>{names}</dependencies>
  <![CDATA[ {" ".join(f"m_{c} = {c};" for c in QUANTITIES)} ]]>
</sampling_group></output>
</simulation>
"""


def missing() -> str | None:
    """What has to be installed before XMDS2 can run, or None."""
    for program, package in (("xmds2", "xmds2"), ("g++", "g++")):
        if shutil.which(program) is None:
            return f"{program} (Debian: apt-get install {package})"
    return None


def _headers() -> list[str]:
    """Include and link options of XMDS2's own headers and of HDF5."""
    program = Path(shutil.which("xmds2") or "xmds2")
    shebang = program.read_text(errors="replace").splitlines()[0].removeprefix("#!").split()
    ask = "import os, xpdeint; print(os.path.dirname(xpdeint.__file__))"
    package = subprocess.run([*shebang, "-c", ask], capture_output=True, text=True, check=True)
    hdf5 = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "hdf5"], capture_output=True, text=True, check=False
    )
    options = hdf5.stdout.split() if hdf5.returncode == 0 else ["-lhdf5"]
    return [
        f"-I{Path(package.stdout.strip()) / 'includes'}", "-DHAVE_HDF5_HL", "-DHAVE_H5LEXISTS",
        *(option for option in options if option != "-lhdf5"), "-lhdf5_hl", "-lhdf5",
    ]  # fmt: skip


def build(folder: Path, name: str, p: SpinLibration, setup: Setup) -> Path:
    """Write, generate and compile a simulation; the program.

    Raises:
        RuntimeError: XMDS2 or the compiler failed, with the end of its message.
    """
    (folder / f"{name}.xmds").write_text(script(name, p, setup))
    options = _headers()
    compiler = ["g++", *OPTIMISED, f"{name}.cc", "-o", name, *options]
    for command in (["xmds2", "-n", f"{name}.xmds"], compiler):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode or not (folder / f"{name}.cc").exists():
            tail = (done.stdout + done.stderr)[-500:]
            raise RuntimeError(f"{' '.join(command[:2])} failed: {tail}")
    return folder / name


def run(program: Path) -> float:
    """Run a program on one thread; its CPU time in s."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(
        [str(program)], cwd=program.parent, capture_output=True, check=True, env=environment
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def samples(folder: Path, name: str, p: SpinLibration, setup: Setup) -> NDArray[Any]:
    """What a simulation recorded, shape (4, points, samples), or (4, samples) without points."""
    program = build(folder, name, p, setup)
    run(program)
    with h5py.File(folder / f"{name}.h5") as file:
        record = np.array([file[f"1/m_{c}"][()] for c in QUANTITIES])
    return np.moveaxis(record, 1, -1) if setup.points else record


class Rate:
    """The speed of XMDS2 for N trajectories: a long run minus a short one cancels the start."""

    def __init__(
        self, folder: Path, p: SpinLibration, algorithm: str, trajectories: int, steps: int
    ) -> None:
        points = 0 if trajectories == 1 else min(LATTICE, trajectories)
        paths = max(trajectories // max(points, 1), 1)
        self._programs: list[tuple[int, Path]] = []
        for part in (10, 1):
            short = max(steps // part, 1)
            name = f"x{list(ALGORITHMS).index(algorithm)}_{trajectories}_{part}"
            setup = Setup(algorithm=algorithm, points=points, paths=paths, steps=short)
            work = short * max(points, 1) * paths
            self._programs.append((work, build(folder, name, p, setup)))

    def measure(self) -> float:
        """Trajectory-steps per second of CPU time."""
        (less, short), (more, long) = self._programs
        seconds = run(long) - run(short)
        return (more - less) / max(seconds, 1e-9)
