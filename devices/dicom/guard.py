"""Who may call the DICOM node."""

from collections.abc import Sequence
from typing import Any

import structlog

from devices.dicom.settings import Peer

_log = structlog.get_logger()

_REJECTED_PERMANENT, _SERVICE_USER, _CALLING_AE_UNKNOWN = 0x01, 0x01, 0x03
"""A-ASSOCIATE-RJ result, source and reason (DICOM PS3.8, table 9-21)."""


def find_peer(peers: Sequence[Peer], title: str, address: str) -> Peer | None:
    """The configured peer with this calling AE title at this address."""
    title = title.strip()
    for peer in peers:
        if peer.ae_title == title and peer.address in {"", address}:
            return peer
    return None


def refuse_stranger(event: Any, peers: Sequence[Peer]) -> None:
    """On an association request: refuse who is not configured."""
    requestor = event.assoc.requestor
    title = str(requestor.primitive.calling_ae_title)
    if find_peer(peers, title, requestor.address) is None:
        _log.warning("association refused: not a configured device", ae_title=title, address=requestor.address)
        event.assoc.acse.send_reject(_REJECTED_PERMANENT, _SERVICE_USER, _CALLING_AE_UNKNOWN)
        event.assoc.kill()
