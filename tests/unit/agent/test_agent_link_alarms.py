"""Every verdict on a greeting is told in words, at both ends."""

from cloud_hospital.alarms import HAPPENED
from sync.admission import Admission
from sync.courier import Alarm
from vehicle_agent.alarms import LINK


def test_every_alarm_of_the_link_has_its_sentence() -> None:
    assert set(LINK) == {alarm.value for alarm in Alarm if alarm}


def test_every_refused_greeting_has_its_sentence_at_the_hospital() -> None:
    assert {verdict.value for verdict in Admission if verdict is not Admission.OK} <= set(HAPPENED)
