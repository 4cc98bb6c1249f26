"""One vehicle's box in a temporary folder, and the hospital it is enrolled with."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clinic_records.ids import BlobHash
from clinic_records.people import Author, Role
from clinic_records.record import Kind, Lane, Record
from sync.enrolment import Enrolment, sign
from sync.keys import OriginKeys, RecipientPrivate
from sync.ports import Receipt, Verdict
from vehicle_agent.store.derive import database_key, new_data_key
from vehicle_agent.store.folder import VehicleFolder
from vehicle_agent.store.keys import DeviceKeys
from vehicle_agent.store.records import put_record
from vehicle_agent.store.sealer import Sealer
from vehicle_agent.store.spool import Spool
from vehicle_agent.store.store import Store

NURSE = Author("n001", "张护士", Role.NURSE)
NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


@dataclass
class TestClock:
    """A clock that a test moves."""

    __test__ = False
    at: datetime = NOW
    is_doubtful: bool = False

    def now(self) -> datetime:
        return self.at

    def monotonic_s(self) -> float:
        return self.at.timestamp()

    def move(self, **by: float) -> None:
        self.at += timedelta(**by)


@dataclass
class Hospital:
    """The other end: its keys, and receipts as it would give them."""

    sign: OriginKeys = field(default_factory=OriginKeys.generate)
    private: RecipientPrivate = field(default_factory=RecipientPrivate.generate)
    receipts: int = 0

    def enrol(self, keys: DeviceKeys, **changes: object) -> Enrolment:
        fields: dict[str, object] = {
            "vehicle": "V01",
            "vehicle_sign_public": keys.sign.public.raw,
            "hospital_id": "H1",
            "hospital_name": "县医院",
            "sign_public": self.sign.public.raw,
            "hpke_public": self.private.public.raw,
            "key_id": self.private.key_id,
            "broker_host": "127.0.0.1",
            "broker_port": 1883,
            "username": "V01",
            "password": "broker-password",
            "incarnation": 1,
            "session_token": "first-token",
        }
        return sign(Enrolment(**{**fields, **changes}), self.sign)  # type: ignore[arg-type]  # a test's own fields

    def receipt(self, wire_sha256: str, verdict: Verdict = Verdict.APPLIED, epoch: str = "e1") -> Receipt:
        self.receipts += 1
        return Receipt(wire_sha256, verdict, epoch, self.receipts, NOW)


@dataclass
class Box:
    """A vehicle's box whose parts can be stopped and started like after a power cut."""

    folder: VehicleFolder
    hospital: Hospital = field(default_factory=Hospital)
    clock: TestClock = field(default_factory=TestClock)
    data_key: bytes = field(default_factory=new_data_key)

    def __post_init__(self) -> None:
        self.folder.create()
        self.keys = DeviceKeys.create(self.folder.device_key)
        self.enrolment = self.hospital.enrol(self.keys)
        self.store = self.open_store()
        self.spool = self.open_spool()

    def open_store(self) -> Store:
        return Store.open(self.folder.database, self.folder.blobs, database_key(self.data_key), vehicle="V01")

    def open_spool(self) -> Spool:
        return Spool(self.folder.spool, keys=self.keys, hospital=self.enrolment, clock=self.clock)

    def sealer(self, on_spooled: Callable[[], None] = lambda: None) -> Sealer:
        return Sealer(self.store, self.spool, keys=self.keys, clock=self.clock, on_spooled=on_spooled)

    def restart(self) -> None:
        """Everything volatile is gone."""
        self.close()
        self.store, self.spool = self.open_store(), self.open_spool()

    def close(self) -> None:
        self.store.close()
        self.spool.close()

    def put(
        self,
        record_id: str,
        *,
        kind: Kind = Kind.ENCOUNTER,
        lane: Lane = Lane.P2,
        payload: object = b'{"status":"arrived"}',
        expected: int = 0,
        blobs: tuple[BlobHash, ...] = (),
        blob_lane: Lane | None = None,
    ) -> Record:
        return self.store.write(
            lambda conn: put_record(
                conn,
                record_id=record_id,
                kind=kind,
                lane=lane,
                payload=payload,
                author=NURSE,
                recorded_at=NOW,
                expected_revision=expected,
                blobs=blobs,
                blob_lane=blob_lane,
            )
        )

    def wires(self, lane: Lane | None = None) -> list[str]:
        """Wire hashes the courier would find, in its order."""
        lanes = list(Lane) if lane is None else [lane]
        return [item.wire_sha256 for each in lanes for item in self.spool.up.waiting(each, -1, 10_000)]


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    made = Box(VehicleFolder(tmp_path / "V01"))
    yield made
    made.close()
