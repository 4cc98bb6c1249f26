"""The county's cursor: `epoch:feed_seq`, and where to go back to when the epoch is another."""

import re
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from clinic_records.errors import Conflict, RefusedInput
from cloud_hospital.store.tables import feed, feed_epochs

_FORM = re.compile(r"([0-9a-f]{1,64}):([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row of the feed somebody has."""

    epoch: str
    feed_seq: int

    def __str__(self) -> str:
        return f"{self.epoch}:{self.feed_seq}"


class StaleCursor(Conflict):
    """The feed was restored since this cursor was given; `rewind` says from where to pull again."""

    def __init__(self, given: Cursor, rewind: Cursor) -> None:
        super().__init__(f"cursor {given} belongs to a feed that was restored since; pull again from {rewind}")
        self.rewind = rewind


def parse_cursor(text: str, epoch: str) -> Cursor:
    """The cursor `text` names; "" and "0" are the beginning.

    Raises:
        RefusedInput: it is none.
    """
    if text in {"", "0"}:
        return Cursor(epoch, 0)
    match = _FORM.fullmatch(text)
    if match is None:
        raise RefusedInput(f"since={text[:80]!r}: a cursor is `epoch:number` as the last pull gave it, or 0")
    return Cursor(match[1], int(match[2]))


def check_cursor(connection: Connection, cursor: Cursor, epoch: str) -> None:
    """Return if rows behind `cursor` continue what its holder has.

    Raises:
        StaleCursor: the feed was restored, or never came so far.
    """
    last = connection.execute(select(func.coalesce(func.max(feed.c.feed_seq), 0))).scalar_one()
    if cursor.epoch == epoch and cursor.feed_seq <= last:
        return
    known = connection.execute(select(feed_epochs).where(feed_epochs.c.epoch == cursor.epoch)).one_or_none()
    if known is None:
        raise StaleCursor(cursor, Cursor(epoch, 0))
    began_later = select(func.min(feed_epochs.c.first_after)).where(feed_epochs.c.started_at >= known.started_at)
    began_later = began_later.where(feed_epochs.c.epoch != cursor.epoch)
    common = connection.execute(began_later).scalar_one_or_none()
    raise StaleCursor(cursor, Cursor(epoch, min(cursor.feed_seq, last if common is None else common)))
