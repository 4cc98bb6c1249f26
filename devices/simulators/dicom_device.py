"""A modality's side of DICOM: asks the worklist, says how far it is, stores objects, remembers what it was told."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid
from pynetdicom import AE
from pynetdicom.dsutils import encode

from clinic_records.clock import CHINA
from clinic_records.errors import DeviceUnavailable, NotFound
from devices.dicom.contexts import MODALITY_WORKLIST_FIND, PERFORMED_PROCEDURE_STEP
from devices.simulators.saw import DeviceSaw

_PENDING: Final = frozenset({0xFF00, 0xFF01})
_COPIED: Final = ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyInstanceUID")
"""What a device takes over from the worklist entry into its object."""


class DicomDevice:
    """One modality with its own AE title."""

    def __init__(self, host: str, port: int, *, ae_title: str, called: str = "CLINIC", timeout_s: float = 30.0) -> None:
        """Nothing is sent yet; `host`, `port` and `called` are the vehicle's node."""
        self._address = (host, port)
        self._called = called
        self._ae = AE(ae_title)
        self._ae.acse_timeout = self._ae.dimse_timeout = self._ae.network_timeout = timeout_s
        self._ae.connection_timeout = timeout_s

    def worklist(self, *, name: str = "", accession: str = "", modality: str = "") -> list[Dataset]:
        """The entries that match; wildcards `*` and `?` work in `name`.

        Raises:
            DeviceUnavailable: no association, or the query failed.
        """
        query = Dataset()
        query.SpecificCharacterSet = "ISO_IR 192"
        query.PatientName = name
        query.AccessionNumber = accession
        for keyword in ("PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "RequestedProcedureID"):
            setattr(query, keyword, "")
        step = Dataset()
        step.Modality = modality
        step.ScheduledStationAETitle = ""
        step.ScheduledProcedureStepStartDate = ""
        step.ScheduledProcedureStepStartTime = ""
        query.ScheduledProcedureStepSequence = [step]
        found: list[Dataset] = []
        with self._association(MODALITY_WORKLIST_FIND) as association:
            for status, entry in association.send_c_find(query, MODALITY_WORKLIST_FIND):
                code = status.get("Status", -1)
                if code in _PENDING and entry is not None:
                    found.append(entry)
                elif code != 0:
                    raise DeviceUnavailable(f"worklist query: status {code:#06x}")
        return found

    def pick(self, *, name: str = "", accession: str = "", modality: str = "") -> Dataset:
        """The one entry to examine: the first that matches, as a person at the device would.

        Raises:
            NotFound: the worklist has none.
            DeviceUnavailable: no association, or the query failed.
        """
        found = self.worklist(name=name, accession=accession, modality=modality)
        if not found:
            raise NotFound(f"no worklist entry for name {name!r}, accession {accession!r}, modality {modality!r}")
        return found[0]

    def store(self, dataset: Dataset) -> DeviceSaw:
        """Send one object, explicit VR little endian; a refusal or a broken connection is in the result, not raised."""
        payload = encode(dataset, is_implicit_vr=False, is_little_endian=True) or b""
        digest = hashlib.sha256(payload).hexdigest()
        source_id = str(dataset.SOPInstanceUID)
        try:
            with self._association(str(dataset.SOPClassUID)) as association:
                status = association.send_c_store(dataset)
                code = status.get("Status", -1)
        except DeviceUnavailable as error:
            return DeviceSaw(source_id, digest, acknowledged=False, detail=str(error))
        answer = f"C-STORE status {code:#06x}" if code >= 0 else "no C-STORE response"
        return DeviceSaw(source_id, digest, acknowledged=code == 0, detail=answer)

    def begin_step(self, entry: Dataset, modality: str) -> str:
        """Say that the entry's examination begins (MPPS N-CREATE); the step's UID.

        Raises:
            DeviceUnavailable: no association, or the node refused.
        """
        scheduled = Dataset()
        for keyword in ("AccessionNumber", "StudyInstanceUID"):
            setattr(scheduled, keyword, entry.get(keyword, ""))
        made, uid = Dataset(), str(generate_uid())
        made.SpecificCharacterSet = "ISO_IR 192"
        made.ScheduledStepAttributesSequence = [scheduled]
        for keyword in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex"):
            setattr(made, keyword, entry.get(keyword, ""))
        made.Modality = modality
        made.PerformedProcedureStepStatus = "IN PROGRESS"
        local = datetime.now(CHINA)
        made.PerformedProcedureStepStartDate = f"{local:%Y%m%d}"
        made.PerformedProcedureStepStartTime = f"{local:%H%M%S}"
        with self._association(PERFORMED_PROCEDURE_STEP) as association:
            _must_succeed("N-CREATE", association.send_n_create(made, PERFORMED_PROCEDURE_STEP, uid)[0])
        return uid

    def end_step(self, uid: str, *, is_completed: bool) -> None:
        """Say that the examination is done, or was broken off (MPPS N-SET).

        Raises:
            DeviceUnavailable: no association, or the node refused.
        """
        made = Dataset()
        made.PerformedProcedureStepStatus = "COMPLETED" if is_completed else "DISCONTINUED"
        local = datetime.now(CHINA)
        made.PerformedProcedureStepEndDate = f"{local:%Y%m%d}"
        made.PerformedProcedureStepEndTime = f"{local:%H%M%S}"
        with self._association(PERFORMED_PROCEDURE_STEP) as association:
            _must_succeed("N-SET", association.send_n_set(made, PERFORMED_PROCEDURE_STEP, uid)[0])

    @contextmanager
    def _association(self, abstract_syntax: str) -> Iterator[Any]:
        self._ae.requested_contexts = []
        self._ae.add_requested_context(abstract_syntax, ExplicitVRLittleEndian)
        association = self._ae.associate(*self._address, ae_title=self._called)
        if not association.is_established:
            raise DeviceUnavailable(f"no DICOM association with {self._called} at {self._address}")
        try:
            yield association
        finally:
            if association.is_established:
                association.release()


def _must_succeed(what: str, status: Dataset) -> None:
    code = status.get("Status", -1)
    if code != 0:
        raise DeviceUnavailable(f"{what}: status {code:#06x}")


def for_patient(original: Dataset, entry: Dataset | None) -> Dataset:
    """A copy of a real object as this device would make it now: new UIDs, and the entry's patient (None: nobody's)."""
    made = Dataset()
    made.update({element.tag: element for element in original if element.tag.group != 0x0002})
    made.SpecificCharacterSet = "ISO_IR 192"
    for keyword in _COPIED:
        setattr(made, keyword, entry.get(keyword, "") if entry is not None else "")
    if not made.StudyInstanceUID:
        made.StudyInstanceUID = generate_uid()
    made.SeriesInstanceUID = generate_uid()
    made.SOPInstanceUID = generate_uid()
    made.file_meta = Dataset()  # type: ignore[assignment]  # the sender fills it; pydicom wants its own class only on write
    made.file_meta.TransferSyntaxUID = UID(ExplicitVRLittleEndian)
    return made
