"""What a printed export comes to."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple


class Printed(NamedTuple):
    """A PDF, and the signs that no installed font has."""

    pdf: bytes
    lacking: frozenset[str]


def months(first: date, last: date) -> Iterator[date]:
    """The first of each month that the days touch."""
    month = first.replace(day=1)
    while month <= last:
        yield month
        month = (month + timedelta(days=31)).replace(day=1)
