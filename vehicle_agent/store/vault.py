"""Vault: the vehicle's store, locked until a person opens it; the inbox and the spool work before that."""

import threading

from clinic_records.errors import ConfigError, StoreError, StoreLocked
from sync.keys import RecipientPrivate
from vehicle_agent.store.derive import database_key, inbox_private
from vehicle_agent.store.durable import write_file
from vehicle_agent.store.folder import VehicleFolder
from vehicle_agent.store.inbox import Inbox
from vehicle_agent.store.store import Store


def create_vault(folder: VehicleFolder, data_key: bytes, *, vehicle: str, incarnation: int = 1) -> None:
    """Make the database and the vault's public key file.

    Raises:
        StoreError: there is a database already, made with another key.
    """
    folder.create()
    Store.open(folder.database, folder.blobs, database_key(data_key), vehicle=vehicle, incarnation=incarnation).close()
    write_file(folder.vault_public, inbox_private(data_key).public.raw)


class Vault:
    """Locked or open. `inbox` takes deliveries either way."""

    def __init__(self, folder: VehicleFolder, *, vehicle: str, incarnation: int = 1) -> None:
        self._folder = folder
        self._vehicle = vehicle
        self._incarnation = incarnation
        self._changing = threading.Lock()
        self._open: tuple[Store, RecipientPrivate] | None = None
        try:
            public = folder.vault_public.read_bytes()
        except OSError as error:
            raise ConfigError(f"{folder.vault_public}: no vault here; run `clinic vehicle init`") from error
        self.inbox = Inbox(folder.inbox, public)

    @property
    def is_open(self) -> bool:
        """Whether somebody has unlocked it."""
        return self._open is not None

    def open_with(self, data_key: bytes) -> Store:
        """Open with the key that Slots.unlock gave; the same Store when already open.

        Raises:
            StoreError: as Store.open, or the public key the inbox seals to is not this vault's.
        """
        with self._changing:
            if self._open is not None:
                return self._open[0]
            private = inbox_private(data_key)
            if private.public.raw != self._folder.vault_public.read_bytes():
                raise StoreError(f"{self._folder.vault_public}: not the public key of this vault; it was replaced")
            store = Store.open(
                self._folder.database,
                self._folder.blobs,
                database_key(data_key),
                vehicle=self._vehicle,
                incarnation=self._incarnation,
            )
            self._open = (store, private)
            return store

    def adopt_incarnation(self, incarnation: int) -> None:
        """What is recorded from now on counts in this incarnation, whether the vault is open or not yet."""
        with self._changing:
            self._incarnation = incarnation
            if self._open is not None:
                self._open[0].adopt_incarnation(incarnation)

    @property
    def store(self) -> Store:
        """The open store.

        Raises:
            StoreLocked: nobody has logged in.
        """
        return self._opened()[0]

    @property
    def inbox_private(self) -> RecipientPrivate:
        """The private key of the inbox.

        Raises:
            StoreLocked: nobody has logged in.
        """
        return self._opened()[1]

    def lock(self) -> None:
        """Close the store and forget the keys."""
        with self._changing:
            opened, self._open = self._open, None
        if opened is not None:
            opened[0].close()

    def _opened(self) -> tuple[Store, RecipientPrivate]:
        opened = self._open
        if opened is None:
            raise StoreLocked("nobody has unlocked this vehicle's store")
        return opened
