"""The list of states of Stanford Research Systems generators: every trigger loads the next one."""

from collections.abc import Iterable

from sim_backends.wire.command_table import Call, Command, action, query
from sim_backends.wire.parameters import Boolean, Number
from sim_backends.wire.scpi_error import SCPIError

LONGEST_LIST = 10_000
VALUES_PER_STATE = 15
UNCHANGED = "N"
FREQUENCY, POWER = 0, 4
"""Places within a state that act on the simulated lab; the others are kept and shown."""
_COUNT = Number(low=1, high=LONGEST_LIST, integer=True)
_INDEX = Number(low=0, high=LONGEST_LIST - 1, integer=True)


class StateList:
    """States as an instrument keeps them.

    Attributes:
        states: fifteen texts each, `UNCHANGED` where a trigger changes nothing.
        index: of the state that the next trigger loads; after the last one the first follows.
        enabled: whether triggers are obeyed.
    """

    def __init__(self, size: int) -> None:
        self.states = [[UNCHANGED] * VALUES_PER_STATE for _ in range(size)]
        self.index = 0
        self.enabled = False


def list_commands(frequency: Number, power: Number) -> Iterable[Command]:
    """LSTC?, LSTD, LSTE, LSTI, LSTP, LSTR, LSTS? and *TRG.

    `frequency` and `power` are what the commands for a single value accept.
    """
    followed = {FREQUENCY: frequency, POWER: power}

    def set_point(call: Call) -> None:
        held = _held(call)
        if not 1 < len(call.parameters) <= VALUES_PER_STATE + 1:
            raise SCPIError(-109 if len(call.parameters) < 2 else -108)
        values = [text.strip().upper() for text in call.parameters[1:]]
        for place, kind in followed.items():
            if place < len(values) and values[place] != UNCHANGED:
                values[place] = kind.show(kind.parse(values[place]))
        state = held.states[_index(held, call.parameters[0])]
        state[:] = values + [UNCHANGED] * (VALUES_PER_STATE - len(values))

    def trigger(call: Call) -> None:
        held = call.instrument.memory.get(_KEY)
        if held is None or not held.enabled:
            return
        state = held.states[held.index]
        held.index = (held.index + 1) % len(held.states)
        microwave = call.instrument.bench.microwave
        if state[FREQUENCY] != UNCHANGED:
            microwave.frequency_hz = frequency.parse(state[FREQUENCY])
        if state[POWER] != UNCHANGED:
            microwave.power_dbm = power.parse(state[POWER])

    return (
        query("LSTC", _create),
        query("LSTS", lambda call: str(len(_held(call).states))),
        action("LSTD", lambda call: call.instrument.memory.pop(_KEY, None)),
        action("LSTE", _enable, lambda call: "1" if _held(call).enabled else "0"),
        action("LSTI", _point_to, lambda call: str(_held(call).index)),
        action("LSTP", set_point, _show_point),
        action("LSTR", _rewind),
        action("*TRG", trigger),
    )


_KEY = ("LSTC", 0)


def _held(call: Call) -> StateList:
    held = call.instrument.memory.get(_KEY)
    if held is None:
        raise SCPIError(-221, "no list")
    return held


def _only(call: Call) -> str:
    if len(call.parameters) != 1:
        raise SCPIError(-108 if call.parameters else -109)
    return call.parameters[0]


def _index(held: StateList, text: str) -> int:
    index = round(_INDEX.parse(text))
    if index >= len(held.states):
        raise SCPIError(-222, "list index")
    return index


def _create(call: Call) -> str:
    call.instrument.memory[_KEY] = StateList(round(_COUNT.parse(_only(call))))
    return "1"


def _enable(call: Call) -> None:
    _held(call).enabled = Boolean().parse(_only(call))


def _point_to(call: Call) -> None:
    held = _held(call)
    held.index = _index(held, _only(call))


def _show_point(call: Call) -> str:
    held = _held(call)
    return ",".join(held.states[_index(held, _only(call))])


def _rewind(call: Call) -> None:
    _held(call).index = 0
