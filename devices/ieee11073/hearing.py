"""Which of the manager's events an APDU is."""

from typing import Final

from devices.ieee11073.states import Heard
from recordings.ieee11073 import apdu as apdus
from recordings.ieee11073 import nomenclature as mdc
from recordings.ieee11073.apdu import Apdu, Event, read_event
from recordings.ieee11073.association import read_request
from recordings.ieee11073.codes import METRICS
from recordings.ieee11073.configuration import read_configuration
from recordings.ieee11073.reports import FORMS
from recordings.ieee11073.standard import STANDARD

_CONTROLS: Final = {
    apdus.AARE: Heard.ASSOCIATION_RESPONSE,
    apdus.RLRQ: Heard.RELEASE_REQUEST,
    apdus.RLRE: Heard.RELEASE_RESPONSE,
    apdus.ABRT: Heard.ABORT,
}


def classify(apdu: Apdu) -> Heard:
    """The event.

    Raises:
        BadFrame: what must be read for it is damaged.
    """
    if apdu.kind == apdus.AARQ:
        asked = read_request(apdu.body)
        if asked is None or not asked.is_understood:
            return Heard.REQUEST_UNACCEPTABLE
        return Heard.REQUEST_KNOWN if asked.configuration in STANDARD else Heard.REQUEST_UNKNOWN
    data = apdu.data
    if data is None:
        return _CONTROLS[apdu.kind]
    if data.choice in {apdus.CONFIRMED_EVENT_REPORT, apdus.EVENT_REPORT}:
        is_confirmed = data.choice == apdus.CONFIRMED_EVENT_REPORT
        return _classify_event(read_event(data.body, has_time=True), is_confirmed=is_confirmed)
    return Heard.ANSWER if data.choice >= apdus.EVENT_REPORT_RESULT else Heard.OPERATION


def _classify_event(told: Event, *, is_confirmed: bool) -> Heard:
    if told.type == mdc.NOTI_CONFIG and is_confirmed:
        objects = read_configuration(told.info).objects.values()
        is_read = any(
            each.object_class == mdc.MOC_PMSTORE or METRICS.keys() & {each.metric[1], *each.parts} for each in objects
        )
        return Heard.GOOD_CONFIGURATION if is_read else Heard.BAD_CONFIGURATION
    if told.type in FORMS or (told.type == mdc.NOTI_SEGMENT_DATA and is_confirmed):
        return Heard.REPORT
    return Heard.OPERATION
