"""STATus: the part of the SCPI command tree that reads and masks the status registers."""

from sim_backends.wire.command_table import Call, Command, action, query
from sim_backends.wire.parameters import Number
from sim_backends.wire.scpi_error import SCPIError
from sim_backends.wire.status_register import ALL_BITS, StatusRegister

_MASK = Number(low=0, high=ALL_BITS, integer=True)


def _preset(call: Call) -> None:
    call.instrument.status.operation.preset()
    call.instrument.status.questionable.preset()


def _branch(node: str, name: str) -> tuple[Command, ...]:
    """Event, condition, enable mask and transition filters of one register."""

    def register(call: Call) -> StatusRegister:
        call.instrument.status.refresh()
        return getattr(call.instrument.status, name)

    def masked(word: str, attribute: str) -> Command:
        def put(call: Call) -> None:
            if len(call.parameters) != 1:
                raise SCPIError(-108 if call.parameters else -109)
            setattr(register(call), attribute, round(_MASK.parse(call.parameters[0])))

        return action(
            f"STATus:{node}:{word}", put, lambda call: str(getattr(register(call), attribute))
        )

    return (
        query(f"STATus:{node}[:EVENt]", lambda call: str(register(call).read_event()), most=0),
        query(f"STATus:{node}:CONDition", lambda call: str(register(call).condition), most=0),
        masked("ENABle", "enable"),
        masked("PTRansition", "positive"),
        masked("NTRansition", "negative"),
    )


STATUS: tuple[Command, ...] = (
    *_branch("OPERation", "operation"),
    *_branch("QUEStionable", "questionable"),
    action("STATus:PRESet", _preset, most=0),
)
