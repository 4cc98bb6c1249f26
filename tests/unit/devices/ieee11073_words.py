"""What an agent may say to a manager, word by word, for the tests of both."""

from datetime import datetime

from clinic_records.clock import CHINA
from devices.ieee11073.manager import Manager
from devices.ieee11073.states import Heard, State
from devices.simulators import phd
from recordings.ieee11073 import apdu as apdus
from recordings.ieee11073 import nomenclature as mdc
from recordings.ieee11073.apdu import Data, envelope, event, presentation, read_apdu, split
from recordings.ieee11073.association import request, response
from recordings.ieee11073.configuration import Configuration, numeric
from recordings.ieee11073.mder import absolute_time, octets, sequence, u16, u32
from recordings.ieee11073.reports import fixed_report
from recordings.ieee11073.standard import BASIC, BLOOD_PRESSURE

NOW = datetime(2026, 11, 23, 9, 30, 15, tzinfo=CHINA)
SYSTEM = b"\x02device1"
REPORT = fixed_report(0, ((2, b"\0\x47" + absolute_time(NOW)),))


def confirmed(kind: int, info: bytes, *, invoke_id: int = 9, handle: int = 0) -> bytes:
    return presentation(Data(invoke_id, apdus.CONFIRMED_EVENT_REPORT, event(handle, kind, info)))


UNREAD = Configuration(0x4000, {1: numeric(1, 0xF012, mdc.DIM_DIMLESS, (BASIC,))})
SAID = {
    Heard.REQUEST_KNOWN: request(SYSTEM, 0x02BC),
    Heard.REQUEST_UNKNOWN: request(SYSTEM, 0x4000),
    Heard.REQUEST_UNACCEPTABLE: envelope(apdus.AARQ, u32(0x80000000) + sequence((u16(0xFFFF) + octets(b""),))),
    Heard.ASSOCIATION_RESPONSE: response(0, SYSTEM),
    Heard.RELEASE_REQUEST: envelope(apdus.RLRQ, u16(0)),
    Heard.RELEASE_RESPONSE: envelope(apdus.RLRE, u16(0)),
    Heard.ABORT: envelope(apdus.ABRT, u16(0)),
    Heard.GOOD_CONFIGURATION: confirmed(mdc.NOTI_CONFIG, BLOOD_PRESSURE.encode()),
    Heard.BAD_CONFIGURATION: confirmed(mdc.NOTI_CONFIG, UNREAD.encode()),
    Heard.REPORT: confirmed(mdc.NOTI_SCAN_REPORT_FIXED, REPORT),
    Heard.OPERATION: presentation(Data(3, apdus.GET, u16(0) + sequence(()))),
    Heard.ANSWER: presentation(Data(77, apdus.GET_RESULT, u16(0) + sequence(()))),
}
PATHS = {
    State.UNASSOCIATED: (),
    State.WAITING_FOR_CONFIGURATION: (Heard.REQUEST_UNKNOWN,),
    State.OPERATING: (Heard.REQUEST_KNOWN,),
}


def in_state(state: State) -> Manager:
    manager = Manager()
    for heard in PATHS[state]:
        manager.hear(SAID[heard])
    assert manager.state is state
    return manager


def kinds(said: bytes) -> list[int]:
    return [read_apdu(each).kind for each in split(said)]


def choices(said: bytes) -> list[int]:
    return [data.choice for each in split(said) if (data := read_apdu(each).data)]


MODELS = {
    "blood-pressure": phd.BLOOD_PRESSURE,
    "oximetry": phd.OXIMETER,
    "temperature": phd.THERMOMETER,
    "body": phd.SCALE,
    "glucose": phd.GLUCOSE,
    "peak-flow": phd.PEAK_FLOW,
}
