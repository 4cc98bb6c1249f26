"""People: who signs in at the hospital with which role, and the staff of the vehicles.

An account is never deleted, only disabled; what is done to it and every sign-in stands in `user_acts`.
"""

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, insert, select, update

from clinic_records.clock import to_ms
from clinic_records.errors import AccessError, Conflict, Hint, NotFound, RefusedInput
from clinic_records.ids import sha256_hex
from clinic_records.people import Author, Role
from cloud_hospital.hospital import Hospital
from cloud_hospital.passwords import hash_password, is_password
from cloud_hospital.store.engine import reading, writing
from cloud_hospital.store.tables import user_acts, users

TRIES: Final = 5
WAIT: Final = timedelta(seconds=60)
"""After TRIES wrong passwords in a row, between any two further tries."""
OPERATOR: Final = "operator"
"""Who acts on the command line: whoever may run it as the hospital's system user."""
VEHICLE_ROLES: Final = frozenset({Role.NURSE, Role.DOCTOR, Role.PHARMACIST, Role.VILLAGE_DOCTOR, Role.DRIVER})
"""Roles of people who work on vehicles."""

_STAFF: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_REFUSED: Final = Hint("工号或密码不对，或账号已停用。", "Wrong staff id or password, or the account is disabled.")
_LATER: Final = Hint("错了太多次，等一分钟再试。", "Too many wrong tries; wait a minute.")


class User(msgspec.Struct, frozen=True):
    """One account; `can_sign_in` where it has a password and is not disabled."""

    staff: str
    name: str
    role: Role
    is_disabled: bool
    can_sign_in: bool

    @property
    def author(self) -> Author:
        """As whom they act."""
        return Author(self.staff, self.name, self.role)


def add_user(hospital: Hospital, author: Author, password: str = "", *, by: str = OPERATOR) -> None:
    """A new account; without a password it is known, but nobody signs in with it.

    Raises:
        RefusedInput: the staff id, the name or the password cannot be taken.
        Conflict: there is such an account.
    """
    if not _STAFF.fullmatch(author.staff) or author.staff == OPERATOR:
        raise RefusedInput(
            f"staff id {author.staff!r}: 1 to 32 of a-z, 0-9, '-', '_', and not {OPERATOR!r}",
            hint=Hint("工号只用小写字母、数字、- 和 _。", "Use a-z, 0-9, '-' and '_' for a staff id."),
        )
    if not author.name.strip():
        raise RefusedInput("the name is empty", hint=Hint("写上姓名。", "Give the name."))
    kept = hash_password(password) if password else ""
    with writing(hospital.engine) as connection:
        if _find(connection, author.staff) is not None:
            raise Conflict(
                f"there is an account {author.staff} already",
                hint=Hint("换一个工号，或改这个账号。", "Take another staff id, or change that account."),
            )
        row = {"staff": author.staff, "name": author.name.strip(), "role": author.role.value, "password": kept}
        connection.execute(insert(users).values(**row, created_at=to_ms(hospital.now())))
        _note(connection, hospital, author.staff, by, "added", author.role)


def set_role(hospital: Hospital, staff: str, role: Role, *, by: str = OPERATOR) -> None:
    """From now on they have this role; open sessions follow at their next act.

    Raises:
        NotFound: no such account.
    """
    _change(hospital, staff, by, "role", role, role=role.value)


def set_password(hospital: Hospital, staff: str, password: str, *, by: str = OPERATOR) -> None:
    """A new password; the tries are counted anew, and sessions that the former one opened end at their next request.

    Raises:
        NotFound: no such account.
        RefusedInput: the password cannot be taken.
    """
    _change(hospital, staff, by, "password", "", password=hash_password(password), failed=0)


def disable_user(hospital: Hospital, staff: str, why: str, *, by: str = OPERATOR) -> None:
    """Nobody signs in as them any more; open sessions end at their next request.

    Raises:
        NotFound: no such account.
    """
    _change(hospital, staff, by, "disabled", why, disabled_at=to_ms(hospital.now()))


def enable_user(hospital: Hospital, staff: str, *, by: str = OPERATOR) -> None:
    """Undo `disable_user`.

    Raises:
        NotFound: no such account.
    """
    _change(hospital, staff, by, "enabled", "", disabled_at=None)


def list_users(hospital: Hospital, roles: Iterable[Role] = ()) -> list[User]:
    """All accounts, or those of `roles`, in order of their staff ids."""
    wanted = [role.value for role in roles]
    query = select(users).order_by(users.c.staff)
    with reading(hospital.engine) as connection:
        rows = connection.execute(query.where(users.c.role.in_(wanted)) if wanted else query).all()
    return [_user(row) for row in rows]


def active_user(hospital: Hospital, staff: str) -> User | None:
    """The account as it is now, or None where nobody may sign in with it."""
    with reading(hospital.engine) as connection:
        row = _find(connection, staff)
    user = None if row is None else _user(row)
    return user if user is not None and user.can_sign_in else None


def password_mark(hospital: Hospital, staff: str) -> str:
    """What changes with the account's password and tells nothing of it; empty for nobody's account."""
    with reading(hospital.engine) as connection:
        row = _find(connection, staff)
    return "" if row is None else sha256_hex(row.password.encode())


def sign_in(hospital: Hospital, staff: str, password: str) -> Author:
    """Who it is.

    Raises:
        AccessError: unknown, disabled or a wrong password, which of them is not told; or too many tries.
    """
    with writing(hospital.engine) as connection:  # the try counts before the password is looked at
        row = _find(connection, staff, lock=True)
        now = to_ms(hospital.now())  # not before: another try may have been let in while this one waited
        if row is not None:
            if row.failed >= TRIES and 0 <= now - row.failed_at < WAIT / timedelta(milliseconds=1):
                raise AccessError(f"too many wrong passwords for {staff}", hint=_LATER)
            tried = update(users).where(users.c.staff == staff)
            connection.execute(tried.values(failed=users.c.failed + 1, failed_at=now))
    user = None if row is None else _user(row)
    is_right = is_password("" if row is None else row.password, password)
    if user is None or not user.can_sign_in or not is_right:
        if user is not None:
            with writing(hospital.engine) as connection:
                _note(connection, hospital, staff, staff, "refused", "")
        raise AccessError("staff id or password is wrong, or the account is disabled", hint=_REFUSED)
    with writing(hospital.engine) as connection:
        connection.execute(update(users).where(users.c.staff == staff).values(failed=0))
        _note(connection, hospital, staff, staff, "signed-in", "")
    return user.author


def _find(connection: Connection, staff: str, *, lock: bool = False) -> Row[Any] | None:
    query = select(users).where(users.c.staff == staff)
    return connection.execute(query.with_for_update() if lock else query).one_or_none()


def _user(row: Row[Any]) -> User:
    is_disabled = row.disabled_at is not None
    return User(row.staff, row.name, Role(row.role), is_disabled, bool(row.password) and not is_disabled)


def _change(hospital: Hospital, staff: str, by: str, act: str, detail: str, **values: object) -> None:
    with writing(hospital.engine) as connection:
        if _find(connection, staff) is None:
            raise NotFound(f"there is no account {staff}")
        connection.execute(update(users).where(users.c.staff == staff).values(**values))
        _note(connection, hospital, staff, by, act, detail)


def _note(connection: Connection, hospital: Hospital, staff: str, by: str, act: str, detail: str) -> None:
    row = {"at": to_ms(hospital.now()), "staff": staff, "by": by, "act": act, "detail": detail}
    connection.execute(insert(user_acts).values(row))
