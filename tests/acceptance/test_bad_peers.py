"""Other hospitals and other vehicles at the door: nothing is lost, nothing ends, everything strange is kept."""

import asyncio
import json
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from clinic_records.clock import Origin, SystemClock
from clinic_records.errors import AccessError, ClinicError
from clinic_records.ids import IdFactory, RecordId, VehicleId, sha256_hex
from clinic_records.record import Kind, Lane, Record
from cloud_hospital.authority.authority import Authority
from cloud_hospital.folder import HospitalFolder
from cloud_hospital.keys import HospitalKeys
from commands.demo.lab import VEHICLE, Lab, wait_for
from commands.demo.program import Program, clinic
from commands.demo.proof import compare, hospital_get
from devices.simulators.ecg_scp import scp_record
from sync.frames import MAX_FRAME, Items, Signed, encode
from sync.free_port import free_port
from sync.keys import OriginKeys
from sync.mqtt import Broker, MqttLink
from sync.seal import seal
from sync.tls import ClientTls, Identity
from sync.topics import Publish, Topic
from vehicle_agent.visits.binding import BURST

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(240)]

STRANGER = VehicleId("V66")
INTRUDER = "hospital-intruder"


def an_ecg(lab: Lab) -> dict[str, Any]:
    """One more reading on the vehicle."""
    patient = lab.register("王秀英", "female", "1959-03-08")
    encounter = lab.desk("open_encounter", patient_id=patient["id"], reason="随访")["id"]
    lab.desk("arm", device="ecg1", encounter_id=encounter)
    time.sleep(BURST.total_seconds())  # records that come closer together are rightly not bound by arming
    lab.ecg.send(scp_record(name="王秀英", sex="F"))
    (view,) = wait_for("the ECG", lambda: lab.desk("encounter", encounter_id=encounter)["recordings"] or None)
    return dict(view["recording"])


def all_received(lab: Lab) -> None:
    wait_for("everything received", lambda: lab.desk("status")["waits"] == 0 or None, 60)
    wait_for("the same at both ends", lambda: compare(lab).is_same or None, 30, every_s=0.3)


def good_day_goes_on(lab: Lab) -> None:
    assert an_ecg(lab)["status"] == "bound"
    all_received(lab)
    assert not lab.desk("sync_status")["alarm"]


class SecondHospital:
    """Another hospital with the same id and name but keys of its own."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "second"
        self.broker_port = free_port()
        clinic(
            *("hospital", "init", str(self.folder), "--web-port", str(free_port()), "--name", "演示县医院"),
            *("--broker-port", str(self.broker_port)),
        )
        self.program = Program(
            "the second hospital",
            ("hospital", "run", str(self.folder)),
            log=root / "second.log",
            ready_file=self.folder / "run" / "ready.json",
        )


@pytest.fixture(scope="module")
def second(lab: Lab) -> Iterator[SecondHospital]:
    made = SecondHospital(lab.root)
    yield made
    made.program.stop()


def test_a_box_does_not_change_its_hospital(lab: Lab, second: SecondHospital) -> None:
    request = lab.vehicle_dir / "enrolment-request.json"
    enrolment = lab.root / "second-enrolment.json"
    clinic("hospital", "enrol-vehicle", str(second.folder), str(request), "--out", str(enrolment))
    pinned = (lab.vehicle_dir / "keys" / "hospital.json").read_bytes()
    with pytest.raises(ClinicError, match="exit 3") as raised:
        clinic(
            *("vehicle", "init", str(lab.vehicle_dir), "--enrolment", str(enrolment), "--staff", "n009"),
            *("--name", "外人", "--pin-stdin"),
            stdin="135790\n",
        )
    assert "belongs to hospital H01" in str(raised.value)
    assert "已登记在另一家医院" in str(raised.value)
    assert (lab.vehicle_dir / "keys" / "hospital.json").read_bytes() == pinned


def test_a_road_that_leads_to_another_hospital(lab: Lab, second: SecondHospital) -> None:
    all_received(lab)
    settled = lab.desk("sync_status")["total"]
    second.program.start()
    lab.link.lead_to(("127.0.0.1", second.broker_port))
    try:
        recording = an_ecg(lab)
        wait_for("the broker's refusal", lambda: "The broker refuses this vehicle" in alarm(lab), 40)
        assert "The broker refuses this vehicle" in vehicle_status(lab)
        # worse: the other broker has the hospital's whole authority, so that only the pinned key stands in between
        second.program.stop()
        stolen = HospitalFolder(lab.hospital_dir).authority
        shutil.copytree(stolen, HospitalFolder(second.folder).authority, dirs_exist_ok=True)
        second.program.start()
        wait_for("the alarm", lambda: "Not this vehicle's hospital" in alarm(lab), 60)
        assert "Not this vehicle's hospital" in vehicle_status(lab)
        total = lab.desk("sync_status")["total"]
        assert total["received"] == settled["received"], "nothing ends by a stranger's word"
        assert total["queued"] + total["sending"] > 0
        held = msgspec.json.decode(clinic("hospital", "status", str(second.folder), "--json").out)
        assert (held["entries"], held["blobs"]) == (0, 0)
    finally:
        lab.link.lead_to(("127.0.0.1", lab.broker_port))
        second.program.stop()
    all_received(lab)
    assert "Not this vehicle's hospital" not in vehicle_status(lab)
    blobs = {blob["sha256"] for blob in hospital_get(lab, "/api/v1/proof")["blobs"]}
    assert recording["reading"]["raw"]["sha256"] in blobs


def alarm(lab: Lab) -> str:
    return str(lab.desk("sync_status")["alarm"])


def vehicle_status(lab: Lab) -> str:
    return clinic("vehicle", "status", str(lab.vehicle_dir)).out


# --- strangers at the broker ---------------------------------------------------------------------------------------


def certified(lab: Lab, name: str) -> Identity:
    """A certificate in that name by the hospital's own authority, as an enrolment or a thief in its office gets it."""
    return Authority(HospitalFolder(lab.hospital_dir).authority).own(name, SystemClock().now())


class AtTheBroker:
    """A client with somebody's certificate on the hospital's real broker, under the name it says."""

    def __init__(self, lab: Lab, holder: str, name: str = "", client_id: str = "") -> None:
        name = name or holder
        tls = ClientTls(certified(lab, holder), SystemClock().now)
        self.link = MqttLink(Broker("127.0.0.1", lab.broker_port, name, "", client_id or name, tls))

    async def say(self, listen: str, *messages: Publish, listen_s: float = 2.0) -> list[bytes]:
        """Publish, and what came back meanwhile."""
        await self.link.connect((listen,), None)
        try:
            for message in messages:
                self.link.publish(message)
            await asyncio.sleep(listen_s)
            return [each.payload for each in self.link.take_messages()]
        finally:
            await self.link.close(is_graceful=True)


def envelope(lab: Lab, vehicle: str, keys: OriginKeys) -> bytes:
    """A faultless envelope, sealed to the hospital's true key and signed by `keys`."""
    recipient = HospitalKeys.load(HospitalFolder(lab.hospital_dir)).announced.public
    record = Record(
        id=RecordId(IdFactory().new()),
        revision=1,
        kind=Kind.PATIENT,
        lane=Lane.P2,
        payload=b'{"id":"01","name":"\xe8\xb0\x81","sex":"female","birth_date":"1959-03-08"}',
        origin=Origin(vehicle, 1, 1),
        author=None,
        recorded_at=datetime.now(UTC),
    )
    sealed = seal(record, keys=keys, recipient=recipient, created_ms=0)
    assert sealed.data is not None
    return sealed.data


def quarantined(lab: Lab) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (lab.hospital_dir / "quarantine").iterdir()}


def kept_message(lab: Lab, data: bytes) -> bytes | None:
    return quarantined(lab).get(f"{VEHICLE}-{sha256_hex(data)}.message")


def hospital_status(lab: Lab) -> dict[str, object]:
    return dict(json.loads(clinic("hospital", "status", str(lab.hospital_dir), "--json").out))


def test_an_envelope_by_a_stranger_is_kept_and_never_answered(lab: Lab) -> None:
    payload = encode(Items(Lane.P2, (envelope(lab, STRANGER, OriginKeys.generate()),)))
    before = hospital_get(lab, "/api/v1/proof")
    heard = asyncio.run(
        AtTheBroker(lab, STRANGER).say(  # has a certificate, but was never enrolled
            f"clinic/v1/{STRANGER}/down/#", Publish(Topic.parse(f"clinic/v1/{STRANGER}/up/p2"), payload)
        )
    )
    kept = wait_for("the stranger's bytes", lambda: quarantined(lab).get(f"{STRANGER}-{sha256_hex(payload)}.message"))
    assert kept == payload
    assert heard == [], "no receipt, and nothing of anybody else"
    assert len(hospital_get(lab, "/api/v1/proof")["entries"]) == len(before["entries"])
    good_day_goes_on(lab)


def test_an_envelope_forged_under_a_vehicles_name_is_refused_and_kept(lab: Lab) -> None:
    """Whoever takes over the hospital's own account at the broker still has no vehicle's key."""
    all_received(lab)
    wire = envelope(lab, VEHICLE, OriginKeys.generate())
    entries = hospital_get(lab, "/api/v1/proof")["entries"]
    asyncio.run(
        AtTheBroker(lab, INTRUDER).say(
            f"clinic/v1/{VEHICLE}/down/#",
            Publish(Topic.parse(f"clinic/v1/{VEHICLE}/up/p2"), encode(Items(Lane.P2, (wire,)))),
        )
    )
    kept = wait_for("the forged envelope", lambda: quarantined(lab).get(f"{VEHICLE}-{sha256_hex(wire)}.wire"))
    assert kept == wire
    assert hospital_get(lab, "/api/v1/proof")["entries"] == entries
    good_day_goes_on(lab)


def test_a_vehicle_reaches_nobody_elses_topics(lab: Lab) -> None:
    payload = encode(Items(Lane.P2, (envelope(lab, VEHICLE, OriginKeys.generate()),)))
    before = quarantined(lab)

    async def cross() -> None:
        say = Publish(Topic.parse(f"clinic/v1/{VEHICLE}/up/p2"), payload)
        await AtTheBroker(lab, STRANGER).say(f"clinic/v1/{STRANGER}/down/#", say)
        with pytest.raises(AccessError):
            await AtTheBroker(lab, STRANGER).say(f"clinic/v1/{VEHICLE}/down/#")
        with pytest.raises(AccessError):
            await AtTheBroker(lab, STRANGER, name=VEHICLE).say(f"clinic/v1/{VEHICLE}/down/#")
        with pytest.raises(AccessError):
            await AtTheBroker(lab, STRANGER, client_id=VEHICLE).say(f"clinic/v1/{STRANGER}/down/#")

    asyncio.run(cross())
    assert quarantined(lab) == before
    good_day_goes_on(lab)


def test_a_frame_that_is_too_large_or_none_at_all(lab: Lab) -> None:
    topic = Topic.parse(f"clinic/v1/{VEHICLE}/up/session")
    wild = [b"\xff" * (MAX_FRAME + 1), b"<script>", encode(Signed(b"no hello", b"0" * 64))]
    asyncio.run(AtTheBroker(lab, INTRUDER).say(f"clinic/v1/{VEHICLE}/down/#", *(Publish(topic, each) for each in wild)))
    for each in wild:
        assert wait_for("the frame", partial(kept_message, lab, each)) == each
    good_day_goes_on(lab)
