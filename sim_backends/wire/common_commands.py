"""What every IEEE 488.2 and SCPI instrument understands, whatever it is."""

from sim_backends.wire.command_table import Call, Command, action, ignored, query
from sim_backends.wire.parameters import Number
from sim_backends.wire.scpi_error import SCPIError
from sim_backends.wire.status import OPERATION_COMPLETE
from sim_backends.wire.status_commands import STATUS

_MASK = Number(low=0, high=255, integer=True)
_FLAG = Number(low=-32767, high=32767, integer=True)


def _integer(call: Call, kind: Number) -> int:
    if len(call.parameters) != 1:
        raise SCPIError(-108 if call.parameters else -109)
    return round(kind.parse(call.parameters[0]))


def _set_event_mask(call: Call) -> None:
    call.instrument.status.event_mask = _integer(call, _MASK)


def _set_service_mask(call: Call) -> None:
    call.instrument.status.service_mask = _integer(call, _MASK) & ~64


def _operation_complete(call: Call) -> None:
    call.instrument.status.event |= OPERATION_COMPLETE


def _set_power_on_clear(call: Call) -> None:
    call.instrument.status.clear_at_power_on = _integer(call, _FLAG) != 0


def _status_byte(call: Call) -> str:
    return str(call.instrument.status.byte(call.instrument.message_available))


def _register(call: Call) -> int:
    return _integer(call, Number(low=0, high=call.instrument.table.registers, integer=True))


def _save(call: Call) -> None:
    call.instrument.states.save(_register(call))


def _recall(call: Call) -> None:
    call.instrument.states.recall(_register(call))


def _trigger(call: Call) -> None:
    if call.instrument.table.trigger is None:
        raise SCPIError(-211)
    call.instrument.table.trigger(call)


def _clear(call: Call) -> None:
    call.instrument.status.clear()


def _reset(call: Call) -> None:
    call.instrument.reset()


def _next_error(call: Call) -> str:
    number, message = call.instrument.status.next_error()
    shown = str(number) if number else call.instrument.table.no_error
    return f'{shown},"{message}"'


def _all_errors(call: Call) -> str:
    count = max(call.instrument.status.error_count(), 1)
    return ",".join(_next_error(call) for _ in range(count))


COMMON: tuple[Command, ...] = (
    query("*IDN", lambda call: call.instrument.table.identity, most=0, indefinite=True),
    query("*OPT", lambda call: call.instrument.table.options, most=0, indefinite=True),
    query("*TST", lambda _: "0", most=0),
    query("*STB", _status_byte, most=0),
    query("*ESR", lambda call: str(call.instrument.status.read_event()), most=0),
    action(
        "*ESE", _set_event_mask, lambda call: str(call.instrument.status.event_mask), most_asked=0
    ),
    action(
        "*SRE",
        _set_service_mask,
        lambda call: str(call.instrument.status.service_mask),
        most_asked=0,
    ),
    action(
        "*PSC",
        _set_power_on_clear,
        lambda call: "1" if call.instrument.status.clear_at_power_on else "0",
        most_asked=0,
    ),
    action("*OPC", _operation_complete, lambda _: "1", most=0, most_asked=0),
    action("*CLS", _clear, most=0),
    action("*RST", _reset, most=0),
    action("*SAV", _save),
    action("*RCL", _recall),
    action("*TRG", _trigger, most=0),
    action("*WAI", lambda _: None, most=0),
)
"""Of IEEE 488.2, chapter 10."""

SYSTEM: tuple[Command, ...] = (
    query("SYSTem:ERRor[:NEXT]", _next_error, most=0),
    query("STATus:QUEue[:NEXT]", _next_error, most=0),
    query("SYSTem:ERRor:COUNt", lambda call: str(call.instrument.status.error_count()), most=0),
    query("SYSTem:ERRor:ALL", _all_errors, most=0),
    query("SYSTem:VERSion", lambda _: "1999.0", most=0),
    *STATUS,
    *ignored("SYSTem:BEEPer[:IMMediate]", "SYSTem:LOCal", "SYSTem:REMote", "SYSTem:RWLock",
             "SYSTem:MIX"),
)  # fmt: skip
"""Of SCPI; instruments with `compact` headers are older than it."""
