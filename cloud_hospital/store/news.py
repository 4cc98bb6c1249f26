"""Whether a table that only grows has rows that were not there before."""

from typing import Any, Final

from sqlalchemy import Column, Connection, func, select

LATE: Final = 1000
"""Numbers back from the newest within which a row may still turn up: a transaction that took its number earlier and
committed later than others (sync rule 9). Our choice."""


def tail(connection: Connection, number: Column[Any]) -> tuple[int, int]:
    """A mark of the rows with the highest `number`, another one after any commit that adds a row."""
    newest = select(func.coalesce(func.max(number), 0)).scalar_subquery()
    query = select(func.coalesce(func.max(number), 0), func.count()).where(number > newest - LATE)
    row = connection.execute(query).one()
    return int(row[0]), int(row[1])
