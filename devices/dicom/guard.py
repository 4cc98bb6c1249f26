"""Who may call the DICOM node, and how much one PDU may ask it to read."""

import socket
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

import structlog

from devices.dicom.settings import Peer

_log = structlog.get_logger()

LONGEST_PDU: Final = 1 << 20
"""Bytes: eight times what we offer, for senders that ignore the offer. pynetdicom itself would read up to 4 GiB."""
PDU_S: Final = 30.0
"""Seconds for one PDU from its first byte to its last: 128 KiB over the poorest Wi-Fi."""
PLACES: Final = 8
"""Connections that are no association yet, at one time; a device needs some milliseconds from one to the other."""
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


class Door:
    """Connections that were opened and are no association yet.

    A caller that says nothing, or stops inside a PDU, holds a thread and a place of pynetdicom's; a handful of them
    would keep every device out. So there are few such places, and the newest caller gets one.
    """

    def __init__(self, places: int = PLACES) -> None:
        self._places = places
        self._lock = threading.Lock()
        self._waiting: list[Any] = []

    def opened(self, event: Any) -> None:
        """On a new connection, whose thread has not begun yet: bound what it may ask; put out who waits too long."""
        _bound(event.assoc.dul.socket)
        with self._lock:  # pynetdicom opens each connection in a thread of its own
            self._waiting = [each for each in self._waiting if _is_waiting(each)] + [event.assoc]
            if len(self._waiting) <= self._places:
                return
            of = Counter(each.requestor.address for each in self._waiting)
            loudest = max(of.values())
            oldest = next(each for each in self._waiting if of[each.requestor.address] == loudest)
            self._waiting.remove(oldest)
        _put_out(oldest)


def _is_waiting(association: Any) -> bool:
    has_begun = association.ident is not None
    return not has_begun or (association.is_alive() and not association.is_established)


def end(association: Any) -> None:
    """End it as its state allows: pynetdicom's thread dies of an abort before the first request."""
    if association.is_established:
        association.abort()
    else:
        _hang_up(association)


def _put_out(association: Any) -> None:
    """End a connection whose first request has not come."""
    _log.warning("connection without an association put out", address=association.requestor.address)
    _hang_up(association)


def _hang_up(association: Any) -> None:
    held = association.dul.socket
    if held is not None and held.socket is not None:
        with suppress(OSError):
            held.socket.shutdown(socket.SHUT_RDWR)
    association.dul.to_user_queue.put(None)  # what pynetdicom's acceptor takes for "waited in vain"


def _bound(connection: Any) -> None:
    """Close the connection at a PDU that claims to be too long, or does not come to its end in PDU_S."""

    def read(size: int) -> bytearray:
        if size > LONGEST_PDU:
            raise OSError(f"a PDU of {size} bytes; at most {LONGEST_PDU} are taken")
        wire: socket.socket = connection.socket
        before, deadline, data = wire.gettimeout(), time.monotonic() + PDU_S, bytearray()
        try:
            while len(data) < size:
                wire.settimeout(max(deadline - time.monotonic(), 0.001))
                piece = wire.recv(size - len(data))
                if not piece:
                    break
                data += piece
        finally:
            wire.settimeout(before)
        return data

    connection.recv = read
