"""An adult echocardiography report (DICOM PS3.16, TID 5200) as a scanner makes it from its calipers."""

from typing import Final

from pydicom.dataset import Dataset

_COMPREHENSIVE_SR: Final = "1.2.840.10008.5.1.4.1.1.88.33"
_MEASURED: Final = (
    ("18043-0", "Left Ventricular Ejection Fraction", "62", "%"),
    ("29436-3", "Left Ventricle Internal End Diastolic Dimension", "4.7", "cm"),
    ("29438-9", "Left Ventricle Internal Systolic Dimension", "3.1", "cm"),
    ("18051-3", "Left Ventricular Fractional Shortening", "34", "%"),
)
"""LOINC code and meaning as PS3.16, CID 12201 and 12203 have them; value and UCUM unit of a healthy adult."""


def echo_report() -> Dataset:
    """The report of one examination; nobody has verified it."""
    findings = _container(
        ("DCM", "121070", "Findings"),
        _says(("SCT", "363698007", "Finding Site"), ("SCT", "87878005", "Left Ventricle")),
        *(_number(("LN", code, meaning), value, unit) for code, meaning, value, unit in _MEASURED),
    )
    made = Dataset()
    made.SOPClassUID = _COMPREHENSIVE_SR
    made.Modality = "SR"
    made.Manufacturer = "SIMULATED"
    made.SeriesDescription = "Echo report"
    made.ValueType = "CONTAINER"
    made.ContinuityOfContent = "SEPARATE"
    made.ConceptNameCodeSequence = _code("DCM", "125200", "Adult Echocardiography Procedure Report")
    template = Dataset()
    template.MappingResource, template.TemplateIdentifier = "DCMR", "5200"
    made.ContentTemplateSequence = [template]
    made.CompletionFlag, made.VerificationFlag = "COMPLETE", "UNVERIFIED"
    made.ContentSequence = [findings]
    return made


def _code(scheme: str, value: str, meaning: str) -> list[Dataset]:
    made = Dataset()
    made.CodeValue, made.CodingSchemeDesignator, made.CodeMeaning = value, scheme, meaning
    return [made]


def _item(relation: str, kind: str, name: tuple[str, str, str]) -> Dataset:
    made = Dataset()
    made.RelationshipType, made.ValueType = relation, kind
    made.ConceptNameCodeSequence = _code(*name)
    return made


def _container(name: tuple[str, str, str], *children: Dataset) -> Dataset:
    made = _item("CONTAINS", "CONTAINER", name)
    made.ContinuityOfContent = "SEPARATE"
    made.ContentSequence = list(children)
    return made


def _says(name: tuple[str, str, str], value: tuple[str, str, str]) -> Dataset:
    made = _item("HAS CONCEPT MOD", "CODE", name)
    made.ConceptCodeSequence = _code(*value)
    return made


def _number(name: tuple[str, str, str], value: str, unit: str) -> Dataset:
    made, measured = _item("CONTAINS", "NUM", name), Dataset()
    measured.NumericValue = value
    measured.MeasurementUnitsCodeSequence = _code("UCUM", unit, unit)
    made.MeasuredValueSequence = [measured]
    return made
