"""Write docs/coverage.md: python -m tests.calibration.table [--only FIT ...] [--draws 500]."""

import argparse
import os
import pkgutil
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

import tests.calibration as package
from tests.calibration.simulation import Calibration, Coverage, calibrate

TABLE = Path(__file__).parents[2] / "docs" / "coverage.md"
SECTION = "\n## "
HEAD = """\
# Are the errors right?

Every fit of labctl says how well it knows a value. Here each is asked up to 500 times: parameters
are drawn from a prior, data made from them with their real kind of noise, and the fit is run.
Errors are right where the truth lies within one error in 68 % of the draws, and the rank of the
truth in the fit's Gaussian is uniform (simulation-based calibration: Talts et al.,
arXiv:1804.06788). 500 draws know the share to 2 %; a row is *honest* within 4 %.

*Claimed*: in how many draws the fit gave the value at all; the rest ended in a note. *Bias* is the
mean of (value - truth)/error. *Ranks* is the chance of ranks as uneven as these were they uniform.

Made by `python -m tests.calibration.table`; a few draws of every fit run with the tests.
"""


def calibrations() -> list[Calibration]:
    """All that the modules of this folder offer as `CALIBRATIONS`, by name."""
    modules = (
        import_module(f"{package.__name__}.{module.name}")
        for module in pkgutil.iter_modules(package.__path__)
        if not module.name.startswith("test_")
    )
    found = [one for module in modules for one in getattr(module, "CALIBRATIONS", ())]
    return sorted(found, key=lambda one: one.name)


def section(calibration: Calibration, rows: Iterable[Coverage]) -> str:
    """The part of the table that belongs to one fit, heading first."""
    lines = [
        calibration.name,
        "",
        calibration.prior,
        "",
        "| value | draws | claimed | within 1 σ | within 2 σ | bias | ranks | verdict |",
        "|---|---:|---:|---:|---:|---:|---:|---|",
    ]
    for row in rows:
        remark = calibration.remarks.get(row.name, "")
        lines.append(
            f"| {row.name} | {row.asked} | {row.claimed} | {100 * row.within(1):.1f} %"
            f" | {100 * row.within(2):.1f} % | {row.bias:+.2f} | {row.ranks_p:.3f}"
            f" | {row.verdict}{': ' + remark if remark and row.verdict != 'honest' else ''} |"
        )
    return "\n".join([*lines, ""])


def sections(text: str) -> dict[str, str]:
    """Heading -> section of a table that was written earlier."""
    return {part.split("\n", 1)[0]: part for part in text.split(SECTION)[1:]}


def main() -> None:
    """Draw, fit, and put the new sections in the place of the old ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="FIT", help="leave the other sections alone")
    parser.add_argument("--draws", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--output", type=Path, default=TABLE)
    options = parser.parse_args()
    known = {one.name: one for one in calibrations()}
    if unknown := set(options.only or ()) - set(known):
        parser.error(f"no such fit: {', '.join(unknown)}; there are {', '.join(known)}")
    old = sections(options.output.read_text()) if options.output.exists() else {}
    parts = {name: text for name, text in old.items() if name in known}
    for name in options.only or known:
        rows = calibrate(known[name], options.draws, seed=options.seed, processes=options.processes)
        parts[name] = section(known[name], rows)
        print(parts[name], flush=True)
        options.output.write_text(HEAD + "".join(SECTION + parts[key] for key in sorted(parts)))


if __name__ == "__main__":
    main()
