"""What else the node does: one DIMSE service (MPPS, storage commitment ...) as what it takes and who answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pynetdicom.events import EventType


@dataclass(frozen=True)
class Service:
    """One service class provider of the node.

    Attributes:
        contexts: abstract syntax -> transfer syntaxes it is taken in.
        handlers: pynetdicom's intervention events (EVT_N_CREATE ...) and who answers each. An event belongs to one
            service only; who calls is `guard.find_peer(peers, event.assoc.requestor.ae_title, ...address)`.
    """

    contexts: Mapping[str, tuple[str, ...]]
    handlers: tuple[tuple[EventType, Callable[[Any], Any]], ...]
