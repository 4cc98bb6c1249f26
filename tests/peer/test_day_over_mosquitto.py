"""The day over Debian's mosquitto instead of the embedded relay, with the broker killed in the middle."""

from collections.abc import Callable

import pytest

from benchmarks.lab import working_lab
from commands.demo.lab import wait_for
from commands.demo.proof import compare
from devices.simulators.ultrasound import examine

pytestmark = [pytest.mark.peer, pytest.mark.timeout(240)]


def test_an_ultrasound_arrives_over_mosquitto_although_it_is_killed(need_program: Callable[[str], str]) -> None:
    need_program("mosquitto")
    with working_lab(broker="mosquitto", up_bits_per_s=1.5e6, down_bits_per_s=4e6, delay_s=0.03) as lab:
        patient = lab.register("李国强", "male", "1972-06-15")["id"]
        encounter = lab.desk("open_encounter", patient_id=patient, reason="腹痛")["id"]
        lab.desk("arm", device="us1", encounter_id=encounter)
        assert examine(lab.dicom_device("US1"), name="李国强").acknowledged
        wait_for("the ultrasound on its way", lambda: lab.link.up.carried > 300_000 or None)
        assert lab.kill("broker")
        wait_for("the same at both ends", lambda: compare(lab).is_same or None, 90, every_s=0.5)
