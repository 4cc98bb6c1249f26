"""The sealed inbox: what devices deliver is durable and unreadable before anybody has logged in (law 8)."""

from pathlib import Path


class Inbox:
    """A folder of sealed deliveries; safe from several processes."""

    def __init__(self, folder: Path, vault_public: bytes) -> None:
        raise NotImplementedError

    def deliver(self, meta: bytes, raw: bytes | Path) -> str:
        """Seal one delivery; durable on return, and only then may the device be told yes. Returns its ticket.

        The same meta and raw again gives the same ticket while it is still here.
        """
        raise NotImplementedError

    def waiting(self) -> list[str]:
        """Tickets, oldest first; needs no key."""
        raise NotImplementedError

    def pending(self, private: bytes) -> list[tuple[str, bytes]]:
        """(ticket, meta), oldest first; what cannot be opened is moved to `damaged/` and left out."""
        raise NotImplementedError

    def open(self, ticket: str, private: bytes, target: Path) -> bytes:
        """Write the raw bytes to `target` (mode 600) and return meta.

        Raises:
            NotFound: no such delivery.
            RefusedInput: damaged.
        """
        raise NotImplementedError

    def read(self, ticket: str, private: bytes) -> tuple[bytes, bytes]:
        """(meta, raw) in memory. Raises as `open`."""
        raise NotImplementedError

    def remove(self, ticket: str) -> None:
        """After the store holds it; no error where it is gone."""
        raise NotImplementedError

    def sweep(self) -> int:
        """At start: remove what a crash left half written."""
        raise NotImplementedError
