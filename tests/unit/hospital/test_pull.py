"""The county's pull: rows by purpose, cursors, and what is said to be missing."""

from typing import Any

import msgspec
import pytest
from sqlalchemy import select, update

from clinic_records.care import EncounterStatus, Recording
from clinic_records.ids import IdFactory
from clinic_records.record import Kind, Lane
from cloud_hospital.api.app import create_app
from cloud_hospital.feed.epochs import keep_feed_epoch
from cloud_hospital.store.engine import reading
from cloud_hospital.store.tables import pulls, tokens
from cloud_hospital.tokens import Purpose, make_token
from tests.unit.hospital.asgi import Caller
from tests.unit.hospital.conftest import NURSE, Clinic, Visit, a_visit, deliver


@pytest.fixture
def client(clinic: Clinic) -> Caller:
    return Caller(create_app(clinic.hospital))


def header(clinic: Clinic, purpose: Purpose = Purpose.STATUTORY) -> dict[str, str]:
    return {"Authorization": f"Bearer {make_token(clinic.hospital.engine, purpose, clinic.hospital.now())}"}


def get(client: Caller, headers: dict[str, str], **query: Any) -> Any:
    answer = client.get("/api/v1/bureau/pull", headers=headers, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def send_visit(clinic: Clinic, visit: Visit) -> None:
    for record in visit.records(clinic.box):
        clinic.send(record)
    clinic.send_blob(visit.ecg_bytes)
    clinic.send_blob(visit.curve_bytes)


def test_statutory_rows_are_identified_and_exact(clinic: Clinic, client: Caller) -> None:
    visit = a_visit()
    send_visit(clinic, visit)
    rows = get(client, header(clinic))["rows"]
    assert [row["feed_seq"] for row in rows] == [1, 2, 3]
    assert [row["row"] for row in rows] == ["encounter", "recording", "recording"]
    encounter, ecg, spirometry = rows
    assert (encounter["patient_name"], encounter["age_years"], encounter["point"]) == ("王秀英", 67, "P006")
    assert (encounter["visit"], encounter["has_ecg"]) == (visit.stop.id, True)
    assert (ecg["has_ecg"], ecg["blobs"], ecg["encounter"]) == (
        True,
        [visit.ecg.reading.raw.sha256],
        visit.encounter.id,
    )
    (fev1,) = spirometry["numbers"]
    assert (fev1["display"], fev1["value"], fev1["unit"], fev1["context"]) == ("FEV1", "2.61", "L", {"attempt": "3"})


def test_analytic_rows_name_nobody(clinic: Clinic, client: Caller) -> None:
    visit = a_visit()
    send_visit(clinic, visit)
    answer = client.get("/api/v1/bureau/pull", headers=header(clinic, Purpose.ANALYTIC))
    patient, reading_ = visit.patient, visit.ecg.reading
    secrets = (patient.name, patient.id, patient.resident_id, patient.phone, patient.insurance_code, "1959-03-08",
               visit.encounter.id, visit.ecg.id, NURSE.name)  # fmt: skip
    assert not [secret for secret in secrets if secret in answer.text]
    rows = answer.json()["rows"]
    assert {row["patient"] for row in rows} == {rows[0]["patient"]}
    assert (rows[0]["age_band"], rows[0]["age_years"], rows[1]["blobs"]) == ("65-69", None, [])
    assert reading_.raw.sha256 not in msgspec.json.encode(rows).decode()


def test_a_cursor_gives_each_row_once(clinic: Clinic, client: Caller) -> None:
    headers = header(clinic)
    for _ in range(3):
        send_visit(clinic, a_visit())
    seen, since, more = [], "", True
    while more:
        answer = get(client, headers, since=since, limit=2)
        seen += [row["feed_seq"] for row in answer["rows"]]
        since, more = answer["next"], answer["has_more"]
    assert seen == list(range(1, 10))
    assert get(client, headers, since=since)["rows"] == []
    send_visit(clinic, a_visit())
    assert [row["feed_seq"] for row in get(client, headers, since=since)["rows"]] == [10, 11, 12]


def test_rows_come_again_when_their_late_patient_comes(clinic: Clinic, client: Caller) -> None:
    visit, headers = a_visit(), header(clinic)
    stop, patient, encounter, ecg, spirometry = visit.records(clinic.box)
    for record in (spirometry, ecg, encounter):
        clinic.send(record)
    early = get(client, headers)
    assert [row["patient_name"] for row in early["rows"]] == ["", "", ""]
    assert early["statement"][0]["patients_missing"] == 1
    clinic.send(patient)
    late = get(client, headers, since=early["next"])
    assert [(row["patient_name"], row["point"]) for row in late["rows"]] == [("王秀英", "")] * 3
    clinic.send(stop)
    last = get(client, headers, since=late["next"])
    assert [(row["row"], row["point"]) for row in last["rows"]] == [("encounter", "P006")]


def test_an_urgent_recording_brings_its_patient_along(clinic: Clinic, client: Caller) -> None:
    visit = a_visit()
    urgent: Recording = msgspec.structs.replace(
        visit.ecg, urgent=True, patient=visit.patient, encounter=visit.encounter
    )
    clinic.send(clinic.box.record(Kind.RECORDING, urgent, urgent.id, lane=Lane.P0))
    (row,) = get(client, header(clinic))["rows"]
    assert (row["patient_name"], row["is_urgent"], row["encounter"]) == ("王秀英", True, visit.encounter.id)


def test_the_statement_says_unknown_then_missing_then_complete(clinic: Clinic, client: Caller) -> None:
    visit, headers = a_visit(), header(clinic)
    (nothing,) = get(client, headers)["statement"]
    assert (nothing["last_contact"], nothing["is_complete"], nothing["encounters_outstanding"]) == ("", False, None)
    records = visit.records(clinic.box)
    finished = msgspec.structs.replace(visit.encounter, status=EncounterStatus.FINISHED)
    records.append(clinic.box.record(Kind.ENCOUNTER, finished, finished.id, revision=2))
    blobs = [clinic.box.blob(each, clinic.recipient) for each in (visit.ecg_bytes, visit.curve_bytes)]
    closing = clinic.box.day_closed(visit.stop.id)
    for record in records[:3]:
        clinic.send(record)
    (open_,) = get(client, headers)["statement"]
    assert (open_["is_day_closed"], open_["encounters_outstanding"], open_["missing"]) == (False, None, [])
    clinic.send(closing)
    (closed,) = get(client, headers)["statement"]
    assert (closed["is_day_closed"], closed["encounters_outstanding"]) == (True, 1)
    assert (closed["missing"], closed["missing_seqs"], closed["high_water"]) == ([[1, 4, 8]], 5, 9)
    for record in records[3:]:
        clinic.send(record)
    (almost,) = get(client, headers)["statement"]
    assert (almost["blobs_missing"], almost["encounters_outstanding"], almost["is_complete"]) == (2, 0, False)
    for sealed in blobs:
        deliver(clinic.hospital, "V01", sealed)
    (whole,) = get(client, headers)["statement"]
    assert (whole["is_complete"], whole["missing_seqs"], whole["blobs_missing"]) == (True, 0, 0)
    clinic.send(clinic.box.record(Kind.PATIENT, visit.patient, visit.patient.id, revision=2))
    (again,) = get(client, headers)["statement"]
    assert (again["is_complete"], again["encounters_outstanding"]) == (False, None)


def test_held_envelopes_make_it_incomplete(clinic: Clinic, client: Caller) -> None:
    clinic.send(clinic.box.record(Kind.PATIENT, b"{}", IdFactory().new()))
    clinic.send(clinic.box.day_closed(IdFactory().new()))
    (said,) = get(client, header(clinic))["statement"]
    assert (said["held"], said["missing_seqs"], said["is_complete"]) == (1, 0, False)


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer s-wrong", "Basic c2U6Y3JldA=="])
def test_a_wrong_token_is_told_what_to_do(client: Caller, authorization: str) -> None:
    answer = client.get("/api/v1/bureau/pull", headers={"Authorization": authorization})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["error"]
    assert set(answer.json()["hint"]) == {"zh", "en"}


def test_an_expired_or_revoked_token_ends(clinic: Clinic, client: Caller) -> None:
    headers = header(clinic)
    get(client, headers)
    with clinic.hospital.engine.connect() as connection:
        connection.execute(update(tokens).values(revoked=True))
        connection.commit()
    assert client.get("/api/v1/bureau/pull", headers=headers).status_code == 401


def test_only_the_hash_of_a_token_is_kept(clinic: Clinic) -> None:
    token = make_token(clinic.hospital.engine, Purpose.STATUTORY, clinic.hospital.now())
    with reading(clinic.hospital.engine) as connection:
        (row,) = connection.execute(select(tokens)).all()
    assert token not in str(row)


def test_an_analytic_token_gets_no_proof(clinic: Clinic, client: Caller) -> None:
    answer = client.get("/api/v1/proof", headers=header(clinic, Purpose.ANALYTIC))
    assert answer.status_code == 401
    assert client.get("/api/v1/proof", headers=header(clinic)).status_code == 200


def test_every_pull_is_logged(clinic: Clinic, client: Caller) -> None:
    send_visit(clinic, a_visit())
    get(client, header(clinic))
    client.get("/api/v1/proof", headers=header(clinic))
    with reading(clinic.hospital.engine) as connection:
        logged = connection.execute(select(pulls.c.what, pulls.c.purpose, pulls.c.rows)).all()
    assert [tuple(row) for row in logged] == [("bureau", "statutory", 3), ("proof", "statutory", 5)]


def test_a_cursor_of_another_epoch_is_told_where_to_go_back_to(clinic: Clinic, client: Caller) -> None:
    headers, hospital = header(clinic), clinic.hospital
    send_visit(clinic, a_visit())
    old = get(client, headers)["next"]
    epoch = hospital.log.begin(hospital.now(), "restored")
    keep_feed_epoch(hospital.engine, epoch, hospital.now())
    send_visit(clinic, a_visit())
    answer = client.get("/api/v1/bureau/pull", headers=headers, params={"since": old})
    assert (answer.status_code, answer.json()["rewind"]) == (409, f"{epoch}:3")
    beyond = f"{old.split(':')[0]}:900"
    answer = client.get("/api/v1/bureau/pull", headers=headers, params={"since": beyond})
    assert (answer.status_code, answer.json()["rewind"]) == (409, f"{epoch}:3")
    answer = client.get("/api/v1/bureau/pull", headers=headers, params={"since": "row:1"})
    assert answer.status_code == 422
    answer = client.get("/api/v1/bureau/pull", headers=headers, params={"since": "12"})
    assert answer.status_code == 422
    answer = client.get("/api/v1/bureau/pull", headers=headers, params={"since": "00ff:1"})
    assert (answer.status_code, answer.json()["rewind"]) == (409, f"{epoch}:0")
    assert [row["feed_seq"] for row in get(client, headers, since=f"{epoch}:3")["rows"]] == [4, 5, 6]


def test_documentation_pages_are_off(client: Caller) -> None:
    assert [client.get(path).status_code for path in ("/docs", "/redoc", "/openapi.json")] == [404, 404, 404]
