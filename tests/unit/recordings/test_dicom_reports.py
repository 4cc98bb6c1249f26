"""Structured reports, encapsulated documents and calibrated regions, built from the standard's templates."""

from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from clinic_records.errors import BadFrame
from clinic_records.reading import AbsentReason, Numeric
from recordings.decode import decode
from recordings.dicom import bounds as dicom_bounds
from recordings.dicom.regions import regions_of
from recordings.dicom.report import MAX_DEPTH, MAX_ITEMS
from recordings.signal import DecodedRecording


def code(scheme: str, value: str, meaning: str) -> list[Dataset]:
    made = Dataset()
    made.CodeValue, made.CodingSchemeDesignator, made.CodeMeaning = value, scheme, meaning
    return [made]


def item(relation: str, kind: str, name: list[Dataset] | None, *children: Dataset, **values: object) -> Dataset:
    made = Dataset()
    made.RelationshipType, made.ValueType = relation, kind
    if name:
        made.ConceptNameCodeSequence = name
    for keyword, value in values.items():
        setattr(made, keyword, value)
    if children:
        made.ContentSequence = list(children)
    return made


def container(name: list[Dataset], *children: Dataset) -> Dataset:
    return item("CONTAINS", "CONTAINER", name, *children, ContinuityOfContent="SEPARATE")


def number(name: list[Dataset], value: str, unit: str, *children: Dataset) -> Dataset:
    measured = Dataset()
    measured.NumericValue = value
    measured.MeasurementUnitsCodeSequence = code("UCUM", unit, unit)
    return item("CONTAINS", "NUM", name, *children, MeasuredValueSequence=[measured])


def says(relation: str, name: list[Dataset], value: list[Dataset]) -> Dataset:
    return item(relation, "CODE", name, ConceptCodeSequence=value)


def report(title: list[Dataset], *children: Dataset, template: str = "", **fields: object) -> bytes:
    made = Dataset()
    made.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.33"
    made.SOPInstanceUID = "1.2.3"
    made.Modality = "SR"
    made.PatientID = "P1"
    made.ValueType = "CONTAINER"
    made.ConceptNameCodeSequence = title
    made.ContentSequence = list(children)
    if template:
        named = Dataset()
        named.MappingResource, named.TemplateIdentifier = "DCMR", template
        made.ContentTemplateSequence = [named]
    for keyword, value in fields.items():
        setattr(made, keyword, value)
    return saved(made)


def saved(made: Dataset) -> bytes:
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    target = BytesIO()
    pydicom.dcmwrite(target, made, enforce_file_format=True)
    return target.getvalue()


def told(numeric: Numeric) -> tuple[str, str, str, dict[str, str]]:
    value = str(numeric.quantity) if numeric.quantity else f"absent: {numeric.absent}"
    return numeric.code.system, numeric.code.code, value.replace("\N{NO-BREAK SPACE}", " "), numeric.context


FINDING_SITE = code("SCT", "363698007", "Finding Site")
LATERALITY = code("SCT", "272741003", "Laterality")
METHOD = code("SCT", "370129005", "Measurement Method")
DERIVATION = code("DCM", "121401", "Derivation")


def test_echo_report_tid_5200() -> None:
    raw = report(
        code("DCM", "125200", "Adult Echocardiography Procedure Report"),
        container(
            code("DCM", "121070", "Findings"),
            says("HAS CONCEPT MOD", FINDING_SITE, code("SCT", "87878005", "Left Ventricle")),
            container(
                code("DCM", "125007", "Measurement Group"),
                number(
                    code("LN", "18043-0", "Left Ventricular Ejection Fraction"), "62.5", "%",
                    says("HAS CONCEPT MOD", METHOD, code("DCM", "125207", "Method of Disks, Biplane")),
                ),
                number(code("LN", "29436-3", "Left Ventricle Internal End Diastolic Dimension"), "4.7", "cm"),
                number(code("LN", "8867-4", "Heart rate"), "71", "{H.B.}/min"),
                number(code("LN", "59080-2", "E-Wave Peak Velocity"), "0.82", "m/s"),
                number(code("SRT", "F-32100", "Cardiac Output"), "5.1", "l/min"),
            ),
        ),
        template="5200",
        CompletionFlag="PARTIAL",
        VerificationFlag="UNVERIFIED",
    )  # fmt: skip
    decoded = decode(raw)
    site = {"site": "Left Ventricle"}
    assert [told(one) for one in decoded.numerics] == [
        ("loinc", "18043-0", "62.5 %", {**site, "method": "Method of Disks, Biplane"}),
        ("loinc", "29436-3", "4.7 cm", site),
        ("loinc", "8867-4", "71 /min", site),
        ("loinc", "59080-2", "0.82 m/s", site),
        ("srt", "F-32100", "5.1 L/min", site),
    ]
    assert (decoded.format, decoded.modality) == ("dicom-report", "ultrasound")
    assert decoded.notes == (
        "the device says the report is not complete", "nobody has verified the report on the device",
    )  # fmt: skip
    assert decoded.document is not None
    text = decoded.document.data.decode()
    assert text.startswith("Adult Echocardiography Procedure Report\n  Findings\n")
    assert "Left Ventricular Ejection Fraction: 62.5 %" in text


def test_twins_of_tid_5000_do_not_mix() -> None:
    def biometry(fetus: str, *values: str) -> Dataset:
        return container(
            code("DCM", "125002", "Fetal Biometry"),
            item("HAS OBS CONTEXT", "TEXT", code("LN", "11951-1", "Fetus ID"), TextValue=fetus),
            container(
                code("DCM", "125005", "Biometry Group"),
                *(
                    number(code("LN", "11820-8", "Biparietal Diameter"), value, "cm",
                           says("HAS CONCEPT MOD", DERIVATION, code("SCT", "373098007", "Mean")))
                    for value in values
                ),
            ),
        )  # fmt: skip

    decoded = decode(
        report(code("DCM", "125000", "OB-GYN Ultrasound Procedure Report"), biometry("A", "8.9"), biometry("B", "8.1"))
    )
    assert [(one.context["fetus"], one.context["derivation"], str(one.quantity)) for one in decoded.numerics] == [
        ("A", "Mean", "8.9\N{NO-BREAK SPACE}cm"),
        ("B", "Mean", "8.1\N{NO-BREAK SPACE}cm"),
    ]
    assert decoded.modality == "ultrasound"


def test_carotid_of_tid_5100_keeps_its_side() -> None:
    def side(name: str, value: str) -> Dataset:
        return container(
            code("DCM", "121070", "Findings"),
            says("HAS CONCEPT MOD", FINDING_SITE, code("SCT", "86117002", "Internal carotid artery")),
            says("HAS CONCEPT MOD", LATERALITY, code("SCT", name, name)),
            number(code("LN", "11726-7", "Peak Systolic Velocity"), value, "cm/s"),
            number(code("LN", "12023-8", "Resistivity Index"), "0.71", "{ratio}"),
        )

    title = code("DCM", "125100", "Vascular Ultrasound Procedure Report")
    numerics = decode(report(title, side("Left", "88"), side("Right", "143"))).numerics
    assert [(one.context["laterality"], str(one.quantity)) for one in numerics] == [
        ("Left", "88\N{NO-BREAK SPACE}cm/s"), ("Left", "0.71\N{NO-BREAK SPACE}1"),
        ("Right", "143\N{NO-BREAK SPACE}cm/s"), ("Right", "0.71\N{NO-BREAK SPACE}1"),
    ]  # fmt: skip
    assert {one.context["site"] for one in numerics} == {"Internal carotid artery"}


def test_measurement_report_tid_1500_and_private_codes() -> None:
    decoded = decode(
        report(
            code("DCM", "126000", "Imaging Measurement Report"),
            container(
                code("DCM", "125007", "Measurement Group"),
                item("HAS OBS CONTEXT", "TEXT", code("DCM", "112039", "Tracking Identifier"), TextValue="lesion 1"),
                number(code("SCT", "410668003", "Length"), "12.40", "mm"),
                number(code("99ACME", "x1", "Softness"), "3", "[arb'U]"),
            ),
        )
    )
    assert [told(one) for one in decoded.numerics] == [
        ("sct", "410668003", "12.40 mm", {"tracking": "lesion 1"}),
        ("local", "x1", "absent: error", {"tracking": "lesion 1"}),
    ]
    assert decoded.modality == "document"
    assert any(note.startswith("Softness: unit") for note in decoded.notes)


@pytest.mark.parametrize(
    ("qualifier", "absent"),
    [("114000", AbsentReason.NOT_A_NUMBER), ("114007", AbsentReason.NOT_PERFORMED), ("114006", AbsentReason.ERROR),
     ("", AbsentReason.ERROR)],
)  # fmt: skip
def test_number_that_is_none_is_absent_and_never_zero(qualifier: str, absent: AbsentReason) -> None:
    empty = item("CONTAINS", "NUM", code("LN", "18043-0", "EF"), MeasuredValueSequence=[])
    if qualifier:
        empty.NumericValueQualifierCodeSequence = code("DCM", qualifier, "why")
    (numeric,) = decode(report(code("DCM", "126000", "Report"), empty)).numerics
    assert (numeric.quantity, numeric.absent) == (None, absent)


def test_report_that_is_too_deep_is_refused() -> None:
    here = number(code("LN", "18043-0", "EF"), "1", "%")
    for _ in range(MAX_DEPTH):
        here = container(code("DCM", "121070", "Findings"), here)
    with pytest.raises(BadFrame, match="deeper than"):
        decode(report(code("DCM", "126000", "Report"), here))


def test_report_that_never_ends_is_refused() -> None:
    many = [item("CONTAINS", "TEXT", None, TextValue="x") for _ in range(MAX_ITEMS + 1)]
    with pytest.raises(BadFrame, match="more than"):
        decode(report(code("DCM", "126000", "Report"), *many))


@pytest.mark.parametrize("piece", [1, 3, 1 << 20])
def test_items_without_end_are_counted_before_they_are_read(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicom_bounds, "_PIECE", piece)
    monkeypatch.setattr(dicom_bounds, "MAX_ITEMS", 20)
    raw = report(code("DCM", "126000", "Report"), *[item("CONTAINS", "TEXT", None, TextValue="x") for _ in range(19)])
    dicom_bounds.check_items(BytesIO(raw))  # 19 and the title
    with pytest.raises(BadFrame, match="more than 20 items"):
        dicom_bounds.check_items(BytesIO(raw + b"\xfe\xff\x00\xe0"))
    with pytest.raises(BadFrame, match="more than 20 items"):
        decode(raw[:-8] + b"\xfe\xff\x00\xe0\0\0\0\0" * 2)
    big_endian = BytesIO(b"\xff\xfe\xe0\x00" * 21)
    with pytest.raises(BadFrame, match="more than 20 items"):
        dicom_bounds.check_items(big_endian)


def document(data: bytes, kind: str = "application/pdf", **fields: object) -> DecodedRecording:
    made = Dataset()
    made.SOPClassUID = "1.2.840.10008.5.1.4.1.1.104.1"
    made.SOPInstanceUID = "1.2.3"
    made.Modality = "DOC"
    made.DocumentTitle = "Bone density"
    made.MIMETypeOfEncapsulatedDocument = kind
    made.EncapsulatedDocument = data
    for keyword, value in fields.items():
        setattr(made, keyword, value)
    return decode(saved(made))


def test_pdf_comes_back_byte_for_byte() -> None:
    data = b"%PDF-1.4\n%odd"
    decoded = document(data + b"\0", EncapsulatedDocumentLength=len(data))
    assert decoded.document is not None
    assert (decoded.document.media_type, decoded.document.title) == ("application/pdf", "Bone density")
    assert decoded.document.data == data
    assert decoded.modality == "document"


@pytest.mark.parametrize(
    ("data", "kind"), [(b"<html>", "application/pdf"), (b"<html>", "text/html"), (b"", "application/pdf")]
)
def test_document_that_is_not_what_it_says_is_refused(data: bytes, kind: str) -> None:
    with pytest.raises(BadFrame):
        document(data, kind)


def region(**fields: object) -> Dataset:
    made = Dataset()
    made.RegionSpatialFormat, made.RegionDataType = 1, 1
    made.RegionLocationMinX0, made.RegionLocationMinY0 = 10, 20
    made.RegionLocationMaxX1, made.RegionLocationMaxY1 = 109, 419
    made.PhysicalUnitsXDirection = made.PhysicalUnitsYDirection = 3
    made.PhysicalDeltaX = made.PhysicalDeltaY = 0.03
    for keyword, value in fields.items():
        setattr(made, keyword, value)
    return made


def calibrated(*regions: Dataset) -> Dataset:
    made = Dataset()
    made.Rows, made.Columns = 480, 640
    made.SequenceOfUltrasoundRegions = list(regions)
    return made


def test_region_says_what_a_pixel_is() -> None:
    spectral = region(RegionSpatialFormat=3, PhysicalUnitsXDirection=4, PhysicalUnitsYDirection=7, PhysicalDeltaX=0.005,
                      PhysicalDeltaY=-0.4)  # fmt: skip
    first, second = regions_of(calibrated(region(), spectral))
    assert first.in_words() == "2D ↔ 0.3 mm/px ↕ 0.3 mm/px, 120 mm"
    assert second.in_words() == "spectral ↔ 0.005 s/px ↕ 0.4 cm/s/px"
    assert (first.left, first.top, first.right, first.bottom) == (10, 20, 109, 419)


@pytest.mark.parametrize(
    "fields",
    [{"PhysicalUnitsXDirection": 0, "PhysicalUnitsYDirection": 0}, {"PhysicalDeltaX": 0.0, "PhysicalDeltaY": 0.0},
     {"RegionLocationMaxX1": 640}, {"RegionLocationMinY0": 500}, {"PhysicalDeltaX": float("nan"),
      "PhysicalDeltaY": 0.0}],
)  # fmt: skip
def test_region_that_measures_nothing_is_left_out(fields: dict[str, object]) -> None:
    assert regions_of(calibrated(region(**fields))) == ()
    broken = region()
    del broken.PhysicalDeltaX
    assert regions_of(calibrated(broken)) == ()


def test_real_ultrasound_tells_its_scale(shared_data: Path) -> None:
    notes = {file.name: decode(file.read_bytes()).notes for file in (shared_data / "devices/dicom_us").glob("*.dcm")}
    assert any(note.startswith("scale 2D") for found in notes.values() for note in found), notes


def test_real_reports_are_read(shared_data: Path) -> None:
    for file in (shared_data / "devices/dicom_sr").glob("*.dcm"):
        decoded = decode(file.read_bytes())
        assert decoded.numerics, file.name
        assert all(one.quantity is not None and one.quantity.unit == "cm" for one in decoded.numerics), file.name
