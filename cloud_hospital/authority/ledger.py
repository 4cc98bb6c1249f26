"""Which certificates were issued and which are void: append-only, outside the database and its backups (rule 3)."""

from datetime import datetime
from pathlib import Path

import msgspec

from clinic_records.errors import ConfigError
from sync.durable import append_line, whole_lines


class Issued(msgspec.Struct, frozen=True, tag="issued"):
    """One certificate; `serial` in hex, `key` the fingerprint of its public key."""

    serial: str
    name: str
    key: str
    until: datetime


class Voided(msgspec.Struct, frozen=True, tag="voided"):
    """Certificates that count no more, and since when."""

    serials: tuple[str, ...]
    at: datetime
    why: str


_decoder = msgspec.json.Decoder(Issued | Voided)


class Ledger:
    """Reads and appends `issued.log`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, line: Issued | Voided) -> None:
        """Durable on return."""
        append_line(self.path, msgspec.json.encode(line))

    def issued(self) -> list[Issued]:
        """Every certificate, oldest first."""
        return [line for line in self._lines() if isinstance(line, Issued)]

    def voided(self) -> dict[str, datetime]:
        """Serial -> when it was made void."""
        return {serial: line.at for line in self._lines() if isinstance(line, Voided) for serial in line.serials}

    def _lines(self) -> list[Issued | Voided]:
        try:
            lines = whole_lines(self.path.read_bytes()).splitlines()
            return [_decoder.decode(line) for line in lines if line.strip()]
        except FileNotFoundError:
            return []
        except msgspec.MsgspecError as error:
            raise ConfigError(f"{self.path}: {error}; restore this file from its copy") from None
