"""The hospital's store on a real PostgreSQL: the same tables, rules and races as on SQLite."""

import contextlib
import os
import random
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select

from benchmarks.prefecture.database import Server
from clinic_records.errors import AccessError, ConfigError, StoreError
from clinic_records.ids import VehicleId, sha256_hex
from clinic_records.people import Author, Role
from clinic_records.record import Lane
from cloud_hospital.api.proof import prove
from cloud_hospital.feed.pull import pull
from cloud_hospital.hospital import Hospital, init_hospital, open_hospital
from cloud_hospital.intake.batch import Batch, FileKey
from cloud_hospital.intake.counter import IntakeCounter
from cloud_hospital.intake.inbound import VehicleInbound, opener_of
from cloud_hospital.intake.opening import NotTaken, Opener, Taken
from cloud_hospital.intake.worker import main as worker_process
from cloud_hospital.settings import HospitalSettings
from cloud_hospital.store.engine import open_engine, reading, writing
from cloud_hospital.store.locks import exclusive
from cloud_hospital.store.tables import metadata, receipts, transfers
from cloud_hospital.tokens import Purpose
from cloud_hospital.users import TRIES, add_user, sign_in
from cloud_hospital.vehicles import enrol
from sync.ports import Receipt, Verdict, WholeFile
from tests.unit.hospital.conftest import AT, Box, Clinic, a_visit, deliver
from tests.unit.hospital.test_sequencer import race

pytestmark = [pytest.mark.peer, pytest.mark.timeout(180)]


@pytest.fixture
def hospital(server: Server, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Hospital]:
    url = server.database("t" + sha256_hex(request.node.nodeid.encode())[:16])
    init_hospital(tmp_path / "hospital", HospitalSettings(web_port=0, broker_port=0, database_url=url))
    with open_hospital(tmp_path / "hospital") as opened:
        yield opened


@pytest.fixture
def clinic(hospital: Hospital) -> Clinic:
    box = Box("V01")
    return Clinic(hospital, box, enrol(hospital, box.request()))


def test_migrated_is_what_the_tables_say(hospital: Hospital) -> None:
    with reading(hospital.engine) as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_a_visit_arrives_and_is_pulled(clinic: Clinic) -> None:
    visit = a_visit()
    records = visit.records(clinic.box)
    assert {clinic.send(record).verdict for record in records} == {Verdict.APPLIED}
    assert clinic.send(records[0]).verdict is Verdict.DUPLICATE
    clinic.send_blob(visit.ecg_bytes)
    clinic.send_blob(visit.curve_bytes)
    clinic.send(clinic.box.day_closed(visit.stop.id))
    answer = pull(clinic.hospital, "0", 100, Purpose.STATUTORY)
    assert [(row.feed_seq, row.patient_name) for row in answer.rows] == [(1, "王秀英"), (2, "王秀英"), (3, "王秀英")]
    assert answer.statement[0].is_complete


def test_the_sequencer_misses_nothing_under_four_writers(hospital: Hospital) -> None:
    race(hospital.engine)


def test_two_workers_with_the_last_chunks_finish_every_file(clinic: Clinic) -> None:
    """Sync rule 10: counted without a lock, files stay unfinished for ever."""
    files = [clinic.box.blob(os.urandom(90_000), clinic.recipient) for _ in range(12)]
    for file in files:
        assert file.data is not None
        VehicleInbound(clinic.hospital, "V01").write(file.wire_sha256, file.size, Lane.P3, 0, file.data[:1000])
    answers: list[list[Receipt | None]] = [[], []]
    start = threading.Barrier(2)

    def work(part: int) -> None:
        inbound = VehicleInbound(clinic.hospital, "V01")
        for file in files:
            assert file.data is not None
            half = len(file.data) // 2
            begin, end = (1000, half) if part == 0 else (half, len(file.data))
            start.wait(30)
            held = inbound.write(file.wire_sha256, file.size, Lane.P3, begin, file.data[begin:end])
            answers[part].append(inbound.accept(file.wire_sha256) if held == ((0, file.size),) else None)

    threads = [threading.Thread(target=work, args=(part,)) for part in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(first or second for first, second in zip(*answers, strict=True))
    with reading(clinic.hospital.engine) as connection:
        assert connection.execute(select(transfers)).all() == []
        numbers = connection.execute(select(receipts.c.receipt_seq).order_by(receipts.c.receipt_seq)).scalars().all()
    assert numbers == list(range(1, 13))
    assert [each.is_intact for each in prove(clinic.hospital).blobs] == [True] * 12


def test_the_same_file_at_four_workers_has_one_effect(clinic: Clinic) -> None:
    record = a_visit().records(clinic.box)[1]
    sealed = clinic.box.seal(record, clinic.recipient)
    inbound = VehicleInbound(clinic.hospital, "V01")
    assert sealed.data is not None
    inbound.write(sealed.wire_sha256, sealed.size, Lane.P2, 0, sealed.data)
    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(VehicleInbound(clinic.hospital, "V01").accept, sealed.wire_sha256) for _ in range(4)]
    assert len({each.result() for each in answers}) == 1
    assert len(prove(clinic.hospital).entries) == 1


def test_the_same_version_from_two_vehicles_at_once(clinic: Clinic) -> None:
    """Two different files with one version, under two vehicles: one applied, one duplicate, no error."""
    other = Box("V02")
    enrol(clinic.hospital, other.request())
    for _ in range(10):
        visit = a_visit()
        files = {
            "V01": clinic.box.seal(visit.records(clinic.box)[1], clinic.recipient),
            "V02": other.seal(visit.records(other)[1], clinic.recipient),
        }
        with ThreadPoolExecutor(2) as pool:
            verdicts = [pool.submit(deliver, clinic.hospital, vehicle, sealed) for vehicle, sealed in files.items()]
        assert sorted(each.result().verdict for each in verdicts) == [Verdict.APPLIED, Verdict.DUPLICATE]


def test_commits_are_synchronous_whatever_the_server_prefers(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    url = server.database("unsafe")
    monkeypatch.setenv("PGOPTIONS", "-c synchronous_commit=off")
    engine = open_engine(url)
    try:
        with writing(engine) as connection:
            shown = connection.exec_driver_sql("SHOW synchronous_commit").scalar_one()
        assert shown == "on"
    finally:
        engine.dispose()


def test_connections_that_lay_idle_while_the_server_was_restarted_are_made_anew(
    server: Server, hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    with reading(hospital.engine) as one, reading(hospital.engine) as another:
        assert [each.exec_driver_sql("SELECT 1").scalar_one() for each in (one, another)] == [1, 1]
    server.stop()
    server.start_again()
    monkeypatch.setattr("cloud_hospital.store.engine.IDLE_S", 0.0)
    with reading(hospital.engine) as connection:
        assert connection.exec_driver_sql("SELECT 2").scalar_one() == 2


def test_a_worker_without_its_database_says_so_and_what_to_do(
    server: Server, hospital: Hospital, capsys: pytest.CaptureFixture[str]
) -> None:
    server.stop()
    try:
        assert worker_process(hospital.folder.root, "worker") == StoreError.exit_code
    finally:
        server.start_again()
    said = capsys.readouterr().err
    assert "worker: the database is gone" in said
    assert "See whether the database runs" in said


def test_a_busy_connection_is_not_asked_whether_it_is_there(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    with reading(hospital.engine) as connection:
        dialect = connection.dialect
    monkeypatch.setattr("cloud_hospital.store.engine.IDLE_S", 60.0)
    monkeypatch.setattr(dialect, "do_ping", lambda _raw: pytest.fail("asked"))
    with reading(hospital.engine) as connection:
        assert connection.exec_driver_sql("SELECT 2").scalar_one() == 2


def test_a_database_of_the_future_is_refused(clinic: Clinic) -> None:
    with writing(clinic.hospital.engine) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ConfigError, match="newer than this program"), open_hospital(clinic.hospital.folder.root):
        pass


def test_a_batch_waits_for_no_file_that_another_worker_has_in_hand(clinic: Clinic) -> None:
    """It would wait with locks held that the other wants on a second connection: a ring PostgreSQL cannot see."""
    hospital = clinic.hospital
    sealed = [clinic.box.seal(record, clinic.recipient) for record in a_visit().records(clinic.box)]
    opener = opener_of(hospital)
    opened: dict[tuple[str, str], Taken] = {}
    for each in sealed:
        path = hospital.folder.transfers / each.wire_sha256
        path.write_bytes(each.data or b"")
        taken = opener.open(path, each.wire_sha256, 1)
        assert isinstance(taken, Taken)
        opened["V01", each.wire_sha256] = taken
    theirs = sealed[1].wire_sha256
    with exclusive(hospital.engine, f"wire V01 {theirs}", hospital.folder.run), writing(hospital.engine) as connection:
        given = Batch(connection, hospital.folder, hospital.log.current(), AT).take(opened)
    assert set(opened) - set(given) == {("V01", theirs)}


def files_of(clinic: Clinic, visits: int) -> list[WholeFile]:
    files = []
    for _ in range(visits):
        visit = a_visit()
        sealed = [clinic.box.seal(record, clinic.recipient) for record in visit.records(clinic.box)]
        sealed += [clinic.box.blob(data, clinic.recipient) for data in (visit.ecg_bytes, visit.curve_bytes)]
        files += [WholeFile(VehicleId("V01"), each.wire_sha256, each.lane, each.data or b"") for each in sealed]
    return files


def test_four_workers_with_the_same_files_in_other_orders(clinic: Clinic) -> None:
    """Batches that overlap: nobody waits in a ring, one effect and one receipt for each file."""
    files = files_of(clinic, 8)

    def work(number: int) -> set[Receipt | None]:
        mine = random.Random(number).sample(files, len(files))
        counter = IntakeCounter(clinic.hospital)
        return {each for first in range(0, len(mine), 20) for each in counter.take(mine[first : first + 20])}

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(work, range(4)))
    assert answers[0] == answers[1] == answers[2] == answers[3]
    assert {each and each.verdict for each in answers[0]} == {Verdict.APPLIED}
    with reading(clinic.hospital.engine) as connection:
        numbers = connection.execute(select(receipts.c.receipt_seq).order_by(receipts.c.receipt_seq)).scalars().all()
    assert numbers == list(range(1, len(files) + 1))
    assert len(prove(clinic.hospital).entries) == 40


def test_a_crashing_file_among_four_workers_is_held_and_its_neighbours_are_taken(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sync rule 13: whichever worker gets it dies; none dies a third time."""
    files = files_of(clinic, 2)
    killer = files[2].wire_sha256
    true_open = Opener.open
    deaths: list[int] = []

    class Death(BaseException):
        """A worker ends here."""

    def open_or_die(self: Opener, path: Path, wire_sha256: str, attempts: int) -> Taken | NotTaken:
        if wire_sha256 == killer and attempts <= 2:
            deaths.append(attempts)
            raise Death
        return true_open(self, path, wire_sha256, attempts)

    monkeypatch.setattr(Opener, "open", open_or_die)

    def work(number: int) -> list[Receipt | None]:
        while True:
            try:
                return list(IntakeCounter(clinic.hospital).take(random.Random(number).sample(files, len(files))))
            except Death:
                continue

    with ThreadPoolExecutor(4) as pool:
        answers = [each for given in pool.map(work, range(4)) for each in given]
    assert 1 <= len(deaths) <= 2
    assert {each.verdict for each in answers if each and each.wire_sha256 != killer} == {Verdict.APPLIED}
    assert {(each.verdict, each.reason) for each in answers if each and each.wire_sha256 == killer} == {
        (Verdict.HELD, "poison")
    }


def test_a_recording_that_comes_beside_its_patient_is_fed_with_the_name(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two workers: one has taken the patient and not committed yet when the other gets the encounter."""
    _, patient, encounter, *_ = files_of(clinic, 1)
    inside, go_on = threading.Event(), threading.Event()
    true_receipts = Batch._receipts

    def slowly(self: Batch, plain: Mapping[FileKey, Taken]) -> dict[FileKey, Receipt]:
        if (patient.vehicle, patient.wire_sha256) in plain:
            inside.set()
            assert go_on.wait(30)
        return true_receipts(self, plain)

    monkeypatch.setattr(Batch, "_receipts", slowly)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(IntakeCounter(clinic.hospital).take, [patient])
        assert inside.wait(30)
        second = pool.submit(IntakeCounter(clinic.hospital).take, [encounter])
        with contextlib.suppress(TimeoutError):
            second.result(1)  # were it not to wait, it would be numbered now, without the name, for ever
        seen = pull(clinic.hospital, "0", 100, Purpose.STATUTORY)
        go_on.set()
        assert [*first.result(), *second.result()].count(None) == 0
    after = pull(clinic.hospital, seen.next, 100, Purpose.STATUTORY)
    assert [row.patient_name for row in after.rows] == ["王秀英"]


def test_many_wrong_passwords_at_once_are_no_more_tries(hospital: Hospital, monkeypatch: pytest.MonkeyPatch) -> None:
    add_user(hospital, Author("s001", "李医生", Role.SPECIALIST), "correct horse battery")
    looked: list[str] = []
    monkeypatch.setattr("cloud_hospital.users.is_password", lambda _kept, password: looked.append(password))
    with ThreadPoolExecutor(12) as pool:
        tries = [pool.submit(sign_in, hospital, "s001", f"wrong {n}") for n in range(36)]
    assert all(isinstance(each.exception(), AccessError) for each in tries)
    assert len(looked) == TRIES
