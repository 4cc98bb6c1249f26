"""Keeps a running broker in step with enrolments, revocations and renewals."""

import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from clinic_records.errors import ClinicError
from cloud_hospital.broker.files import WRITERS
from cloud_hospital.broker.kick import put_out
from cloud_hospital.premises import Premises
from cloud_hospital.settings import BrokerKind

RENEW_EVERY_S: Final = 3600.0
"""Seconds between two looks whether the broker's or a worker's own certificate is to be renewed ..."""
AGAIN_S: Final = 10.0
"""... and until what failed is tried again."""


class BrokerFollower:
    """Called by the supervisor, many times a second."""

    def __init__(self, premises: Premises, say: Callable[[str], None]) -> None:
        """Write the broker's files.

        Raises:
            ConfigError: mosquitto is asked for and not installed, or the authority is damaged.
        """
        settings, folder = premises.settings, premises.folder
        self._premises = premises
        self._say = say
        self._write = WRITERS.get(settings.broker)
        self._is_told = settings.broker is BrokerKind.MOSQUITTO  # the relay looks at its files by itself
        # The relay ends connections itself, and so does mosquitto where a password is gone.
        self._must_put_out = settings.broker_tls and settings.broker is not BrokerKind.EMBEDDED
        self._watched = (folder.broker_users, premises.authority.ledger.path, folder.epoch_log)
        self._revoked = premises.log.revoked()
        self.command: list[str] = []
        self._seen: tuple[int, ...] = ()
        while self._stamp() != self._seen:  # once more where what was written first is itself news
            self._seen = self._stamp()
            self.command = self._write(premises) if self._write else []
        self._due_at = time.monotonic() + RENEW_EVERY_S

    def look(self, pids: Mapping[str, int]) -> None:
        """Write the files again where something changed, tell mosquitto, and put out who was revoked."""
        stamp = self._stamp()
        if stamp == self._seen and time.monotonic() < self._due_at:
            return
        self._seen = stamp  # as it was before: what changes meanwhile is looked at once more
        try:
            self._follow(pids)
            self._due_at = time.monotonic() + RENEW_EVERY_S
        except (ClinicError, OSError) as error:  # a full disk must not stop the hospital
            self._say(f"the broker does not know the newest users yet: {error}")
            self._due_at = time.monotonic() + AGAIN_S

    def _follow(self, pids: Mapping[str, int]) -> None:
        premises = self._premises
        if premises.settings.broker_tls:
            for name in premises.authority.own_names():
                premises.authority.own(name, premises.now())
        if self._write is not None:
            self._write(premises)
        if self._is_told and "broker" in pids:
            os.kill(pids["broker"], signal.SIGHUP)
        for vehicle in sorted(premises.log.revoked() - self._revoked):
            if self._must_put_out:
                self._put_out(vehicle)
            self._revoked |= {vehicle}

    def _put_out(self, vehicle: str) -> None:
        ending = put_out(self._premises, vehicle)

        def run() -> None:
            self._say(f"revoked {vehicle}: {'its connection is ended' if ending() else 'its name could not be held'}")

        threading.Thread(target=run, name=f"put-out-{vehicle}", daemon=True).start()

    def _stamp(self) -> tuple[int, ...]:
        return tuple(path.stat().st_mtime_ns if path.exists() else 0 for path in self._watched)
