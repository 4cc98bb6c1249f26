"""People of a village the vehicle will visit; the slice is the hospital's, the people in it are shared."""

from typing import Final

from clinic_records.patient_slice import PatientSlice
from clinic_records.record import Kind, Lane
from sync.messages.kind import Maker, MessageKind, Owner

PATIENT_SLICE: Final = MessageKind(Kind.PATIENT_SLICE, Owner.CENTRAL, Lane.P3, PatientSlice, (Maker.HOSPITAL,))
