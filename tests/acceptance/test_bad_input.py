"""Whatever comes in badly: a clear word, its raw bytes in quarantine, and the rest goes on. Separate processes."""

import time
from collections.abc import Callable
from typing import Any

import msgspec
import openpyxl
import pytest

from clinic_records.errors import ClinicError
from clinic_records.ids import sha256_hex
from commands.demo.lab import Lab, wait_for
from commands.demo.program import clinic
from commands.demo.proof import compare
from devices.simulators.dicom_device import DicomDevice
from devices.simulators.ecg_dicom import examination
from devices.simulators.ecg_scp import EcgScpSimulator, scp_record
from devices.simulators.spirometer import blow_record
from vehicle_agent.visits.binding import BURST

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(240)]

SCRIPT = "<script>alert('王秀英')</script>"
DAMAGED_AT = 900
"""A byte inside a lead's samples: the record is whole but for its CRC."""


def encounter_of(lab: Lab, name: str = "王秀英") -> str:
    patient = lab.register(name, "female", "1959-03-08")
    return str(lab.desk("open_encounter", patient_id=patient["id"], reason="随访")["id"])


def readings(lab: Lab, encounter: str, many: int = 1) -> list[dict[str, Any]]:
    def look() -> list[dict[str, Any]] | None:
        found = lab.desk("encounter", encounter_id=encounter)["recordings"]
        return [view["recording"] for view in found] if len(found) >= many else None

    return wait_for(f"{many} recordings", look)


def kept_bytes(lab: Lab, entry: dict[str, Any]) -> bytes:
    return msgspec.convert(lab.desk("raw", sha256=entry["raw_sha256"]), bytes)


def set_aside(lab: Lab, raw: bytes) -> dict[str, Any]:
    """The quarantine's entry of exactly these bytes, which are read back from the vehicle."""
    found = wait_for(
        f"{len(raw)} bytes in quarantine",
        lambda: next((each for each in lab.desk("quarantine") if each["raw_sha256"] == sha256_hex(raw)), None),
    )
    assert kept_bytes(lab, found) == raw
    return dict(found)


def good_ecg(lab: Lab) -> dict[str, Any]:
    """The line works: a whole record is bound to whom the device was armed for."""
    encounter = encounter_of(lab)
    lab.desk("arm", device="ecg1", encounter_id=encounter)
    time.sleep(BURST.total_seconds())  # records that come closer together are rightly not bound by arming
    record = scp_record(name="王秀英", sex="F")  # made now: what was measured before the arming is not bound either
    lab.ecg.send(record)
    (recording,) = readings(lab, encounter)
    assert recording["reading"]["raw"]["sha256"] == sha256_hex(record)
    return recording


def all_received(lab: Lab) -> None:
    wait_for("everything received", lambda: lab.desk("status")["waits"] == 0 or None, 60)
    wait_for("the same at both ends", lambda: compare(lab).is_same or None, 30, every_s=0.3)


# --- lines ---------------------------------------------------------------------------------------------------------


def cut() -> bytes:
    return scp_record(name="王秀英")[:5000]


def wrong_crc() -> bytes:
    record = bytearray(scp_record(name="王秀英"))
    record[DAMAGED_AT] ^= 0x55
    return bytes(record)


def garbage() -> bytes:
    return b"\x00\xff\r\nAT+CGMI\r\n" + bytes(range(256)) * 4


def oversize() -> bytes:
    """The head of a record that claims two gigabytes."""
    head = bytearray(scp_record()[:200])
    head[2:6] = (1 << 31).to_bytes(4, "little")
    return bytes(head) + b"\x5a" * 40_000


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (cut, "cut at 5000 of"),
        (wrong_crc, "CRC"),
        (garbage, "no SCP-ECG record"),
        (oversize, "no SCP-ECG record"),
    ],
)
def test_a_bad_record_is_kept_apart_and_the_next_one_taken(lab: Lab, spoil: Callable[[], bytes], says: str) -> None:
    raw = spoil()
    lab.ecg.send(raw)
    entry = set_aside(lab, raw)
    assert says in entry["reason"]
    assert entry["device"] == "ecg1"
    assert good_ecg(lab)["status"] == "bound"


def test_garbage_straight_before_a_good_record(lab: Lab) -> None:
    encounter = encounter_of(lab)
    lab.desk("arm", device="ecg1", encounter_id=encounter)
    time.sleep(BURST.total_seconds())
    noise, record = b"\xa5" * 777, scp_record(name="王秀英", sex="F")
    lab.ecg.send(noise + record)
    (recording,) = readings(lab, encounter)
    assert recording["status"] == "bound"
    assert recording["reading"]["raw"]["sha256"] == sha256_hex(record)
    assert "no SCP-ECG record" in set_aside(lab, noise)["reason"]


def test_a_device_that_vanishes_in_the_middle_of_a_record(lab: Lab) -> None:
    record = scp_record(name="王秀英")
    before = {each["raw_sha256"] for each in lab.desk("quarantine")}
    lab.ecg.send(record[:3000])
    time.sleep(0.5)  # a pty that is closed takes its unread bytes with it
    port = lab.ecg.line.path
    lab.ecg.close()
    lab.ecg = EcgScpSimulator(port, baud=0)
    (entry,) = wait_for(
        "the half record", lambda: [each for each in lab.desk("quarantine") if each["raw_sha256"] not in before] or None
    )
    kept = kept_bytes(lab, entry)
    assert kept
    assert record.startswith(kept)
    assert f"cut at {len(kept)} of {len(record)} bytes" in entry["reason"]
    assert good_ecg(lab)["status"] == "bound"


def test_a_spoilt_blow_is_kept_apart_and_the_next_one_taken(lab: Lab) -> None:
    # a type byte in the middle of a result: the device restarted while it spoke
    raw = blow_record(fvc=2.9)[:20]
    lab.spirometer.line.write(raw + b"\xf1")
    entry = wait_for(
        "the half message",
        lambda: next((each for each in lab.desk("quarantine") if each["device"] == "spiro1"), None),
    )
    assert "SP80B" in entry["reason"]
    encounter = encounter_of(lab, "蓝大山")
    lab.desk("arm", device="spiro1", encounter_id=encounter)
    lab.spirometer.blow(blow_record(fvc=3.0))
    assert readings(lab, encounter)[0]["status"] == "bound"


# --- DICOM ---------------------------------------------------------------------------------------------------------


def test_an_object_without_a_patient_is_taken_and_waits_for_a_person(lab: Lab) -> None:
    saw = lab.dicom_device("ECG1").store(examination(None))
    assert saw.acknowledged, saw.detail
    view = wait_for(
        "the tray",
        lambda: next((v for v in lab.desk("unbound") if v["recording"]["reading"]["source_id"] == saw.source_id), None),
    )
    assert view["recording"]["unbound_reason"] == "not-armed"
    assert "no PatientID in the object" in view["recording"]["reading"]["notes"]
    assert good_dicom(lab)["status"] == "bound"


def good_dicom(lab: Lab) -> dict[str, Any]:
    encounter = encounter_of(lab, "李国强")
    lab.desk("arm", device="ecg2", encounter_id=encounter)
    device = lab.dicom_device("ECG1")
    entry = next(e for e in device.worklist(modality="ECG") if str(e.PatientName) == "李国强")
    assert device.store(examination(entry)).acknowledged
    (recording,) = readings(lab, encounter)
    lab.desk("disarm", device="ecg2")
    lab.desk("finish", encounter_id=encounter)
    return recording


def test_the_same_object_twice_is_one_recording(lab: Lab) -> None:
    encounter = encounter_of(lab, "李国强")
    lab.desk("arm", device="ecg2", encounter_id=encounter)
    device = lab.dicom_device("ECG1")
    made = examination(device.pick(name="李国强", modality="ECG"))
    assert [device.store(made).acknowledged for _ in range(2)] == [True, True]
    wait_for("the inbox", lambda: lab.desk("status")["inbox"] == 0 or None)
    assert len(readings(lab, encounter)) == 1
    assert not [v for v in lab.desk("unbound") if v["recording"]["reading"]["source_id"] == str(made.SOPInstanceUID)]
    lab.desk("finish", encounter_id=encounter)


@pytest.mark.parametrize(
    ("charset", "name", "note"),
    [
        ("", "王秀英".encode("gb18030"), "names no character set"),
        ("ISO_IR 192", "王秀英".encode("gb18030"), "character set we do not read"),
        ("ISO_IR 100", SCRIPT.encode("gb18030"), ""),
    ],
    ids=["gb18030 without a word of it", "gb18030 said to be utf-8", "a script for a name"],
)
def test_names_in_a_wrong_character_set(lab: Lab, charset: str, name: bytes, note: str) -> None:
    made = examination(None)
    made.SpecificCharacterSet = charset
    made.add_new("PatientName", "PN", name)
    saw = lab.dicom_device("ECG1").store(made)
    assert saw.acknowledged, saw.detail
    view = wait_for(
        "the tray",
        lambda: next((v for v in lab.desk("unbound") if v["recording"]["reading"]["source_id"] == saw.source_id), None),
    )
    assert note in "; ".join(view["recording"]["reading"]["notes"])
    all_received(lab)


def test_a_stranger_and_a_broken_object_disturb_no_other_device(lab: Lab) -> None:
    stranger = DicomDevice("127.0.0.1", lab.dicom_port, ae_title="EVIL")
    refused = stranger.store(examination(None))
    assert not refused.acknowledged
    assert "no DICOM association" in refused.detail
    broken = examination(None)
    broken.WaveformSequence[0].WaveformBitsAllocated = 7
    saw = lab.dicom_device("ECG1").store(broken)
    assert saw.acknowledged, "whole objects are kept, also those we cannot show"
    view = wait_for(
        "the tray",
        lambda: next((v for v in lab.desk("unbound") if v["recording"]["reading"]["source_id"] == saw.source_id), None),
    )
    assert "its content cannot be shown" in "; ".join(view["recording"]["reading"]["notes"])
    assert good_dicom(lab)["status"] == "bound"


# --- the office ----------------------------------------------------------------------------------------------------


def test_a_row_with_an_unknown_point_is_named_with_its_remedy(lab: Lab) -> None:
    book = openpyxl.load_workbook(lab.root / "month.xlsx")
    sheet = book["排班规则"]
    column = next(cell.column for cell in sheet[1] if cell.value == "point_id")
    sheet.cell(3, column, "P999")
    spoilt = lab.root / "spoilt.xlsx"
    book.save(spoilt)
    before = clinic("schedule", "show", "--hospital", str(lab.hospital_dir), "--json").out
    with pytest.raises(ClinicError, match="exit 3") as raised:
        clinic("schedule", "check", str(spoilt))
    said = str(raised.value)
    for word in ("spoilt.xlsx", "排班规则", "row 3", "point_id", "P999", "服务点"):
        assert word in said
    with pytest.raises(ClinicError, match="exit 3"):
        clinic("schedule", "import", str(spoilt), "--hospital", str(lab.hospital_dir))
    with pytest.raises(ClinicError, match="exit 3"):
        clinic("schedule", "publish", "--hospital", str(lab.hospital_dir))
    assert clinic("schedule", "show", "--hospital", str(lab.hospital_dir), "--json").out == before
    lab.publish_schedule()


def test_a_wrong_token_gets_nothing_but_a_clear_word(lab: Lab) -> None:
    wrong = lab.root / "wrong-token"
    wrong.write_text("s-" + "A" * 43 + "\n", encoding="ascii")
    url = f"http://127.0.0.1:{lab.web_port}"
    with pytest.raises(ClinicError, match="exit 3") as raised:
        clinic("bureau", "pull", "--url", url, "--token-file", str(wrong))
    assert "token unknown, expired or revoked" in str(raised.value)
    assert "feed_seq" not in str(raised.value)
    right = clinic("bureau", "pull", "--url", url, "--token-file", str(lab.root / "bureau-token"))
    assert "feed_seq" in right.out
