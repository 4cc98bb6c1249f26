"""The hospital's pages: guarded, and showing what has come with what has not."""

from pathlib import Path

import msgspec
import pytest
from pydicom.data import get_testdata_file

from clinic_records.ids import sha256_hex
from clinic_records.reading import Channel, Document, Waveform
from clinic_records.record import Kind, Lane
from clinic_web.pages import HERE, VENDOR
from cloud_hospital.api.app import create_app
from cloud_hospital.tokens import Purpose, make_token
from cloud_hospital.web.pages import add_pages
from tests.unit.hospital.asgi import Caller
from tests.unit.hospital.conftest import Clinic, a_visit

pytestmark = pytest.mark.skipif(
    not all((HERE / "static" / name).is_file() for name in VENDOR), reason="browser libraries are not built here"
)


@pytest.fixture
def client(clinic: Clinic) -> Caller:
    app = create_app(clinic.hospital)
    add_pages(app, clinic.hospital)
    return Caller(app)


def enter(clinic: Clinic, client: Caller) -> None:
    token = make_token(clinic.hospital.engine, Purpose.STATUTORY, clinic.hospital.now())
    answer = client.get("/enter", params={"token": token})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "HttpOnly" in answer.headers["set-cookie"]


@pytest.mark.parametrize("path", ["/", "/encounters/x", "/recordings/x/picture", "/recordings/x/raw"])
def test_without_a_token_nothing_is_shown(clinic: Clinic, client: Caller, path: str) -> None:
    clinic.send(a_visit().records(clinic.box)[1])
    answer = client.get(path)
    assert answer.status_code == 401
    assert "王秀英" not in answer.text


def test_an_analytic_token_does_not_open_pages(clinic: Clinic, client: Caller) -> None:
    token = make_token(clinic.hospital.engine, Purpose.ANALYTIC, clinic.hospital.now())
    assert client.get("/enter", params={"token": token}).status_code == 401


def test_the_list_and_the_case_show_what_came(clinic: Clinic, client: Caller) -> None:
    visit = a_visit()
    for record in visit.records(clinic.box):
        clinic.send(record)
    clinic.send_blob(visit.ecg_bytes)
    enter(clinic, client)
    listed = client.get("/").text
    assert all(text in listed for text in ("王秀英", "桃源村服务点", "V01", "心电图", "未知（未收车）"))
    case = client.get(f"/encounters/{visit.encounter.id}").text
    assert all(text in case for text in ("王秀英", "尾号0127", "FEV1", "2.61", "原始数据还没到", "医院已收"))
    client.cookies.set("lang", "en")
    assert "Completeness of each vehicle" in client.get("/").text
    assert client.get("/encounters/00000000-0000-7000-8000-000000000000").status_code == 404


def test_a_case_shows_before_its_patient_and_stop(clinic: Clinic, client: Caller) -> None:
    visit = a_visit()
    clinic.send(visit.records(clinic.box)[2])
    enter(clinic, client)
    assert "居民资料还没到" in client.get("/").text
    assert "站点资料还没到" in client.get(f"/encounters/{visit.encounter.id}").text


def test_names_are_escaped(clinic: Clinic, client: Caller) -> None:
    visit = a_visit(name="<script>alert(1)</script>")
    for record in visit.records(clinic.box)[:3]:
        clinic.send(record)
    enter(clinic, client)
    assert "<script>alert" not in client.get("/").text


def test_raw_bytes_come_unchanged(clinic: Clinic, client: Caller) -> None:
    visit = a_visit()
    clinic.send(visit.records(clinic.box)[3])
    clinic.send_blob(visit.ecg_bytes)
    enter(clinic, client)
    answer = client.get(f"/recordings/{visit.ecg.id}/raw")
    assert answer.content == visit.ecg_bytes
    assert answer.headers["content-disposition"].startswith("attachment")


def test_what_cannot_be_drawn_is_said(clinic: Clinic, client: Caller) -> None:
    visit = a_visit()
    clinic.send(visit.records(clinic.box)[3])
    clinic.send_blob(visit.ecg_bytes)
    enter(clinic, client)
    answer = client.get(f"/recordings/{visit.ecg.id}/picture")
    assert answer.status_code == 422
    assert "not a format this version reads" in answer.json()["error"]


def test_an_ecg_is_drawn_in_a_child(clinic: Clinic, client: Caller) -> None:
    path = get_testdata_file("waveform_ecg.dcm")
    assert isinstance(path, str)
    raw = Path(path).read_bytes()
    visit = a_visit()
    content = Waveform("dicom-waveform", (Channel("I", "mV", 1000.0, 10000),))
    assert not isinstance(content, Document)
    reading = msgspec.structs.replace(
        visit.ecg.reading,
        content=content,
        raw=msgspec.structs.replace(visit.ecg.reading.raw, sha256=sha256_hex(raw), size=len(raw)),
    )
    ecg = msgspec.structs.replace(visit.ecg, reading=reading)
    clinic.send(clinic.box.record(Kind.RECORDING, ecg, ecg.id, lane=Lane.P3, blobs=(sha256_hex(raw),)))
    clinic.send_blob(raw)
    enter(clinic, client)
    answer = client.get(f"/recordings/{ecg.id}/picture")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")
    assert answer.text.startswith("<svg")
    assert "sandbox" in answer.headers["content-security-policy"]
