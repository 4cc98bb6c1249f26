"""A whole wire file -> what it says, or why it is not taken. No record is changed here."""

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clinic_records.errors import BadFrame, PeerRefused, RefusedInput
from clinic_records.record import DayClosed, Kind
from clinic_records.returned import ReturnedDownlink
from cloud_hospital.intake.decoding import decode_in_child
from cloud_hospital.intake.payloads import Payload, decode_payload
from cloud_hospital.intake.returned import open_returned
from sync.durable import make_folder, move_file, write_new
from sync.envelope import Front, Header, Outer
from sync.keys import RecipientPrivate, Verifier
from sync.messages.kind import Maker
from sync.messages.ownership import must_be_made_by
from sync.messages.table import strange_features
from sync.ports import Verdict
from sync.seal import Opened, open_wire, peek, wire_hash

IN_MEMORY: Final = 256 * 1024
"""Bytes of wire file up to which the payload is opened in memory; larger ones go to a file."""
MAX_BLOB: Final = 4 * 1024**3
"""Bytes of the largest blob taken; as MAX_WIRE."""
MAX_RECORD: Final = 8 * 1024 * 1024
"""Bytes of the largest record taken: a recording with every inline header has a few kilobytes. Our choice."""
INCOMING: Final = ".incoming-"
"""How names of files begin that are being opened; two workers may be at one envelope, so each has a name of its own."""
MAX_ATTEMPTS: Final = 2
"""How often opening one file is tried before it is held unopened (sync rule 13)."""


@dataclass(frozen=True, slots=True)
class NotTaken:
    """An envelope that goes to quarantine: held (ends the vehicle's row) or refused (does not)."""

    verdict: Verdict
    reason: str
    detail: str
    outer: Outer | None = None
    header: Header | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """A verified envelope. A blob's bytes lie under their hash already; a record's are in `payload`."""

    outer: Outer
    header: Header
    payload: bytes
    thing: Payload | None


@dataclass(frozen=True, slots=True)
class Opener:
    """Opens wire files for one hospital; `own` are its own signing keys."""

    recipients: Mapping[str, RecipientPrivate]
    origins: Mapping[str, Verifier]
    revoked: Collection[str]
    blobs: Path
    own: Verifier

    def open(self, source: Path | bytes, wire_sha256: str, attempts: int) -> Taken | NotTaken:
        """Verify, open and understand a whole file, small enough for memory where it comes as bytes."""
        if attempts > MAX_ATTEMPTS:
            detail = f"opening it was tried {attempts - 1} times and never ended"
            return NotTaken(Verdict.HELD, "poison", detail)
        if wire_hash(source) != wire_sha256:
            return NotTaken(Verdict.REFUSED, "wire-hash", "the bytes that came are not the file that was announced")
        try:
            front = peek(source)
        except BadFrame as error:
            return NotTaken(Verdict.REFUSED, "not-a-wire-file", str(error))
        except RefusedInput as error:
            return NotTaken(Verdict.HELD, "version", str(error))
        origin = self.origins.get(front.outer.origin)
        if origin is None:
            return NotTaken(Verdict.REFUSED, "origin-unknown", f"{front.outer.origin!r} is not enrolled here")
        return self._open_from(source, front, origin)

    def _open_from(self, source: Path | bytes, front: Front, origin: Verifier) -> Taken | NotTaken:
        outer = front.outer
        try:
            front.verify(origin)
        except PeerRefused as error:
            return NotTaken(Verdict.REFUSED, "origin-signature", str(error))
        if outer.origin in self.revoked:
            return NotTaken(Verdict.HELD, "revoked", f"{outer.origin} is revoked; a person decides", outer)
        if outer.key_id not in self.recipients:
            return NotTaken(Verdict.REFUSED, "recipient", f"sealed to key {outer.key_id}, which is not ours", outer)
        target = self.blobs / f"{INCOMING}{secrets.token_hex(8)}"
        try:
            opened = self._read(source, origin, target)
        except BadFrame as error:
            return NotTaken(Verdict.REFUSED, "codec", str(error), outer)
        except RefusedInput as error:
            return NotTaken(Verdict.HELD, "not-taken", str(error), outer)
        try:
            return self._understand(opened, target)
        finally:
            target.unlink(missing_ok=True)

    def _read(self, source: Path | bytes, origin: Verifier, target: Path) -> Opened:
        if (source.stat().st_size if isinstance(source, Path) else len(source)) <= IN_MEMORY:
            try:
                return open_wire(source, origin=origin, recipients=self.recipients)
            except BadFrame:
                raise
            except RefusedInput:
                pass  # a small file with a large payload: a well compressed picture
        return open_wire(
            source, origin=origin, recipients=self.recipients, dst=target, max_size=MAX_BLOB, heavy=decode_in_child
        )

    def _understand(self, opened: Opened, target: Path) -> Taken | NotTaken:
        outer, header = opened.outer, opened.header
        strange = strange_features(header)
        if strange:
            return NotTaken(Verdict.HELD, "must-understand", f"needs {', '.join(strange)}", outer, header)
        if header.kind == Kind.BLOB:
            if header.id != header.sha256:
                return NotTaken(Verdict.REFUSED, "codec", "a blob named by another hash than its own", outer, header)
            self._keep_blob(opened, target)
            return Taken(outer, header, b"", None)
        try:
            payload = _in_memory(opened, target)
            thing = _own_thing(outer.origin, decode_payload(header.kind, payload))
            must_be_made_by(Maker.VEHICLE, Kind(header.kind), header.revision)
            if isinstance(thing, ReturnedDownlink):
                open_returned(self.own, thing)
        except PeerRefused as error:
            return NotTaken(Verdict.HELD, "not-ours", f"{header.kind} {header.id}: {error}", outer, header)
        except RefusedInput as error:
            return NotTaken(Verdict.HELD, "not-understood", f"{header.kind} {header.id}: {error}", outer, header)
        return Taken(outer, header, payload, thing)

    def _keep_blob(self, opened: Opened, target: Path) -> None:
        final = blob_path(self.blobs, opened.header.sha256)
        make_folder(final.parent)
        if opened.payload is not None:
            write_new(target, opened.payload)
        move_file(target, final)


def _in_memory(opened: Opened, target: Path) -> bytes:
    if opened.header.size > MAX_RECORD:
        raise RefusedInput(f"{opened.header.size} bytes; at most {MAX_RECORD}")
    return target.read_bytes() if opened.payload is None else opened.payload


def _own_thing(origin: str, thing: Payload) -> Payload:
    if isinstance(thing, DayClosed) and thing.vehicle != origin:
        raise RefusedInput(f"{origin} closes the day of {thing.vehicle}")
    return thing


def blob_path(blobs: Path, sha256: str) -> Path:
    """Where a blob lies."""
    return blobs / sha256[:2] / sha256
