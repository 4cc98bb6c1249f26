"""Who may log in here: who has a PIN, as far as the hospital's list allows, in the role that list gives them."""

import msgspec

from clinic_records.errors import AccessError, Hint
from clinic_records.people import Author
from clinic_records.permissions import Permissions
from clinic_records.record import Kind
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.records import list_current


def permitted(conn: Connection, author: Author) -> Author:
    """`author` with the name and role the hospital gives them; as they are where no list has come.

    Raises:
        AccessError: the list leaves them out. What they have open goes on until it locks (law 8).
    """
    people = _people(conn)
    if people is None:
        return author
    if author.staff not in people:
        raise AccessError(
            f"{author.staff} may no longer log in on this vehicle",
            hint=Hint("医院已停用这个工号，请换人登录。", "The hospital ended this account here; log in as another."),
        )
    return people[author.staff]


def all_permitted(conn: Connection, authors: list[Author]) -> list[Author]:
    """Those of `authors` who may log in, as `permitted`."""
    people = _people(conn)
    return authors if people is None else [people[each.staff] for each in authors if each.staff in people]


def _people(conn: Connection) -> dict[str, Author] | None:
    """By staff id, from the list with the highest revision; None where none has come."""
    records = list_current(conn, Kind.PERMISSIONS)
    if not records:
        return None
    newest = max(records, key=lambda record: record.revision)
    return {each.staff: each for each in msgspec.json.decode(newest.payload, type=Permissions).people}
