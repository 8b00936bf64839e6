"""Papers measured again: a plug-in says which runs and which numbers, this makes the runs."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from labctl.core import load_rig_file
from labctl.core.catalog import find_plug_in
from labctl.core.runner import describe
from labctl.data import Run
from labctl.errors import CatalogError, RigError, RunAbortedError
from labctl.paper import PaperFigure
from labctl.session import RunHandle, open_rig, start
from labctl.storage.run_folder import check_folder

GROUP = "labctl.reproductions"

logger = logging.getLogger(__name__)


class Laboratory:
    """Runs sequences on simulated rigs by name; plays `labctl.paper.ReproductionLab`.

    Attributes:
        quick: see `ReproductionLab`.
    """

    def __init__(
        self, folder: Path, *, quick: bool, watch: Callable[[RunHandle], object] = RunHandle.wait
    ) -> None:
        self.quick = quick
        self._folder = folder
        self._watch = watch
        self._measured: dict[str, Run] = {}

    def run(
        self,
        rig: str,
        sequence: str,
        *,
        seed: int = 1,
        world: dict[str, Any] | None = None,
        **parameters: Any,
    ) -> Run:
        """Measure on an installed simulated rig; `world` changes figures of its apparatus.

        Raises:
            RigError: the rig is a real one.
            BadInputError, RunAbortedError, RunFailedError: as `labctl.run`.
        """
        spec = load_rig_file(rig)
        if spec.simulation is None:
            raise RigError(f"Rig `{rig}` is a real lab; a paper is reproduced on a simulated one.")
        asked = repr(
            (rig, sequence, seed, sorted((world or {}).items()), sorted(parameters.items()))
        )
        if asked in self._measured:  # one seed, one world: the same bytes once more
            return self._measured[asked]
        spec = spec.with_shared_arguments(spec.simulation, **(world or {}))
        with open_rig(spec, seed=seed) as lab:
            handle = start(sequence, lab, parameters, out=self._folder)
            self._watch(handle)
            self._measured[asked] = handle.result()
        return self._measured[asked]

    def world(self, rig: str) -> dict[str, Any]:
        """What an installed simulated rig says about its apparatus, its seed left out."""
        spec = load_rig_file(rig)
        arguments = spec.shared[spec.simulation].arguments if spec.simulation else {}
        return {name: value for name, value in arguments.items() if name != "seed"}


def find_reproduction(name: str) -> ModuleType:
    """The module of an installed reproduction: TITLE, PAPER and FIGURES.

    Raises:
        CatalogError: unknown or incomplete.
    """
    module = find_plug_in(GROUP, name)
    missing = [item for item in ("TITLE", "PAPER", "FIGURES") if not hasattr(module, item)]
    if missing:
        raise CatalogError(f"`{name}` is no reproduction: it lacks {', '.join(missing)}.")
    return module


def reproduce(
    module: ModuleType, lab: Laboratory, folder: Path, tell: Callable[[str], None]
) -> Iterator[PaperFigure]:
    """Measure figure after figure; one that fails is reported as such and does not stop the rest.

    Raises:
        OutputError: no file can be made in `folder`.
        RunAbortedError: stopped.
    """
    check_folder(folder)
    for figure in module.FIGURES:
        tell(f"{module.TITLE}: {(figure.__doc__ or figure.__name__).partition(chr(10))[0]}")
        try:
            yield figure(lab)
        except RunAbortedError:
            raise
        except Exception as error:  # the other figures are worth their hour
            logger.exception("Figure %s failed", figure.__name__)
            yield PaperFigure(
                number=figure.__name__.removeprefix("figure_"),
                title="not measured",
                notes=(f"The measurement failed: {describe(error)}",),
            )
