"""OBS.R01 and OBS.R02 -> recordings: one for each service event (SVC) and person (POCT1-A2, annex B, observations).

SVC: role_cd OBS (patient), LQC, EQC, CAL, PRF ... ; observation_dttm; PT or CTC with OBS: observation_id (V, SN, DN),
value (V, U) or qualitative_value, method_cd, status_cd (A accepted, D discarded, R rejected), interpretation_cd,
normal_lo-hi_limit; ORD.order_id, RGT.lot_number, NTE.text.
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

from clinic_records.errors import Hint, RefusedInput
from clinic_records.observations import BY_KEY
from clinic_records.quantity import Quantity
from clinic_records.reading import AbsentReason, Code, Numeric
from recordings.hl7.codes import is_loinc
from recordings.modality_of_codes import modality_of
from recordings.poct1a.message import OBSERVATIONS, moment, read_message, value
from recordings.signal import DecodedRecording
from recordings.written_units import ucum
from recordings.xml_tree import Element

FORMAT: Final = "poct1a"
_NUMBER: Final = re.compile(r"[+-]?(\d{1,12}(\.\d{0,9})?|\.\d{1,9})", re.ASCII)
_LIMITS: Final = frozenset({"<", ">"})
"""interpretation_cd (HL7 table 0078): beyond the instrument's scale, so the value is only a limit."""
_WITHOUT_RESULT: Final[Mapping[str, str]] = {"D": "discarded on the device", "R": "rejected on the device"}
_HBA1C: Final[Mapping[str, str]] = {"%": "loinc:4548-4", "mmol/mol": "loinc:59261-8"}
"""HbA1c of a device without LOINC: the unit says which of its two scales (NGSP, IFCC)."""
_HBA1C_NAMES: Final = frozenset({"HBA1C", "A1C"})
_METHODS: Final[Mapping[str, str]] = {"C": "calculated", "D": "default value", "E": "estimated", "I": "entered by hand"}
_LONGEST: Final = 120
_MOST_NOTES: Final = 60
_NO_RESULTS = Hint("这条消息里没有检查结果。", "This message carries no results.")


def decode_poct1a(raw: bytes) -> tuple[DecodedRecording, ...]:
    """The results of one message.

    Raises:
        BadFrame: not well-formed, or no message of this standard.
        RefusedInput: a message without results; it is named.
    """
    root = read_message(raw)
    if root.tag not in OBSERVATIONS:
        raise RefusedInput(
            f"POCT1-A message {root.tag} is a word of the dialogue and carries no results", hint=_NO_RESULTS
        )
    found = tuple(recording for service in root.each("SVC") for recording in _recordings(root.tag, service))
    if not found:
        raise RefusedInput(f"POCT1-A message {root.tag} has no observation (OBS) in it", hint=_NO_RESULTS)
    return found


def _recordings(kind: str, service: Element) -> Iterator[DecodedRecording]:
    role = value(service, "SVC.role_cd").upper()
    subjects = [(each, tag) for tag in ("PT", "CTC") for each in service.each(tag)] or [(service, "PT")]
    for subject, tag in subjects:
        observations = list(subject.each("OBS"))
        if not observations:
            continue
        is_control = kind == "OBS.R02" or tag == "CTC" or role not in {"OBS", ""}
        yield _recording(service, subject, observations, is_control=is_control, role=role)


def _recording(
    service: Element, subject: Element, observations: list[Element], *, is_control: bool, role: str
) -> DecodedRecording:
    numerics: list[Numeric] = []
    notes = [f"a control run ({role or 'CTC'}), nobody's result"] if is_control else []
    for observation in observations:
        numeric = _numeric(observation)
        status = value(observation, "OBS.status_cd").upper()
        if status in _WITHOUT_RESULT:
            notes.append(f"{numeric.code.display}: {_WITHOUT_RESULT[status]}")
        else:
            numerics.append(numeric)
    remarks = [value(note, "NTE.text") for note in service.descend("NTE")]
    when = moment(value(service, "SVC.observation_dttm"))
    return DecodedRecording(
        format=FORMAT,
        patient=_patient(service, subject),
        device=_device(service, zone_is_assumed=when is not None and not when[1]),
        start=when[0] if when else None,
        numerics=tuple(numerics),
        notes=(*notes, *(f"comment: {remark[:500]}" for remark in remarks if remark))[:_MOST_NOTES],
        modality=modality_of(numerics, "laboratory"),
        from_memory=is_control,
    )


def _numeric(observation: Element) -> Numeric:
    written, stated = value(observation, "OBS.value"), observation.attribute("U", "OBS.value")
    unit = ucum(stated)
    code = _code(observation, unit)
    flag = value(observation, "OBS.interpretation_cd")
    told = {
        "flag": "" if flag == "N" else flag,
        "reference": value(observation, "OBS.normal_lo-hi_limit"),
        "method": _METHODS.get(value(observation, "OBS.method_cd").upper(), ""),
    }
    context = {key: words[:_LONGEST] for key, words in told.items() if words}
    is_number = _NUMBER.fullmatch(written) is not None
    if is_number and unit and flag not in _LIMITS:
        return Numeric(code, Quantity(Decimal(written), unit), context=context)
    words = f"{flag if is_number and flag in _LIMITS else ''}{written} {unit or stated}".strip() if written else ""
    words = words or value(observation, "OBS.qualitative_value")
    if not words:
        return Numeric(code, absent=AbsentReason.NOT_PERFORMED, context=context)
    return Numeric(code, context=context, text=words[:_LONGEST])


def _code(observation: Element, unit: str) -> Code:
    written = value(observation, "OBS.observation_id")
    name = observation.attribute("DN", "OBS.observation_id") or written
    if observation.attribute("SN", "OBS.observation_id") == "LN" and is_loinc(written):
        return Code("loinc", written, name)
    row = BY_KEY.get(_HBA1C.get(unit, "")) if written.upper() in _HBA1C_NAMES else None
    return row.as_code() if row else Code("local", f"poct1a:{written}"[:_LONGEST], name)


def _patient(service: Element, subject: Element) -> dict[str, str]:
    born = value(subject, "PT.birth_date")[:10]
    told = {
        "patient_id": value(subject, "PT.patient_id"),
        "name": value(subject, "PT.name"),
        "birth_date": born if re.fullmatch(r"\d{4}-\d\d-\d\d", born, re.ASCII) else "",
        "sex": {"M": "M", "F": "F", "O": "O"}.get(value(subject, "PT.gender_cd").upper(), ""),
        "accession": value(service, "ORD", "ORD.order_id") or value(subject, "ORD", "ORD.order_id"),
    }
    return {key: words[:_LONGEST] for key, words in told.items() if words}


def _device(service: Element, *, zone_is_assumed: bool) -> dict[str, str]:
    lots = [value(reagent, "RGT.lot_number") for reagent in service.descend("RGT")]
    told = {
        "operator": value(service, "OPR", "OPR.operator_id"),
        "reagent_lot": " ".join(filter(None, lots)),
        "time_zone": "assumed" if zone_is_assumed else "",
    }
    return {key: words[:_LONGEST] for key, words in told.items() if words}
