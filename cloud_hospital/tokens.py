"""Bearer tokens by purpose; only their hashes are kept."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import Engine, insert, select

from clinic_records.clock import to_ms
from clinic_records.errors import AccessError
from cloud_hospital.store.engine import reading, writing
from cloud_hospital.store.tables import tokens


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


def make_token(engine: Engine, purpose: Purpose, now: datetime, life: timedelta = LIFE) -> str:
    """A new token of 256 random bits; it cannot be shown again."""
    token = f"{purpose.value[0]}-{secrets.token_urlsafe(32)}"
    with writing(engine) as connection:
        connection.execute(
            insert(tokens).values(
                id=secrets.token_hex(8),
                sha256=_hash(token),
                purpose=purpose.value,
                created_at=to_ms(now),
                expires_at=to_ms(now + life),
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


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
