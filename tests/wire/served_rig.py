"""The rig `sim_tcp` with the ports that a served lab happens to have."""

from collections.abc import Mapping
from pathlib import Path

from sim_backends.wire.catalogue import dialects, port_of, socket_resource


def served_rig(resources: Mapping[str, str], folder: Path, *, extra: str = "") -> Path:
    """Write the rig file.

    Args:
        resources: VISA resource name of every model.
        folder: where to.
        extra: TOML behind it.
    """
    text = (Path(__file__).parents[2] / "configs" / "sim_tcp.toml").read_text(encoding="utf-8")
    for dialect in dialects():
        text = text.replace(socket_resource("127.0.0.1", port_of(dialect)), resources[dialect])
    path = folder / "served.toml"
    path.write_text(text + extra, encoding="utf-8")
    return path
