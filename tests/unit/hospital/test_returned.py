"""Hazard 3 the other way: what vehicles give back is believed under the hospital's own signature only."""

import pytest
from sqlalchemy import select

from clinic_records.consult import Seen
from clinic_records.ids import IdFactory, RecordId, sha256_hex
from clinic_records.record import Kind
from clinic_records.returned import ReturnedDownlink
from cloud_hospital.downlink import wire_path
from cloud_hospital.downlinks.issue import issue_message
from cloud_hospital.store.engine import reading, writing
from cloud_hospital.store.tables import alarms, downlink, issued
from sync.keys import OriginKeys
from sync.ports import Receipt, Verdict
from sync.seal import peek, seal
from tests.unit.hospital.conftest import AT, NURSE, Clinic


def sent(clinic: Clinic) -> tuple[str, bytes]:
    """A message the hospital made for the vehicle: its id and its wire file."""
    id_ = RecordId(IdFactory().new())
    issue_message(clinic.hospital, Kind.SEEN, Seen(id_, "patient", RecordId("p1"), NURSE, AT), to=["V01"])
    with reading(clinic.hospital.engine) as connection:
        name = connection.execute(select(downlink.c.wire_sha256)).scalar_one()
    return id_, wire_path(clinic.hospital.folder, "V01", name).read_bytes()


def forget_it(clinic: Clinic, wire: bytes) -> None:
    with writing(clinic.hospital.engine) as connection:
        connection.execute(issued.delete())
        connection.execute(downlink.delete())
    wire_path(clinic.hospital.folder, "V01", sha256_hex(wire)).unlink()


def given_back(clinic: Clinic, wire: bytes, key: bytes | None = None) -> Receipt:
    outer = peek(wire).outer
    thing = ReturnedDownlink(wire, key or clinic.box.private.unwrap(outer.wrapped_key, outer.context))
    return clinic.send(clinic.box.record(Kind.RETURNED, thing, sha256_hex(wire)))


def known(clinic: Clinic) -> tuple[list[str], list[tuple[str, str]], list[str]]:
    with reading(clinic.hospital.engine) as connection:
        rows = connection.execute(select(downlink.c.id, downlink.c.verdict)).all()
        return (
            list(connection.execute(select(issued.c.id)).scalars()),
            [(row.id, row.verdict) for row in rows],
            list(connection.execute(select(alarms.c.code)).scalars()),
        )


def test_a_message_that_was_forgotten_is_where_it_was(clinic: Clinic) -> None:
    id_, wire = sent(clinic)
    with reading(clinic.hospital.engine) as connection:
        before = connection.execute(select(issued.c.payload, issued.c.sha256, issued.c.author)).one()
    forget_it(clinic, wire)
    assert given_back(clinic, wire).verdict is Verdict.APPLIED
    assert known(clinic) == ([id_], [(id_, "applied")], [])
    with reading(clinic.hospital.engine) as connection:
        assert connection.execute(select(issued.c.payload, issued.c.sha256, issued.c.author)).one() == before
    assert wire_path(clinic.hospital.folder, "V01", sha256_hex(wire)).read_bytes() == wire


def test_what_is_known_already_stays_as_it_is(clinic: Clinic) -> None:
    id_, wire = sent(clinic)
    assert given_back(clinic, wire).verdict is Verdict.APPLIED
    assert known(clinic)[0] == [id_]
    assert len(known(clinic)[1]) == 1


def test_another_content_under_the_same_number_raises_an_alarm(clinic: Clinic) -> None:
    id_, wire = sent(clinic)
    forget_it(clinic, wire)
    issue_message(clinic.hospital, Kind.SEEN, Seen(RecordId(id_), "encounter", RecordId("e9"), NURSE, AT), to=["V01"])
    assert given_back(clinic, wire).verdict is Verdict.APPLIED
    assert known(clinic)[2] == ["issued-twice"]
    assert known(clinic)[0] == [id_]


def forged(clinic: Clinic) -> bytes:
    record = clinic.box.record(Kind.SEEN, Seen(RecordId("x"), "patient", RecordId("p1"), NURSE, AT), "x")
    data = seal(record, keys=OriginKeys.generate(), recipient=clinic.box.private.public, created_ms=1).data
    assert data is not None
    return data


@pytest.mark.parametrize("what", ["a stranger's", "the vehicle's own", "changed", "another key", "noise"])
def test_what_the_hospital_did_not_make_is_held_and_changes_nothing(clinic: Clinic, what: str) -> None:
    _, wire = sent(clinic)
    forget_it(clinic, wire)
    key = None
    match what:
        case "a stranger's":
            wire = forged(clinic)
        case "the vehicle's own":
            own = clinic.box.record(Kind.SEEN, Seen(RecordId("x"), "patient", RecordId("p1"), NURSE, AT), "x")
            data = clinic.box.seal(own, clinic.box.private.public).data
            assert data is not None
            wire = data
        case "changed":
            outer = peek(wire).outer
            key = clinic.box.private.unwrap(outer.wrapped_key, outer.context)
            wire = wire[:-1] + bytes([wire[-1] ^ 1])
        case "another key":
            key = bytes(32)
        case _:
            wire, key = b"MCE1 noise", bytes(32)
    if what == "noise":
        thing = ReturnedDownlink(wire, bytes(32))
        receipt = clinic.send(clinic.box.record(Kind.RETURNED, thing, sha256_hex(wire)))
    else:
        receipt = given_back(clinic, wire, key)
    assert receipt.verdict is Verdict.HELD
    assert known(clinic)[:2] == ([], [])
