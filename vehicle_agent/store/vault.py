"""Vault: the vehicle's store, locked until a person opens it; the inbox and the spool work before that."""

from vehicle_agent.store.folder import VehicleFolder
from vehicle_agent.store.inbox import Inbox
from vehicle_agent.store.store import Store


def create_vault(folder: VehicleFolder, data_key: bytes, *, vehicle: str, incarnation: int) -> None:
    """Make the database and write the vault's public key."""
    raise NotImplementedError


class Vault:
    """Locked or open."""

    inbox: Inbox

    def __init__(self, folder: VehicleFolder, *, vehicle: str, incarnation: int = 1) -> None:
        raise NotImplementedError

    @property
    def is_open(self) -> bool:
        """Whether somebody has unlocked it."""
        raise NotImplementedError

    def open_with(self, data_key: bytes) -> Store:
        """Open with the key that Slots.unlock gave; the same Store when already open."""
        raise NotImplementedError

    @property
    def store(self) -> Store:
        """The open store (StoreLocked while nobody has logged in)."""
        raise NotImplementedError

    @property
    def inbox_private(self) -> bytes:
        """The raw X25519 private key of the inbox (StoreLocked while nobody has logged in)."""
        raise NotImplementedError

    def lock(self) -> None:
        """Close the store and forget the keys."""
        raise NotImplementedError
