"""Results that are words (a urine strip's `1+`) on the hospital's page and in the county's rows."""

import io

import msgspec
import pytest

from clinic_records.reading import AbsentReason, Code, Numeric
from clinic_web.pages import HERE, VENDOR
from cloud_hospital.api.app import create_app
from cloud_hospital.bureau.table import write_csv, write_ndjson
from cloud_hospital.feed.pull import pull
from cloud_hospital.tokens import Purpose, make_token
from cloud_hospital.web.pages import add_pages
from tests.unit.hospital.asgi import Caller
from tests.unit.hospital.conftest import Clinic, Visit, a_visit

STRIP = (
    Numeric(Code("loinc", "20454-5", "Protein in urine"), text="1+", context={"flag": "A"}),
    Numeric(Code("loinc", "5802-4", "Nitrite in urine"), absent=AbsentReason.ERROR),
)


@pytest.fixture
def visit(clinic: Clinic) -> Visit:
    visit = a_visit()
    reading = msgspec.structs.replace(visit.spirometry.reading, modality="urinalysis", numerics=STRIP)
    visit.spirometry = msgspec.structs.replace(visit.spirometry, reading=reading)
    for record in visit.records(clinic.box):
        clinic.send(record)
    return visit


@pytest.mark.usefixtures("visit")
def test_the_county_gets_the_word_where_a_number_would_stand(clinic: Clinic) -> None:
    (row,) = [row for row in pull(clinic.hospital, "0", 10, Purpose.STATUTORY).rows if row.numbers]
    assert [(one.value, one.unit, one.absent) for one in row.numbers] == [("1+", "", ""), ("", "", "error")]
    table, lines = io.StringIO(), io.StringIO()
    write_csv([row], table, with_header=False)
    assert "Protein in urine=1+ (flag A); Nitrite in urine=error" in table.getvalue()
    write_ndjson([row], lines)
    assert '"value":"1+"' in lines.getvalue()


@pytest.mark.skipif(
    not all((HERE / "static" / name).is_file() for name in VENDOR), reason="browser libraries are not built here"
)
def test_the_page_shows_the_word_and_its_flag(clinic: Clinic, visit: Visit) -> None:
    app = create_app(clinic.hospital)
    add_pages(app, clinic.hospital)
    client = Caller(app)
    client.get("/enter", params={"token": make_token(clinic.hospital.engine, Purpose.STATUTORY, clinic.hospital.now())})
    case = client.get(f"/encounters/{visit.encounter.id}").text
    assert "尿蛋白" in case
    assert "<dd>1+" in case
    assert "<strong>A</strong>" in case
    assert "没测到" in case
