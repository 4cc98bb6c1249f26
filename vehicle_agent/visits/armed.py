"""Arming in the open store: the window, the worklist order of a device that asks for one, and the end of both."""

from datetime import datetime

from clinic_records.care import Encounter
from clinic_records.errors import Conflict
from clinic_records.ids import DeviceId, EncounterId
from clinic_records.people import Author, Patient
from vehicle_agent.store.driver import Connection
from vehicle_agent.visits.encounters import finish, must_be_open
from vehicle_agent.visits.kept import load_armings, save_armings, save_order
from vehicle_agent.visits.orders import SAMPLED, new_order, sample_order
from vehicle_agent.visits.roster import Device
from vehicle_agent.visits.versions import Act, get
from vehicle_agent.visits.views import Arming


def arm_device(conn: Connection, device: Device, encounter_id: EncounterId, author: Author, now: datetime) -> Arming:
    """Let the device wait for this encounter's person.

    A DICOM device finds an order in its worklist from now on, an analyser is given a sample number.

    Raises:
        NotFound: no such encounter.
        Conflict: the encounter is over, or the device measures no patients.
    """
    if device.subject != "patient":
        raise Conflict(f"device {device.id} measures no patients")
    encounter = must_be_open(conn, encounter_id)
    patient = get(conn, Patient, encounter.patient).thing
    armings = load_armings(conn)
    armed = armings.arm(device.id, encounter.id, patient=patient.id, patient_name=patient.name, by=author, now=now)
    save_armings(conn, armings)
    if device.dicom_modality:
        save_order(conn, new_order(encounter.id, patient.id, device.id, device.dicom_modality, now))
    if device.modality in SAMPLED:
        save_order(conn, sample_order(encounter.id, patient.id, device.id, now))
    return armed


def disarm_device(conn: Connection, device: DeviceId, act: Act) -> None:
    """End the window of the device, if one is open."""
    armings = load_armings(conn)
    if armings.disarm(device, act.now):
        save_armings(conn, armings)


def finish_encounter(conn: Connection, encounter_id: EncounterId, act: Act) -> Encounter:
    """Finish it and end the windows of its devices, in one transaction. Raises as encounters.finish."""
    finished = finish(conn, encounter_id, act)
    armings = load_armings(conn)
    if armings.finish(encounter_id, act.now):
        save_armings(conn, armings)
    return finished
