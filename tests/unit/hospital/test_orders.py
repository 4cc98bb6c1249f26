"""Whatever order envelopes come in, and however often: one effect each, the same tables in the end."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinic_records.care import EncounterStatus
from clinic_records.record import Kind
from cloud_hospital.api.proof import prove
from cloud_hospital.feed.pull import pull
from cloud_hospital.hospital import Hospital, init_hospital, open_hospital
from cloud_hospital.intake.inbound import VehicleInbound
from cloud_hospital.settings import HospitalSettings
from cloud_hospital.tokens import Purpose
from cloud_hospital.vehicles import enrol
from sync.keys import RecipientKey
from sync.ports import Receipt, Verdict
from sync.seal import Sealed
from tests.unit.hospital.conftest import Box, a_visit, deliver


@dataclass(frozen=True)
class Outcome:
    """What a hospital ends up with, whatever the order was."""

    rows: list[Any]
    entries: set[tuple[str, int, str]]


@dataclass(frozen=True)
class Straight:
    """A hospital that has enrolled a vehicle and heard nothing yet, to be copied; and what it has after all `files`."""

    folder: Path
    files: list[Sealed]
    outcome: Outcome


def sealed_visit(box: Box, recipient: RecipientKey) -> list[Sealed]:
    visit = a_visit()
    records = visit.records(box)
    finished = msgspec.structs.replace(visit.encounter, status=EncounterStatus.FINISHED)
    records.append(box.record(Kind.ENCOUNTER, finished, finished.id, revision=2))
    married = msgspec.structs.replace(visit.patient, phone="13900000000")
    records.append(box.record(Kind.PATIENT, married, married.id, revision=2))
    files = [box.seal(record, recipient) for record in records]
    files += [box.blob(each, recipient) for each in (visit.ecg_bytes, visit.curve_bytes)]
    return [*files, box.seal(box.day_closed(visit.stop.id), recipient)]


def last_rows(hospital: Hospital) -> list[Any]:
    """What a county that keeps the last row of each id and revision ends up with."""
    rows = {}
    for row in pull(hospital, "0", 1000, Purpose.STATUTORY).rows:
        rows[row.row, row.encounter, row.recording, row.revision] = msgspec.structs.replace(row, feed_seq=0)
    return sorted(rows.values(), key=msgspec.json.encode)


def outcome_of(hospital: Hospital) -> Outcome:
    return Outcome(last_rows(hospital), {(each.id, each.revision, each.sha256) for each in prove(hospital).entries})


@contextmanager
def copied(folder: Path) -> Iterator[Hospital]:
    """A copy of a hospital, gone afterwards."""
    scratch = Path(tempfile.mkdtemp())
    try:
        shutil.copytree(folder, scratch / "h")
        with open_hospital(scratch / "h") as hospital:
            yield hospital
    finally:
        shutil.rmtree(scratch)


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Straight:
    folder = tmp_path_factory.mktemp("orders") / "h"
    box = Box("V01")
    init_hospital(folder, HospitalSettings(web_port=0, broker_port=0))
    with open_hospital(folder) as hospital:
        enrol(hospital, box.request())
        files = sealed_visit(box, hospital.keys.announced.public)
    with copied(folder) as hospital:
        for file in files:
            assert deliver(hospital, "V01", file).verdict is Verdict.APPLIED
        return Straight(folder, files, outcome_of(hospital))


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_any_order_with_repetitions_ends_the_same(straight: Straight, data: st.DataObject) -> None:
    files = straight.files
    places = range(len(files))
    order = data.draw(st.permutations(places))
    again = data.draw(st.lists(st.sampled_from(places), max_size=6))
    first: dict[str, Receipt] = {}
    with copied(straight.folder) as hospital:
        for place in [*order, *again]:
            file = files[place]
            receipt = deliver(hospital, "V01", file, chunk=data.draw(st.sampled_from([64, 500, 65536])))
            assert first.setdefault(file.wire_sha256, receipt) == receipt
        assert len({each.receipt_seq for each in first.values()}) == len(files)
        assert outcome_of(hospital) == straight.outcome
        (statement,) = pull(hospital, "0", 1, Purpose.STATUTORY).statement
        assert statement.is_complete


@settings(max_examples=10, deadline=None)
@given(order=st.permutations(range(12)), repeated=st.integers(0, 11))
def test_parts_in_any_order_make_the_file(straight: Straight, order: list[int], repeated: int) -> None:
    file = straight.files[-2]  # a blob
    assert file.data is not None
    step = -(-file.size // 12)
    with copied(straight.folder) as hospital:
        inbound = VehicleInbound(hospital, "V01")
        for part in [*order[:6], repeated, *order[6:]]:
            begin, end = part * step, min((part + 1) * step, file.size)
            held = inbound.write(file.wire_sha256, file.size, file.lane, begin, file.data[begin:end])
            assert held == inbound.ranges(file.wire_sha256)
        assert held == ((0, file.size),)
        assert inbound.accept(file.wire_sha256).verdict is Verdict.APPLIED
