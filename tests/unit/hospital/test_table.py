"""County rows as the bureau gets them: CSV for spreadsheets, NDJSON for programs."""

import csv
import io
import json

from cloud_hospital.bureau.table import statement_line, statement_words, write_csv, write_ndjson
from cloud_hospital.feed.county import COLUMNS
from cloud_hospital.feed.pull import pull
from cloud_hospital.tokens import Purpose
from tests.unit.hospital.conftest import Clinic, a_visit


def test_csv_reads_back_and_holds_no_formula(clinic: Clinic) -> None:
    visit = a_visit(name="=HYPERLINK(1)")
    for record in visit.records(clinic.box):
        clinic.send(record)
    answer = pull(clinic.hospital, "0", 10, Purpose.STATUTORY)
    out = io.StringIO()
    write_csv(answer.rows[:1], out, with_header=True)
    write_csv(answer.rows[1:], out, with_header=False)
    header, *rows = csv.reader(io.StringIO(out.getvalue()))
    assert tuple(header) == COLUMNS
    assert [row[header.index("patient_name")] for row in rows] == ["'=HYPERLINK(1)"] * 3
    assert [row[header.index("numbers")] for row in rows] == ["", "", "FEV1=2.61 L (attempt 3)"]
    assert [row[header.index("has_ecg")] for row in rows] == ["1", "1", "0"]
    assert rows[1][header.index("blobs")] == visit.ecg.reading.raw.sha256


def test_ndjson_ends_with_the_statement(clinic: Clinic) -> None:
    for record in a_visit().records(clinic.box):
        clinic.send(record)
    answer = pull(clinic.hospital, "0", 10, Purpose.STATUTORY)
    out = io.StringIO()
    write_ndjson(answer.rows, out)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(line["type"], line["feed_seq"]) for line in lines] == [("row", 1), ("row", 2), ("row", 3)]
    said = json.loads(statement_line(answer.statement, answer.next))
    assert (said["type"], said["next"], said["vehicles"][0]["is_complete"]) == ("statement", answer.next, False)
    assert "未知 unknown" in statement_words(answer.statement[0])
