"""Records in the database: append-only versions, one of them current."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from clinic_records.ids import BlobHash
from clinic_records.people import Author
from clinic_records.record import Kind, Lane, Record
from vehicle_agent.store.driver import Connection


def put_record(
    conn: Connection,
    *,
    record_id: str,
    kind: Kind,
    lane: Lane,
    payload: object,
    author: Author | None,
    recorded_at: datetime,
    expected_revision: int = 0,
    blobs: Sequence[BlobHash] = (),
    blob_lane: Lane | None = None,
) -> Record:
    """Write the next version of a thing and its outbox rows, with the next gapless seq, in the caller's transaction.

    Args:
        payload: the domain struct, or its payload bytes as `encode_payload` made them.
        expected_revision: the current revision the change was made from; 0 for a new thing.
        blobs: what it speaks of; each must have been kept by Blobs. A blob not yet in the outbox gets its row here.
        blob_lane: lane of those blobs (`lane` where not given); one already waiting in a lesser lane is raised.

    Raises:
        Conflict: `expected_revision` is not the current one.
        NotFound: a blob was never kept.
    """
    raise NotImplementedError


def put_foreign(conn: Connection, record: Record) -> bool:
    """Keep a record that another origin made (the way down); no outbox row. False where it is already here.

    It becomes current when its revision is the highest of its id.

    Raises:
        Conflict: the same id and revision is here with other content (law 3).
    """
    raise NotImplementedError


def current(conn: Connection, kind: Kind, record_id: str) -> Record | None:
    """The current version."""
    raise NotImplementedError


def history(conn: Connection, kind: Kind, record_id: str) -> list[Record]:
    """All versions, oldest first."""
    raise NotImplementedError


def list_current(
    conn: Connection,
    kind: Kind,
    *,
    where: Mapping[str, str | int | bool | None] | None = None,
    contains: Mapping[str, str] | None = None,
    newest_first: bool = False,
    limit: int = 1000,
) -> list[Record]:
    """Current versions of a kind, by birth of their ids.

    Args:
        where: payload field (dotted: `binding.encounter`) -> value it must equal; None = absent or null.
        contains: payload field -> text it must contain; any one of them suffices (search).
    """
    raise NotImplementedError
