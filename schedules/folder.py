"""The plans of one hospital on disk: one draft that the next import replaces, and versions that nothing replaces.

draft.msgpack            what was imported last, with what was changed by hand since, and its findings
source/NAME/             the files it was read from, where they came over the pages
versions/000001.json     payload bytes of a published version, as they travel
plans/000001.msgpack     who published and approved that version, and the plan it was laid out from
"""

import os
import secrets
from datetime import date, datetime
from pathlib import Path

import msgspec

from clinic_records.errors import Conflict, NotFound, RefusedInput
from clinic_records.schedule import PublishedSchedule, Visit
from schedules.findings import Finding
from schedules.model import DatedException, Plan
from schedules.publish import decode, encode


class Edit(msgspec.Struct, frozen=True, omit_defaults=True):
    """One change by hand of one visit: what the table of exceptions said of it before, and says now."""

    at: datetime
    by: str
    visit_id: str
    before: DatedException | None = None
    after: DatedException | None = None


class Draft(msgspec.Struct, frozen=True, omit_defaults=True):
    """A plan laid out on its days, not yet in force.

    Attributes:
        source: name of the file or folder it was read from.
        staff: names of all people of the plan, by id.
        plan: its rows, changes by hand among them.
        of_reading: those of the findings that come of reading the files, which no change by hand alters.
        imported_by: name of who imported it; empty for the command line.
        revision: how often drafts were saved here, imports included, so that nobody changes what he has not seen.
        edits: changes by hand, oldest first.
        refused: make-up visits that a person does not want, each with its day.
        files: name of the folder in `source` with the files it was read from; empty for the command line.
    """

    source: str
    imported_at: datetime
    first: date
    last: date
    visits: tuple[Visit, ...]
    staff: dict[str, str]
    findings: tuple[Finding, ...]
    plan: Plan = Plan()
    of_reading: tuple[Finding, ...] = ()
    imported_by: str = ""
    revision: int = 0
    edits: tuple[Edit, ...] = ()
    refused: tuple[tuple[str, date], ...] = ()
    files: str = ""


class Publication(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who published a version and when, and the draft it was made of, without its visits: the version holds them."""

    published_at: datetime
    published_by: str
    draft: Draft


class _Revision(msgspec.Struct, frozen=True):
    """What of a draft an import needs of the one before it."""

    revision: int = 0


_encoder = msgspec.msgpack.Encoder()
_drafts = msgspec.msgpack.Decoder(Draft)
_revisions = msgspec.msgpack.Decoder(_Revision)
_publications = msgspec.msgpack.Decoder(Publication)


def _fsync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write(path: Path, data: bytes, *, replace: bool) -> None:
    """Put `data` at `path`, whole or not at all, durable on return.

    Raises:
        FileExistsError: it is there already and must not be replaced.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temp = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with temp.open("xb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            temp.replace(path)
        else:
            path.hardlink_to(temp)  # unlike a rename, a link never takes another file's name
    finally:
        temp.unlink(missing_ok=True)
    _fsync_folder(path.parent)
    _fsync_folder(path.parent.parent)


class PlanFolder:
    """Reads and writes the plans below `HOSPITAL_DIR/schedules`."""

    def __init__(self, hospital_dir: Path) -> None:
        self._root = hospital_dir / "schedules"

    def save_draft(self, draft: Draft) -> None:
        """Replace the draft; durable on return."""
        _write(self._root / "draft.msgpack", _encoder.encode(draft), replace=True)

    def take_draft(self, draft: Draft) -> Draft:
        """Replace the draft by one newly imported; durable on return.

        Its revision goes on from that of the draft before it: a page that showed that one changes and publishes
        nothing of this one.
        """
        try:
            before = _revisions.decode((self._root / "draft.msgpack").read_bytes()).revision + 1
        except (FileNotFoundError, msgspec.DecodeError):
            before = 0
        taken = msgspec.structs.replace(draft, revision=before)
        self.save_draft(taken)
        return taken

    def draft(self) -> Draft:
        """The draft.

        Raises:
            NotFound: nothing was imported yet.
            RefusedInput: the file is damaged.
        """
        path = self._root / "draft.msgpack"
        try:
            return _drafts.decode(path.read_bytes())
        except FileNotFoundError:
            raise NotFound("no draft: import a plan first (clinic schedule import PATH --hospital DIR)") from None
        except msgspec.DecodeError as error:
            raise RefusedInput(f"{path} is damaged: {error}; import the plan again") from error

    def numbers(self) -> list[int]:
        """Numbers of the versions, lowest first."""
        return sorted(int(path.stem) for path in (self._root / "versions").glob("[0-9]*.json"))

    def _path(self, number: int) -> Path:
        return self._root / "versions" / f"{number:06}.json"

    def payload(self, number: int) -> bytes:
        """The bytes of a version, as they travel.

        Raises:
            NotFound: there is no such version.
        """
        try:
            return self._path(number).read_bytes()
        except FileNotFoundError:
            raise NotFound(f"no published schedule version {number}") from None

    def version(self, number: int) -> PublishedSchedule:
        """A version, its hash verified.

        Raises:
            NotFound: there is no such version.
            RefusedInput: the file was altered.
        """
        return decode(self.payload(number))

    def versions(self) -> list[PublishedSchedule]:
        """All versions, lowest first."""
        return [self.version(number) for number in self.numbers()]

    def keep_publication(self, number: int, draft: Draft, by: str, now: datetime) -> None:
        """Keep who published a version, and the plan it was laid out from; durable on return, once for all.

        Args:
            number: of the version.
            draft: what it was made of.
            by: name of who published it; empty for the command line.
            now: when.
        """
        if self.publication(number) is None:
            kept = Publication(now, by, msgspec.structs.replace(draft, visits=(), of_reading=()))
            _write(self._root / "plans" / f"{number:06}.msgpack", _encoder.encode(kept), replace=True)

    def publication(self, number: int) -> Publication | None:
        """The same again; None where an older program published it.

        Raises:
            RefusedInput: the file is damaged.
        """
        path = self._root / "plans" / f"{number:06}.msgpack"
        try:
            return _publications.decode(path.read_bytes())
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            raise RefusedInput(f"{path} is damaged: {error}") from error

    @property
    def source(self) -> Path:
        """Where folders lie with the files that drafts were read from, and their annotated copies."""
        return self._root / "source"

    def add(self, schedule: PublishedSchedule) -> bytes:
        """Keep a new version; durable on return. Returns its payload bytes.

        Raises:
            Conflict: the number is taken: somebody published at the same time. Nothing was written.
        """
        payload = encode(schedule)
        try:
            _write(self._path(schedule.version), payload, replace=False)
        except FileExistsError:
            raise Conflict(f"schedule version {schedule.version} exists already; versions are never replaced") from None
        return payload
