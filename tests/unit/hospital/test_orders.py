"""Whatever order envelopes come in, and however often: one effect each, the same tables in the end."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import msgspec
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
from sync.ports import Receipt, Verdict
from sync.seal import Sealed
from tests.unit.hospital.conftest import Box, a_visit, deliver

BOX = Box("V01")


def sealed_visit(hospital: Hospital) -> list[Sealed]:
    visit, recipient = a_visit(), hospital.keys.announced.public
    records = visit.records(BOX)
    finished = msgspec.structs.replace(visit.encounter, status=EncounterStatus.FINISHED)
    records.append(BOX.record(Kind.ENCOUNTER, finished, finished.id, revision=2))
    married = msgspec.structs.replace(visit.patient, phone="13900000000")
    records.append(BOX.record(Kind.PATIENT, married, married.id, revision=2))
    files = [BOX.seal(record, recipient) for record in records]
    files += [BOX.blob(each, recipient) for each in (visit.ecg_bytes, visit.curve_bytes)]
    return [*files, BOX.seal(BOX.day_closed(visit.stop.id), recipient)]


def last_rows(hospital: Hospital) -> list[Any]:
    """What a county that keeps the last row of each id and revision ends up with."""
    rows = {}
    for row in pull(hospital, "0", 1000, Purpose.STATUTORY).rows:
        rows[row.row, row.encounter, row.recording, row.revision] = msgspec.structs.replace(row, feed_seq=0)
    return sorted(rows.values(), key=msgspec.json.encode)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data())
def test_any_order_with_repetitions_ends_the_same(data: st.DataObject) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        BOX.seq, BOX.counts, BOX.hashes = 0, {}, []
        init_hospital(folder / "a", HospitalSettings(web_port=0, broker_port=0))
        shutil.copytree(folder / "a", folder / "b")
        with open_hospital(folder / "a") as straight, open_hospital(folder / "b") as other:
            enrol(straight, BOX.request())
            enrol(other, BOX.request())
            files = sealed_visit(straight)
            for file in files:
                assert deliver(straight, "V01", file).verdict is Verdict.APPLIED
            order = data.draw(st.permutations(files))
            again = data.draw(st.lists(st.sampled_from(files), max_size=6))
            first: dict[str, Receipt] = {}
            for file in [*order, *again]:
                receipt = deliver(other, "V01", file, chunk=data.draw(st.sampled_from([64, 500, 65536])))
                assert first.setdefault(file.wire_sha256, receipt) == receipt
            assert len({each.receipt_seq for each in first.values()}) == len(files)
            assert last_rows(other) == last_rows(straight)
            assert {(e.id, e.revision, e.sha256) for e in prove(other).entries} == {
                (e.id, e.revision, e.sha256) for e in prove(straight).entries
            }
            (statement,) = pull(other, "0", 1, Purpose.STATUTORY).statement
            assert statement.is_complete
    finally:
        shutil.rmtree(folder)


@settings(max_examples=10, deadline=None)
@given(st.permutations(range(12)), st.integers(0, 11))
def test_parts_in_any_order_make_the_file(order: list[int], repeated: int) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        init_hospital(folder / "h", HospitalSettings(web_port=0, broker_port=0))
        with open_hospital(folder / "h") as hospital:
            enrol(hospital, BOX.request())
            file = BOX.blob(bytes(range(256)) * 40, hospital.keys.announced.public)
            assert file.data is not None
            step = -(-file.size // 12)
            inbound = VehicleInbound(hospital, "V01")
            for part in [*order[:6], repeated, *order[6:]]:
                begin, end = part * step, min((part + 1) * step, file.size)
                held = inbound.write(file.wire_sha256, file.size, file.lane, begin, file.data[begin:end])
                assert held == inbound.ranges(file.wire_sha256)
            assert held == ((0, file.size),)
            assert inbound.accept(file.wire_sha256).verdict is Verdict.APPLIED
    finally:
        shutil.rmtree(folder)
