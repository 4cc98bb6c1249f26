"""Everything the node does beside verification, worklist and storage, put together for the process it runs in."""

from collections.abc import Callable, Sequence
from pathlib import Path

from devices.delivery import Delivery
from devices.dicom.call_back import CallBack
from devices.dicom.commitment import StorageCommitment
from devices.dicom.held import HeldInstances
from devices.dicom.mpps import ProcedureSteps
from devices.dicom.received import Arrival
from devices.dicom.service import Service
from devices.dicom.settings import Peer


class Provided:
    """Procedure steps and storage commitment; `begin` replaces the one given, for the node's storage."""

    def __init__(self, folder: Path, ae_title: str, peers: Sequence[Peer], begin: Callable[[], Arrival]) -> None:
        """Read what earlier runs remembered in `folder`.

        Args:
            folder: private, on a disk that stays.
            ae_title: ours.
            peers: who may call.
            begin: a durable place for an object that begins to come.

        Raises:
            StoreError: the disk refused.
        """
        self._begin = begin
        self._held = HeldInstances(folder)
        self._commitment = StorageCommitment(folder, peers, self._held.holds, CallBack(ae_title, peers))
        self.services: tuple[Service, ...] = (
            ProcedureSteps(folder, peers, self._deliver).service(),
            self._commitment.service(),
        )

    def begin(self) -> Arrival:
        """A durable place whose object is remembered as held once it is kept."""
        return _Remembered(self._begin(), self._held)

    def start(self) -> None:
        """Answer storage commitments from now on."""
        self._commitment.start()

    def stop(self) -> None:
        """End; what is open stays for the next run."""
        self._commitment.stop()

    def _deliver(self, delivery: Delivery, raw: bytes) -> None:
        arrival = self._begin()
        try:
            arrival.write(raw)
            arrival.keep(delivery)
        finally:
            arrival.drop()


class _Remembered:
    """An arrival whose `keep` is remembered."""

    def __init__(self, arrival: Arrival, held: HeldInstances) -> None:
        self._arrival = arrival
        self._held = held

    def write(self, data: bytes | memoryview, /) -> object:
        """Append."""
        return self._arrival.write(data)

    def keep(self, delivery: Delivery, /) -> None:
        """Make it durable, then remember it."""
        self._arrival.keep(delivery)
        self._held.remember(delivery)

    def drop(self) -> None:
        """Forget it."""
        self._arrival.drop()
