"""Bearer tokens by purpose; only their hashes are kept."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec
from sqlalchemy import Engine, func, insert, select, update

from clinic_records.clock import from_ms, to_ms
from clinic_records.errors import AccessError, Conflict, Hint, NotFound, RefusedInput
from cloud_hospital.store.engine import reading, writing
from cloud_hospital.store.tables import pulls, tokens


class Purpose(StrEnum):
    """What a token's rows may show: identified as the law asks, or pseudonyms only."""

    STATUTORY = "statutory"
    ANALYTIC = "analytic"


LIFE: Final = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who calls: the token's id (never the token) and its purpose."""

    id: str
    purpose: Purpose


class TokenView(msgspec.Struct, frozen=True):
    """One token as the operator sees it; `state` is in force, ended or withdrawn. Never the token itself."""

    id: str
    purpose: Purpose
    holder: str
    created_at: datetime
    expires_at: datetime
    last_pull_at: datetime | None
    state: str
    why: str


def make_token(engine: Engine, purpose: Purpose, now: datetime, life: timedelta = LIFE, *, holder: str = "") -> str:
    """A new token of 256 random bits for `holder`; it cannot be shown again."""
    token = f"{purpose.value[0]}-{secrets.token_urlsafe(32)}"
    with writing(engine) as connection:
        connection.execute(
            insert(tokens).values(
                id=secrets.token_hex(8),
                sha256=_hash(token),
                purpose=purpose.value,
                created_at=to_ms(now),
                expires_at=to_ms(now + life),
                holder=holder,
            )
        )
    return token


def check_token(engine: Engine, token: str, now: datetime) -> Bearer:
    """Whose token it is.

    Raises:
        AccessError: unknown, expired or revoked; which of them is not told.
    """
    with reading(engine) as connection:
        row = connection.execute(select(tokens).where(tokens.c.sha256 == _hash(token))).one_or_none()
    if row is None or row.revoked or row.expires_at <= to_ms(now):
        raise AccessError("token unknown, expired or revoked; ask the hospital's operator for a new one")
    return Bearer(row.id, Purpose(row.purpose))


def list_tokens(engine: Engine, now: datetime) -> list[TokenView]:
    """Every token ever made, oldest first."""
    pulled = select(pulls.c.token, func.max(pulls.c.at).label("at")).group_by(pulls.c.token).subquery()
    query = select(tokens, pulled.c.at).outerjoin(pulled, pulled.c.token == tokens.c.id)
    with reading(engine) as connection:
        rows = connection.execute(query.order_by(tokens.c.created_at, tokens.c.id)).all()
    return [
        TokenView(
            id=row.id,
            purpose=Purpose(row.purpose),
            holder=row.holder,
            created_at=from_ms(row.created_at),
            expires_at=from_ms(row.expires_at),
            last_pull_at=None if row.at is None else from_ms(row.at),
            state="withdrawn" if row.revoked else "ended" if row.expires_at <= to_ms(now) else "in force",
            why=row.why,
        )
        for row in rows
    ]


def withdraw_token(engine: Engine, token_id: str, why: str, now: datetime) -> None:
    """Refuse a token from its next use on, the pages it opens too. Durable on return.

    Args:
        engine: of the hospital's database.
        token_id: its id, as `list_tokens` gives it, or the token itself where that is what was found.
        why: kept with it.
        now: the hospital's time.

    Raises:
        RefusedInput: no reason was given.
        NotFound: there is no such token.
        Conflict: it was withdrawn before.
    """
    if not why.strip():
        raise RefusedInput("why: say why it is withdrawn", hint=Hint("请写原因。", "Give the reason."))
    is_it = (tokens.c.id == token_id) | (tokens.c.sha256 == _hash(token_id))
    with writing(engine) as connection:
        row = connection.execute(select(tokens).where(is_it).with_for_update()).one_or_none()
        if row is None:
            hint = Hint("用 clinic hospital token list 查编号。", "See the ids with clinic hospital token list.")
            raise NotFound(f"no token {token_id[:16]!r} was made here", hint=hint)
        if row.revoked:
            raise Conflict(
                f"token {row.id} was withdrawn at {from_ms(row.withdrawn_at or 0):%F %R}Z: {row.why}",
                hint=Hint("已经收回了。", "It is withdrawn already; nothing was changed."),
            )
        changed = update(tokens).where(tokens.c.id == row.id)
        connection.execute(changed.values(revoked=True, withdrawn_at=to_ms(now), why=why.strip()))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
