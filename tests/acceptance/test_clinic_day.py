"""One clinic day as separate processes, every hop looked at."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from clinic_records.ids import sha256_hex
from commands.demo.lab import Lab, wait_for
from commands.demo.program import clinic
from commands.demo.proof import compare, hospital_get
from devices.dicom.part10 import dataset_sha256
from devices.simulators.ecg_dicom import examine as examine_ecg
from devices.simulators.ecg_scp import scp_record
from devices.simulators.spirometer import blow_record
from devices.simulators.ultrasound import examine as examine_ultrasound

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(240)]


def recordings(lab: Lab, encounter: str, many: int) -> Sequence[dict[str, Any]]:
    def look() -> Sequence[dict[str, Any]] | None:
        found = lab.desk("encounter", encounter_id=encounter)["recordings"]
        return found if len(found) >= many else None

    found = wait_for(f"{many} recordings", look)
    return [view["recording"] for view in found]


def encounter_of(lab: Lab, name: str, sex: str = "female", born: str = "1959-03-08") -> str:
    patient = lab.register(name, sex, born)
    return str(lab.desk("open_encounter", patient_id=patient["id"], reason="随访")["id"])


def hospital_blob(lab: Lab, sha256: str) -> Path:
    return lab.hospital_dir / "blobs" / sha256[:2] / sha256


def states(lab: Lab, thing: str) -> list[str]:
    return [step["state"] for step in lab.desk("explain", thing=thing)]


def all_received(lab: Lab) -> None:
    def look() -> bool | None:
        status = lab.desk("status")
        total = status["sync"]["total"]
        return total["queued"] + total["sending"] + total["refused"] + status["inbox"] == 0 or None

    wait_for("everything received", look, 60)


def test_the_stop_comes_from_the_published_schedule(lab: Lab) -> None:
    today = lab.desk("today")
    assert today["schedule_version"] == 1
    assert today["stop"]["status"] == "open"
    assert today["stop"]["vehicle"] == "V01"
    shown = json.loads(
        clinic("schedule", "show", "--hospital", str(lab.hospital_dir), "--vehicle", "V01", "--json").out
    )
    assert today["stop"]["visit_id"] in json.dumps(shown)


def test_an_ecg_on_the_serial_line_goes_every_hop(lab: Lab) -> None:
    record = scp_record(name="王秀英", sex="F")
    encounter = encounter_of(lab, "王秀英")
    lab.desk("arm", device="ecg1", encounter_id=encounter)
    lab.ecg.send(record)
    (recording,) = recordings(lab, encounter, 1)
    # device -> vehicle: bound inside the armed window, bytes unchanged
    assert recording["status"] == "bound"
    assert recording["binding"]["rule"] == "armed"
    assert recording["reading"]["raw"]["sha256"] == sha256_hex(record)
    assert {channel["unit"] for channel in recording["reading"]["content"]["channels"]} <= {"uV", "mV"}
    assert len(recording["reading"]["content"]["channels"]) == 12
    # vehicle -> hospital: the same bytes, and the vehicle says so only from the receipt
    all_received(lab)
    assert hospital_blob(lab, sha256_hex(record)).read_bytes() == record
    wait_for("the receipt in the outbox", lambda: states(lab, recording["id"]) == ["received"] or None)
    # hospital -> bureau
    rows = hospital_get(lab, "/api/v1/bureau/pull")["rows"]
    (row,) = [row for row in rows if row.get("recording") == recording["id"]]
    assert row["patient_name"] == "王秀英"
    assert row["blobs"] == [sha256_hex(record)]


def test_dicom_devices_pick_the_patient_from_the_worklist(lab: Lab) -> None:
    encounter = encounter_of(lab, "李国强", "male", "1972-06-15")
    lab.desk("arm", device="ecg2", encounter_id=encounter)
    lab.desk("arm", device="us1", encounter_id=encounter)
    ecg = examine_ecg(lab.dicom_device("ECG1"), name="李国强")
    ultrasound = examine_ultrasound(lab.dicom_device("US1"), name="李国强")
    assert ecg.acknowledged
    assert ultrasound.acknowledged
    found = recordings(lab, encounter, 2)
    assert {each["binding"]["rule"] for each in found} == {"worklist"}
    by_modality = {each["reading"]["modality"]: each["reading"] for each in found}
    assert by_modality["ultrasound"]["content"]["frames"] == 30
    assert by_modality["ecg"]["subject"]["name"] == "李国强"
    all_received(lab)
    for seen, modality in ((ecg, "ecg"), (ultrasound, "ultrasound")):
        blob = hospital_blob(lab, by_modality[modality]["raw"]["sha256"])
        assert dataset_sha256(blob) == seen.sha256


def test_a_blow_arrives_with_its_numbers_and_its_curve(lab: Lab) -> None:
    encounter = encounter_of(lab, "蓝大山", "male", "1958-11-02")
    lab.desk("arm", device="spiro1", encounter_id=encounter)
    session = blow_record(fvc=3.2)
    lab.spirometer.blow(session)
    (recording,) = recordings(lab, encounter, 1)
    numbers = {each["code"]["code"]: each["quantity"] for each in recording["reading"]["numerics"]}
    assert numbers["20150-9"]["unit"] == "L"
    assert numbers["19868-9"] == {"value": "3.20", "unit": "L"}
    picture = lab.desk("picture", recording_id=recording["id"], lang="zh")
    assert picture["media_type"] == "image/svg+xml"
    wait_for("the device's own yes", lambda: any(saw.acknowledged for saw in lab.spirometer.saw) or None)


def test_the_bureau_gets_rows_cursor_and_statement(lab: Lab) -> None:
    url, token = f"http://127.0.0.1:{lab.web_port}", str(lab.root / "bureau-token")
    all_received(lab)
    pulled = clinic("bureau", "pull", "--url", url, "--token-file", token, "--format", "ndjson").out
    lines = [json.loads(line) for line in pulled.splitlines()]
    statement = lines[-1]
    assert statement["type"] == "statement"
    assert [line["feed_seq"] for line in lines[:-1]] == list(range(1, len(lines)))
    again = clinic(
        *("bureau", "pull", "--url", url, "--token-file", token, "--format", "ndjson", "--since", statement["next"])
    ).out
    assert len(again.splitlines()) == 1
    assert compare(lab).is_same
