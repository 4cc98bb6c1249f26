"""Armings and worklist orders in the open store: local to this vehicle, so they are settings and never travel."""

from collections.abc import Mapping
from typing import Final

import msgspec

from clinic_records.care import Encounter
from clinic_records.ids import DeviceId
from clinic_records.people import Patient, Sex
from devices.dicom.worklist import WorklistItem
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.settings import get_setting, put_setting
from vehicle_agent.visits.arming import Armings
from vehicle_agent.visits.orders import Order, accession_of
from vehicle_agent.visits.stops import OVER, open_one
from vehicle_agent.visits.versions import get, listed
from vehicle_agent.visits.views import Arming

_ARMINGS: Final = "visits.armings"
_ORDERS: Final = "visits.order."
_STUDIES: Final = "visits.study."
_DICOM_SEX: Final = {Sex.MALE: "M", Sex.FEMALE: "F"}
"""PatientSex (0010,0040), DICOM PS3.3, C.2.3; everything else is O."""


def load_armings(conn: Connection) -> Armings:
    """The windows of every device."""
    kept = get_setting(conn, _ARMINGS)
    return Armings(msgspec.json.decode(kept, type=tuple[Arming, ...]) if kept else ())


def save_armings(conn: Connection, armings: Armings) -> None:
    """Keep them; durable with the caller's transaction."""
    put_setting(conn, _ARMINGS, msgspec.json.encode(armings.windows))


def save_order(conn: Connection, order: Order) -> None:
    """Keep an order; the same again changes nothing."""
    if get_setting(conn, _ORDERS + order.accession) is None:
        put_setting(conn, _ORDERS + order.accession, msgspec.json.encode(order))
        put_setting(conn, _STUDIES + order.study_uid, order.accession.encode())


def find_order(conn: Connection, accession: str, study: str) -> Order | None:
    """The order a device answers, by its accession, else by its study; None where neither is ours."""
    if not accession and study:
        accession = (get_setting(conn, _STUDIES + study) or b"").decode()
    kept = get_setting(conn, _ORDERS + accession) if accession else None
    return msgspec.json.decode(kept, type=Order) if kept else None


def worklist(conn: Connection, ae_titles: Mapping[DeviceId, str]) -> list[WorklistItem]:
    """What the devices may pick: the orders of the open stop's encounters that still go on.

    Args:
        conn: any connection of the store.
        ae_titles: of every device that asks for a worklist.
    """
    stop = open_one(conn)
    if stop is None:
        return []
    items = []
    for version in listed(conn, Encounter, where={"stop": stop.thing.id}):
        if version.thing.status in OVER:
            continue
        patient = get(conn, Patient, version.thing.patient).thing
        for device, ae_title in ae_titles.items():
            order = find_order(conn, accession_of(version.thing.id, device), "")
            if order is not None:
                items.append(_item(order, patient, ae_title))
    return items


def _item(order: Order, patient: Patient, ae_title: str) -> WorklistItem:
    return WorklistItem(
        accession=order.accession,
        patient_id=patient.id,
        name=patient.name,
        sex=_DICOM_SEX.get(patient.sex, "O"),
        birth_date=patient.birth_date,
        study_uid=order.study_uid,
        modality=order.modality,
        device_ae=ae_title,
        scheduled=order.scheduled,
    )


def numbers_of(patient: Patient) -> tuple[str, ...]:
    """The numbers a device may rightly show for this person."""
    return tuple(number for number in (patient.id, patient.resident_id, patient.insurance_code) if number)
