"""Sync rule 3: what a restored hospital forgot comes back from the vehicles, in any order, as what it was."""

import itertools
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from clinic_records.formulary import Formulary
from clinic_records.ids import sha256_hex
from clinic_records.record import Kind, Lane
from clinic_records.returned import ReturnedDownlink
from cloud_hospital.downlink import wire_path
from cloud_hospital.downlinks.issue import queue_missing
from cloud_hospital.downlinks.lists import formulary, load_formulary
from cloud_hospital.downlinks.opinions import answer, retract
from cloud_hospital.downlinks.said import said_of
from cloud_hospital.store.engine import reading, writing
from cloud_hospital.store.tables import downlink, issued
from cloud_hospital.vehicles import enrol
from sync.ports import Verdict
from sync.seal import peek
from tests.unit.hospital.conftest import Box, Clinic
from tests.unit.hospital.test_downlinks import DOCTOR, TABLE, came_down, seen_case, write


def forget(clinic: Clinic) -> list[ReturnedDownlink]:
    """The database goes back to before anything was made; what the vehicle kept of it."""
    with writing(clinic.hospital.engine) as connection:
        names = list(connection.execute(select(downlink.c.wire_sha256).order_by(downlink.c.n)).scalars())
        connection.execute(delete(issued))
        connection.execute(delete(downlink))
    kept = []
    for name in names:
        path = wire_path(clinic.hospital.folder, "V01", name)
        outer = peek(path).outer
        kept.append(ReturnedDownlink(path.read_bytes(), clinic.box.private.unwrap(outer.wrapped_key, outer.context)))
        path.unlink()
    return kept


def give_back(clinic: Clinic, thing: ReturnedDownlink) -> Verdict:
    return clinic.send(clinic.box.record(Kind.RETURNED, thing, sha256_hex(thing.wire), lane=Lane.P2)).verdict


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_it_stands_again_as_it_was(clinic: Clinic, tmp_path: Path, order: tuple[int, ...]) -> None:
    encounter = seen_case(clinic)
    said = answer(clinic.hospital, encounter, "误答", DOCTOR)
    retract(clinic.hospital, said.id, "写错了人", DOCTOR)
    load_formulary(clinic.hospital, write(tmp_path, TABLE))
    load_formulary(clinic.hospital, write(tmp_path, TABLE.replace("片,", "粒,")))
    kept = forget(clinic)
    assert [give_back(clinic, kept[at]) for at in order] == [Verdict.APPLIED] * 4
    with reading(clinic.hospital.engine) as connection:
        shown = said_of(connection, encounter)
    assert [(each.id, each.text) for each in shown] == [(said.id, "误答")]
    assert shown[0].taken_back is not None
    assert shown[0].taken_back.reason == "写错了人"
    assert formulary(clinic.hospital).medicines[0].unit == "粒"
    late = Box("V02")
    enrol(clinic.hospital, late.request())
    assert queue_missing(clinic.hospital) == 1
    ((_, list_),) = came_down(clinic.hospital, late)
    assert isinstance(list_, Formulary)
    assert list_.medicines[0].unit == "粒"
    assert came_down(clinic.hospital, clinic.box) == []  # it has all of it
