"""A form counts once, over a restart of the agent too: its key is kept in the transaction of its effect."""

from typing import Final

from clinic_records.ids import PatientId, sha256_hex
from clinic_records.people import Patient
from clinic_records.record import encode_payload
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.settings import get_setting, put_setting
from vehicle_agent.visits.patients import register
from vehicle_agent.visits.versions import Act, get
from vehicle_agent.visits.views import NewPatient

_FORM: Final = "visits.form."


def register_once(conn: Connection, form: NewPatient, new_id: PatientId, act: Act) -> Patient:
    """Keep a new person; the same form again, key and content, is the same person as the first time.

    A form sent again with other content is another act: it is never answered with the person of the first.
    A form without a key just counts. Raises as visits.patients.register.
    """
    if not form.key:
        return register(conn, form, new_id, act)
    kept_as = _FORM + sha256_hex(encode_payload(form))
    known = get_setting(conn, kept_as)
    if known is not None:
        return get(conn, Patient, known.decode()).thing
    patient = register(conn, form, new_id, act)
    put_setting(conn, kept_as, patient.id.encode())
    return patient
