"""Our node as a caller: a storage commitment's result goes to the device on an association of its own."""

from collections.abc import Sequence
from typing import Any, Final

from pydicom.dataset import Dataset
from pynetdicom import AE, build_role

from clinic_records.errors import DeviceUnavailable
from devices.dicom.commitment import Request
from devices.dicom.contexts import PLAIN_SYNTAXES, STORAGE_COMMITMENT, STORAGE_COMMITMENT_INSTANCE
from devices.dicom.settings import Peer

TIMEOUT_S: Final = 10.0


class CallBack:
    """Calls the device that asked, at the address it asked from, on the port it listens at."""

    def __init__(self, ae_title: str, peers: Sequence[Peer]) -> None:
        """`ae_title` is ours."""
        self._ae_title = ae_title
        self._ports = {peer.ae_title: peer.port for peer in peers}

    def report(self, request: Request, event_type: int, information: Dataset) -> None:
        """N-EVENT-REPORT in the role of the provider (PS3.4, section J.3.3).

        Raises:
            DeviceUnavailable: nobody answers there, or the device did not take it.
        """
        port = self._ports.get(request.ae_title)
        if port is None:
            raise DeviceUnavailable(f"{request.ae_title} is no device of this vehicle any more")
        ae = AE(self._ae_title)
        ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = ae.connection_timeout = TIMEOUT_S
        ae.add_requested_context(STORAGE_COMMITMENT, list(PLAIN_SYNTAXES))
        role = build_role(STORAGE_COMMITMENT, scp_role=True)
        association: Any = ae.associate(request.address, port, ae_title=request.ae_title, ext_neg=[role])
        if not association.is_established:
            raise DeviceUnavailable(f"no association with {request.ae_title} at {request.address}:{port}")
        try:
            status, _ = association.send_n_event_report(
                information, event_type, STORAGE_COMMITMENT, STORAGE_COMMITMENT_INSTANCE
            )
        except (ValueError, RuntimeError) as error:  # the context or the role was not accepted
            raise DeviceUnavailable(f"{request.ae_title}: {error}") from error
        finally:
            if association.is_established:
                association.release()
        code = status.get("Status", -1)
        if code != 0:
            raise DeviceUnavailable(f"{request.ae_title} answered {code:#06x} to the storage commitment's result")
