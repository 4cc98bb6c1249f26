"""The day itself, step by step."""

import csv
import io
from collections.abc import Sequence
from typing import Any, Final

from clinic_records.errors import ClinicError
from commands.demo.lab import VEHICLE, Lab, wait_for
from commands.demo.program import clinic
from commands.demo.proof import Comparison, compare
from commands.demo.tell import Teller
from devices.simulators.ecg_dicom import examine as examine_ecg
from devices.simulators.ecg_scp import scp_record
from devices.simulators.spirometer import blow_record
from devices.simulators.ultrasound import examine as examine_ultrasound

_VILLAGERS: Final = (
    ("王秀英", "female", "1959-03-08", "胸闷"),
    ("李国强", "male", "1972-06-15", "腹痛"),
    ("蓝大山", "male", "1958-11-02", "咳嗽三周"),
)
_RECEIVE_S: Final = 60
_SHOWN: Final = ("feed_seq", "row", "point_name", "patient_name", "age_years", "status", "modality", "numbers", "blobs")
_WIDEST: Final = 24
_MIDDLE: Final = 500_000
"""Bytes on the road at which all but the ultrasound has been received, and of that about the half."""


def day(lab: Lab, tell: Teller) -> Comparison:
    """Play the day; both ends compared at its end."""
    tell.chapter("The hospital publishes the month's schedule")
    _morning(lab, tell)
    tell.chapter("No coverage: the vehicle works alone")
    lab.link.set_coverage(False)
    _visits(lab, tell)
    tell.chapter(
        "Coverage, thin: 1 Mbit/s up, 60 ms there and back; the agent is killed in the middle of the ultrasound"
    )
    _coverage(lab, tell)
    tell.chapter("What the county health bureau pulls")
    _bureau(lab, tell)
    tell.chapter("Both ends read and hash again all they hold")
    return compare(lab)


def _morning(lab: Lab, tell: Teller) -> None:
    workbook = lab.publish_schedule()
    tell.line(f"{workbook.name} imported, checked and published for {VEHICLE}")
    lab.agent.start()
    lab.unlock()
    version = wait_for("the schedule", lambda: lab.desk("today")["schedule_version"] or None)
    stop = lab.desk("open_stop")
    tell.line(f"schedule version {version} is on the vehicle; stop opened: {stop['point_name']}, {stop['day']}")


def _visits(lab: Lab, tell: Teller) -> None:
    tell.line("link down")
    encounters = []
    for name, sex, born, reason in _VILLAGERS:
        patient = lab.register(name, sex, born)
        encounters.append(lab.desk("open_encounter", patient_id=patient["id"], reason=reason)["id"])
        tell.line(f"registered {name}, born {born}: {reason}")
    woman, man, cougher = encounters

    lab.desk("arm", device="ecg1", encounter_id=woman)
    seen = lab.ecg.send(scp_record(name="王秀英", sex="F"))
    _arrives(lab, tell, woman, 1, f"12-lead ECG, SCP-ECG over the serial line ({seen.detail})")

    lab.desk("arm", device="ecg2", encounter_id=woman)
    told = examine_ecg(lab.dicom_device("ECG1"), name="王秀英")
    _arrives(lab, tell, woman, 2, f"12-lead ECG, DICOM, patient picked from the worklist ({told.detail})")

    lab.desk("arm", device="us1", encounter_id=man)
    told = examine_ultrasound(lab.dicom_device("US1"), name="李国强")
    _arrives(lab, tell, man, 1, f"ultrasound, 30 frames, DICOM ({told.detail})")

    lab.desk("arm", device="spiro1", encounter_id=cougher)
    lab.spirometer.blow(blow_record())
    _arrives(lab, tell, cougher, 1, "spirometry with flow-volume curve (made by a published formula)")

    for encounter in encounters:
        lab.desk("finish", encounter_id=encounter)
    lab.desk("close_stop")
    wait_for("sealing", lambda: counts(lab)["queued"] > 0)
    tell.line(f"encounters finished, stop closed; {in_words(counts(lab))}; nothing has been received, and it says so")


def _arrives(lab: Lab, tell: Teller, encounter: str, many: int, what: str) -> None:
    def look() -> Sequence[Any] | None:
        found: Sequence[Any] = lab.desk("encounter", encounter_id=encounter)["recordings"]
        return found if len(found) >= many else None

    newest = wait_for(what, look)[-1]["recording"]
    bound = newest.get("binding")
    if bound is None:
        raise ClinicError(f"{what}: did not bind: {newest.get('unbound_reason')}")
    tell.line(f"{what}: bound by {bound['rule']}")


def _coverage(lab: Lab, tell: Teller) -> None:
    total = sum(counts(lab).values())
    lab.link.set_coverage(True)
    # the ultrasound goes last and is by far the largest; on the road its 6.9 MB are sealed and compressed
    wait_for("the ultrasound on its way", lambda: lab.link.up.carried > _MIDDLE or None)
    pid = lab.kill("agent")
    tell.line(f"{lab.link.up.carried / 1e6:.1f} MB on the road; agent {pid} killed with signal 9")
    lab.agent.start()
    tell.line(f"agent started again, pid {lab.agent.pid}; nobody has logged in, sealed envelopes go on leaving")
    done = tell.watch(
        "received by the hospital",
        total,
        lambda: counts(lab)["received"],
        lambda: counts(lab)["received"] >= total,
        _RECEIVE_S,
    )
    if not done:
        raise ClinicError(f"not everything was received in {_RECEIVE_S} s: {in_words(counts(lab))}")
    lab.unlock()
    tell.line(f"nurse logs in again; {in_words(counts(lab))}; {lab.link.up.carried / 1e6:.1f} MB carried in all")


def _bureau(lab: Lab, tell: Teller) -> None:
    url = f"http://127.0.0.1:{lab.web_port}"
    token = str(lab.root / "bureau-token")
    pulled, statement = clinic("bureau", "pull", "--url", url, "--token-file", token, "--format", "csv")
    (lab.root / "county.csv").write_text(pulled, encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(pulled)))
    tell.table(_SHOWN, [[row[column][:_WIDEST] for column in _SHOWN] for row in rows])
    tell.line(f"{len(rows)} rows of {len(rows[0])} columns; the first ones shown are cut at {_WIDEST} characters")
    tell.block(statement.rstrip())


def counts(lab: Lab) -> dict[str, int]:
    """How many envelopes stand where, by the vehicle's own page."""
    total = lab.desk("sync_status")["total"]
    return {key: int(total[key]) for key in ("queued", "sending", "received", "held", "refused")}


def in_words(found: dict[str, int]) -> str:
    """Counts as a nurse reads them."""
    return ", ".join(f"{many} {state}" for state, many in found.items() if many) or "nothing to send"
