"""The epoch log: what a rolled-back database must not roll back (sync rule 3).

`keys/epoch.log` is append-only JSON lines outside the database and its backups. A new random epoch is written at
`init` and whenever the hospital learns that its database was restored; revocations stand here too.
"""

import secrets
from datetime import datetime
from pathlib import Path

import msgspec

from clinic_records.errors import ConfigError
from sync.durable import append_line, whole_lines


class Began(msgspec.Struct, frozen=True, tag="epoch"):
    """A new epoch, and why."""

    epoch: str
    at: datetime
    why: str


class Revoked(msgspec.Struct, frozen=True, tag="revoked"):
    """A vehicle whose data is held from now on (sync rule 24)."""

    vehicle: str
    at: datetime
    why: str


_decoder = msgspec.json.Decoder(Began | Revoked)


class EpochLog:
    """Reads and appends the log."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read: tuple[tuple[int, int, int], list[Began | Revoked]] = ((0, 0, 0), [])

    def begin(self, at: datetime, why: str, epoch: str = "") -> str:
        """Start a new epoch, a random one unless it was drawn already; durable on return."""
        epoch = epoch or secrets.token_hex(8)
        append_line(self._path, msgspec.json.encode(Began(epoch, at, why)))
        return epoch

    def revoke(self, vehicle: str, at: datetime, why: str) -> None:
        """Never trust `vehicle` again, durable on return."""
        append_line(self._path, msgspec.json.encode(Revoked(vehicle, at, why)))

    def current(self) -> str:
        """The newest epoch.

        Raises:
            ConfigError: the log is missing or damaged.
        """
        epochs = [line.epoch for line in self._lines() if isinstance(line, Began)]
        if not epochs:
            raise ConfigError(f"{self._path}: no epoch; restore this file or run `clinic hospital init`")
        return epochs[-1]

    def restored_at(self) -> datetime | None:
        """When the database was last found to have been restored; None where it never was."""
        began = [line.at for line in self._lines() if isinstance(line, Began)]
        return began[-1] if len(began) > 1 else None

    def revoked(self) -> frozenset[str]:
        """Every vehicle ever revoked."""
        return frozenset(line.vehicle for line in self._lines() if isinstance(line, Revoked))

    def _lines(self) -> list[Began | Revoked]:
        """Read anew where the file is another one, or longer; asked at every frame of every vehicle."""
        try:
            is_now = self._path.stat()
            mark = is_now.st_ino, is_now.st_size, is_now.st_mtime_ns
            if self._read[0] != mark:
                lines = whole_lines(self._path.read_bytes()).splitlines()
                self._read = mark, [_decoder.decode(line) for line in lines if line.strip()]
            return self._read[1]
        except FileNotFoundError:
            return []
        except msgspec.MsgspecError as error:
            raise ConfigError(f"{self._path}: {error}; restore this file from its copy") from None
