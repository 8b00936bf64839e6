"""What every IEEE 488.2 and SCPI instrument understands, whatever it is."""

from sim_backends.wire.command_table import Call, Command, action, ignored, query
from sim_backends.wire.parameters import Number
from sim_backends.wire.scpi_error import SCPIError
from sim_backends.wire.status import OPERATION_COMPLETE

_MASK = Number(low=0, high=255, integer=True)


def _mask(call: Call) -> int:
    if len(call.parameters) != 1:
        raise SCPIError(-108 if call.parameters else -109)
    return round(_MASK.parse(call.parameters[0]))


def _set_event_mask(call: Call) -> None:
    call.instrument.status.event_mask = _mask(call)


def _set_service_mask(call: Call) -> None:
    call.instrument.status.service_mask = _mask(call) & ~64


def _operation_complete(call: Call) -> None:
    call.instrument.status.event |= OPERATION_COMPLETE


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
    query("*IDN", lambda call: call.instrument.table.identity),
    query("*OPT", lambda call: call.instrument.table.options),
    query("*TST", lambda _: "0"),
    query("*STB", lambda call: str(call.instrument.status.byte())),
    query("*ESR", lambda call: str(call.instrument.status.read_event())),
    action("*ESE", _set_event_mask, lambda call: str(call.instrument.status.event_mask)),
    action("*SRE", _set_service_mask, lambda call: str(call.instrument.status.service_mask)),
    action("*OPC", _operation_complete, lambda _: "1"),
    action("*CLS", _clear),
    action("*RST", _reset),
    *ignored("*WAI"),
)
"""Of IEEE 488.2."""

SYSTEM: tuple[Command, ...] = (
    query("SYSTem:ERRor[:NEXT]", _next_error),
    query("SYSTem:ERRor:COUNt", lambda call: str(call.instrument.status.error_count())),
    query("SYSTem:ERRor:ALL", _all_errors),
    query("SYSTem:VERSion", lambda _: "1999.0"),
    *ignored("SYSTem:BEEPer[:IMMediate]", "SYSTem:LOCal", "SYSTem:REMote", "SYSTem:RWLock",
             "SYSTem:MIX"),
)  # fmt: skip
"""Of SCPI; instruments with `compact` headers are older than it."""
