"""An urgent ECG overtakes an ultrasound already on its way; also after a reboot without anybody logging in."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from commands.demo.lab import Lab, wait_for
from commands.demo.proof import compare, hospital_get
from devices.simulators.ecg_scp import scp_record
from devices.simulators.ultrasound import examine as examine_ultrasound

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(240)]

THIN = 400e3
"""Bits a second: the ultrasound needs more than ten seconds, an ECG about one."""


@pytest.fixture
def lab() -> Iterator[Lab]:
    root = Path(tempfile.mkdtemp(prefix="clinic-"))
    lab = Lab(root, up_bits_per_s=THIN, down_bits_per_s=4e6)
    try:
        lab.set_up()
        lab.agent.start()
        lab.unlock()
        lab.desk("open_stop")
        yield lab
    finally:
        lab.tear_down()
        shutil.rmtree(root, ignore_errors=True)


def measured(lab: Lab, encounter: str) -> dict[str, Any]:
    found = wait_for("a recording", lambda: lab.desk("encounter", encounter_id=encounter)["recordings"] or None)
    return dict(found[0]["recording"])


def blobs(lab: Lab) -> set[str]:
    return {blob["sha256"] for blob in hospital_get(lab, "/api/v1/proof")["blobs"]}


def urgent_recordings(lab: Lab) -> list[dict[str, Any]]:
    """The last row of each version: one comes again in the feed when the patient's own record has come."""
    rows = hospital_get(lab, "/api/v1/bureau/pull")["rows"]
    urgent = [row for row in rows if row["row"] == "recording" and row["is_urgent"]]
    return list({(row["recording"], row["revision"]): row for row in urgent}.values())


@pytest.mark.parametrize("reboots", [False, True], ids=["same session", "after a reboot, nobody logged in"])
def test_an_urgent_ecg_arrives_before_the_ultrasound_that_was_on_its_way(lab: Lab, reboots: bool) -> None:
    if reboots:
        lab.link.set_coverage(False)
    woman = lab.register("王秀英", "female", "1959-03-08")["id"]
    man = lab.register("李国强", "male", "1972-06-15")["id"]
    her = lab.desk("open_encounter", patient_id=woman, reason="胸痛")["id"]
    his = lab.desk("open_encounter", patient_id=man, reason="腹痛")["id"]
    lab.desk("arm", device="us1", encounter_id=his)
    assert examine_ultrasound(lab.dicom_device("US1"), name="李国强").acknowledged
    ultrasound = measured(lab, his)["reading"]["raw"]["sha256"]
    if not reboots:
        wait_for("the ultrasound on its way", lambda: lab.desk("sync_status")["lanes"]["p4"]["sending"] or None)
    lab.desk("arm", device="ecg1", encounter_id=her)
    lab.ecg.send(scp_record(name="王秀英", sex="F"))
    ecg = measured(lab, her)
    lab.desk("mark_urgent", recording_id=ecg["id"])
    if reboots:
        wait_for("the ultrasound sealed", lambda: lab.desk("sync_status")["lanes"]["p4"]["queued"] or None)
        wait_for("spooled", lambda: all_spooled(lab, ultrasound) or None)
        lab.kill("agent")
        lab.link.set_coverage(True)
        lab.agent.start()
        assert not lab.desk("status")["is_open"]
    wait_for("the urgent ECG", lambda: ecg["reading"]["raw"]["sha256"] in blobs(lab) or None, 60, every_s=0.2)
    assert ultrasound not in blobs(lab)
    (row,) = urgent_recordings(lab)
    assert row["patient_name"] == "王秀英", "an urgent recording carries its patient with it"
    wait_for("the ultrasound", lambda: ultrasound in blobs(lab) or None, 120, every_s=0.5)
    if reboots:
        assert not lab.desk("status")["is_open"]
        lab.unlock()
    wait_for("the same at both ends", lambda: compare(lab).is_same or None, 60, every_s=0.5)


def all_spooled(lab: Lab, blob: str) -> bool:
    return all(step["state"] != "queued" for step in lab.desk("explain", thing=blob))


def test_a_locked_vehicle_takes_what_devices_deliver(lab: Lab) -> None:
    woman = lab.register("王秀英", "female", "1959-03-08")["id"]
    her = lab.desk("open_encounter", patient_id=woman, reason="胸痛")["id"]
    lab.kill("agent")
    lab.agent.start()
    lab.ecg.send(scp_record(name="王秀英", sex="F"))
    wait_for("the sealed inbox", lambda: lab.desk("status")["inbox"] or None)
    lab.unlock()
    (view,) = wait_for("the unbound tray", lambda: lab.desk("unbound") or None)
    assert view["recording"]["status"] == "unbound", "nobody was armed for it, so a person decides"
    bound = lab.desk("bind", recording_id=view["recording"]["id"], encounter_id=her)
    assert bound["binding"]["rule"] == "person"
    assert bound["binding"]["by"]["staff"] == "n001"
