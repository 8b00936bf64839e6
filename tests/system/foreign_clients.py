"""What other people's released packages do with the served lab; run as a program of its own.

    python foreign_clients.py NAME RESOURCE [NUMBER]...

Nothing here imports labctl: an environment with the foreign package is enough.
"""

import os
import sys
from collections.abc import Callable
from typing import Any


def pymeasure_sg380(resource: str, hertz: str) -> object:
    from pymeasure.instruments.srs import SG380

    generator = SG380(resource, visa_library="@py", read_termination="\r\n", write_termination="\n")
    generator.frequency = float(hertz)
    return generator.frequency


def pymeasure_8257d(resource: str, hertz: str) -> object:
    from pymeasure.instruments.agilent import Agilent8257D

    generator = Agilent8257D(resource, visa_library="@py", **LINE_ENDS)
    generator.power = 10
    generator.frequency = float(hertz)
    generator.enable()
    assert generator.check_errors() == []
    return generator.frequency


def pymeasure_33500(resource: str, volts: str) -> object:
    from pymeasure.instruments.agilent import Agilent33500

    generator = Agilent33500(resource, visa_library="@py", **LINE_ENDS)
    generator.ch_2.shape = "DC"
    generator.ch_2.offset = float(volts)
    generator.ch_2.output = "on"
    assert generator.ch_1.output
    assert generator.check_errors() == []
    return generator.ch_2.offset


def pymeasure_hmp4040(resource: str, amperes: str) -> object:
    from pymeasure.instruments.rohdeschwarz.hmp import HMP4040

    supply = HMP4040(resource, visa_library="@py", **LINE_ENDS)
    supply.selected_channel = 1
    supply.voltage_and_current = (5, float(amperes))
    supply.set_channel_state(1, True)
    supply.output_enabled = True
    assert supply.check_errors() == []
    return supply.measured_current


def pymeasure_e36312a(resource: str, amperes: str) -> object:
    from pymeasure.instruments.keysight import KeysightE36312A

    supply = KeysightE36312A(resource, visa_library="@py", **LINE_ENDS)
    supply.ch_1.voltage_setpoint = 5
    supply.ch_1.current_limit = float(amperes)
    supply.ch_1.output_enabled = True
    assert supply.check_errors() == []
    return supply.ch_1.current


def pymeasure_mks937b(resource: str) -> object:
    from pymeasure.instruments.mksinst.mks937b import MKS937B, Unit

    gauge = MKS937B(resource, visa_library="@py")
    gauge.unit = Unit.Pa
    return gauge.ch_1.pressure


def pymeasure_smartline(resource: str) -> object:
    from pymeasure.instruments.thyracont.smartline_v1 import SmartlineV1

    gauge = SmartlineV1(resource, visa_library="@py")
    return 100 * gauge.pressure


def qcodes_sgs100a(resource: str, hertz: str) -> object:
    from qcodes.instrument_drivers.rohde_schwarz import RohdeSchwarzSGS100A

    generator = RohdeSchwarzSGS100A("generator", resource, visalib="@py")
    generator.power(10)
    generator.frequency(float(hertz))
    generator.status(True)
    generator.snapshot(update=True)
    assert generator.ask("SYST:ERR:COUN?") == "0"
    return generator.frequency()


def qcodes_sg384(resource: str, hertz: str) -> object:
    from qcodes.instrument_drivers.stanford_research import SG384

    generator = SG384("generator", resource, visalib="@py")
    generator.amplitude_RF(10)
    generator.frequency(float(hertz))
    generator.enable_RF("ON")
    return generator.frequency()


def qcodes_33522b(resource: str, volts: str) -> object:
    from qcodes.instrument_drivers.Keysight import Keysight33522B

    generator = Keysight33522B("generator", resource, visalib="@py")
    generator.ch2.function_type("DC")
    generator.ch2.offset(float(volts))
    generator.ch2.output("ON")
    generator.snapshot(update=True)
    assert generator.error()[0] == 0
    return generator.ch2.offset()


def qcodes_contrib_smb100a(resource: str, hertz: str) -> object:
    from qcodes_contrib_drivers.drivers.RohdeSchwarz.SMB100A import RohdeSchwarz_SMB100A

    generator = RohdeSchwarz_SMB100A("generator", resource, visalib="@py")
    generator.power(10)
    generator.frequency(float(hertz))
    generator.status(1)
    return generator.frequency()


def rsinstrument_smb100a(resource: str, hertz: str) -> object:
    from RsInstrument import RsInstrument

    generator = RsInstrument(resource, True, False, "SelectVisa='SocketIo'")
    generator.write("SOURce1:POWer:LEVel:IMMediate:AMPLitude 10")
    generator.write_float_with_opc("SOURce1:FREQuency:CW", float(hertz))
    generator.write_bool_with_opc("OUTPut1:STATe", True)
    assert generator.query_all_errors() in (None, [])
    return generator.query_float("SOURce1:FREQuency:CW?")


def windfreak_synth_hd(resource: str, hertz: str) -> object:
    from windfreak import SynthHD

    synth = SynthHD(resource.removeprefix("ASRL").partition("::")[0])
    assert synth.model == "SynthHD PRO v2"
    synth[0].frequency = float(hertz)
    synth[0].power = 10.0
    synth[0].enable = True
    assert synth[0].calibrated
    assert synth[0].power == 10.0
    assert not synth[1].enable
    return synth[0].frequency


def vxi11_smb100a(resource: str, hertz: str) -> object:
    import vxi11

    generator = vxi11.Instrument(*_found_by_the_port_mapper(resource))
    generator.write("SOUR:POW 10 DBM")
    generator.write(f"SOUR:FREQ {float(hertz)}")
    generator.lock()
    generator.write("OUTP ON")
    generator.unlock()
    assert generator.ask("SYST:ERR?") == '0,"No error"'
    generator.trigger()
    assert generator.ask("SYST:ERR?").startswith("-211,")
    generator.clear()
    assert generator.read_stb() & 16 == 0
    return generator.ask("SOUR:FREQ?")


def pyvisa_vxi11_33522b(resource: str, volts: str) -> object:
    import pyvisa
    from pyvisa_py.protocols import rpc

    place, _, device = resource.partition("/")
    host, _, port = place.partition(":")
    rpc.PMAP_PORT = int(port)
    generator = pyvisa.ResourceManager("@py").open_resource(f"TCPIP::{host}::{device}::INSTR")
    generator.write(f"SOUR2:APPL:DC DEF,DEF,{float(volts)}")
    assert generator.query("SYST:ERR?").startswith("+0,")
    return generator.query("SOUR2:VOLT:OFFS?")


def _found_by_the_port_mapper(resource: str) -> tuple[str, str]:
    """Host and device of "host:port/device", after telling vxi11 where to ask."""
    import vxi11

    place, _, device = resource.partition("/")
    host, _, port = place.partition(":")
    vxi11.rpc.PMAP_PORT = int(port)  # a served lab without --portmapper is not at 111
    return host, device


def pulsestreamer(host: str, bright_percent: str) -> object:
    from pulsestreamer import OutputState, PulseStreamer, Sequence

    streamer = PulseStreamer(host)
    bright = int(float(bright_percent) * 1e6)
    sequence = Sequence()
    sequence.setDigital(0, [(bright, 1), (100_000_000 - bright, 0)])
    sequence.setDigital(1, [(100_000_000, 1)])
    streamer.stream(sequence, PulseStreamer.REPEAT_INFINITELY, OutputState([0, 1], 0, 0))
    return int(streamer.isStreaming())


def qudi_srssg(resource: str, hertz: str) -> object:
    generator = _qudi_generator(resource)
    generator.set_cw(float(hertz), 10.0)
    generator.cw_on()
    generator.off()
    assert generator.module_state() == "idle"
    generator.cw_on()
    assert generator.cw_power == 10.0
    return generator.cw_frequency


def qudi_srssg_scan(resource: str, *hertz: str) -> object:
    """Leave the generator waiting for the triggers of a scan."""
    from qudi.util.enums import SamplingOutputMode

    generator = _qudi_generator(resource)
    generator.set_cw(float(hertz[0]), -100.0)
    frequencies = [float(one) for one in hertz]
    generator.configure_scan(10.0, frequencies, SamplingOutputMode.JUMP_LIST, 100.0)
    generator.start_scan()
    generator.reset_scan()
    assert generator.is_scanning
    return len(generator.scan_frequencies)


def _qudi_generator(resource: str) -> Any:
    """The module as qudi's manager loads and activates it from a configuration.

    It stays active when the program ends: deactivated, it would switch the output off.
    """
    os.environ["PYVISA_LIBRARY"] = "@py"
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from PySide6.QtCore import QCoreApplication
    from qudi.core.modulemanager import ModuleManager

    main = QCoreApplication([])  # stands for the program qudi: modules keep a weak reference to it
    manager = ModuleManager(qudi_main=main)
    manager.add_module(
        "generator",
        "hardware",
        configuration={
            "module.Class": "microwave.mw_source_srssg.MicrowaveSRSSG",
            "options": {"visa_address": resource, "comm_timeout": 10},
        },
    )
    manager.activate_module("generator")
    KEPT.extend((main, manager))
    return manager["generator"].instance


KEPT: list[object] = []
LINE_ENDS = {"read_termination": "\n", "write_termination": "\n"}
CLIENTS: dict[str, Callable[..., object]] = {
    client.__name__: client
    for client in (
        pymeasure_sg380, pymeasure_8257d, pymeasure_33500, pymeasure_hmp4040, pymeasure_e36312a,
        pymeasure_mks937b, pymeasure_smartline,
        qcodes_sgs100a, qcodes_sg384, qcodes_33522b, qcodes_contrib_smb100a, rsinstrument_smb100a,
        windfreak_synth_hd, vxi11_smb100a, pyvisa_vxi11_33522b,
        pulsestreamer, qudi_srssg, qudi_srssg_scan,
    )
}  # fmt: skip

if __name__ == "__main__":
    print("answer:", CLIENTS[sys.argv[1]](*sys.argv[2:]))
