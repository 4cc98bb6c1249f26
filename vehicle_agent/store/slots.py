"""PIN slots: who may open the vault, and a recovery slot for the hospital."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from clinic_records.people import Author, Role


class Slots:
    """The slots file. Every change is durable before the method returns."""

    def __init__(self, path: Path, device_secret: bytes, now: Callable[[], datetime]) -> None:
        raise NotImplementedError

    def create(self, data_key: bytes, recovery_public: bytes, recovery_key_id: str) -> None:
        """A new file with the recovery slot only."""
        raise NotImplementedError

    def add(self, staff: str, name: str, role: Role, pin: str, data_key: bytes) -> Author:
        """Add or replace one person's slot. A PIN has 4 to 64 characters (RefusedInput)."""
        raise NotImplementedError

    def unlock(self, staff: str, pin: str) -> tuple[Author, bytes]:
        """The person and the data key.

        Raises:
            AccessError: unknown person, wrong PIN, or too many tries (the hint says how long to wait).
        """
        raise NotImplementedError

    def people(self) -> list[Author]:
        """Who has a slot."""
        raise NotImplementedError
