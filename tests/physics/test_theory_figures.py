"""The figures of docs/theory.md are those the code draws."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_every_figure_of_the_theory_page_is_drawn(tmp_path: Path, repository: Path) -> None:
    script = repository / "docs" / "make_theory_figures.py"
    subprocess.run([sys.executable, str(script), str(tmp_path)], check=True, timeout=240)
    drawn = {f"figures/{path.name}" for path in tmp_path.iterdir()}
    page = (repository / "docs" / "theory.md").read_text(encoding="utf-8")
    assert drawn == {part.split(")")[0] for part in page.split("](")[1:]}
