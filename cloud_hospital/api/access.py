"""Who calls the interface: a bearer token in the header."""

from fastapi import Request
from sqlalchemy import insert

from clinic_records.clock import to_ms
from clinic_records.errors import AccessError, Hint
from cloud_hospital.hospital import Hospital
from cloud_hospital.store.engine import writing
from cloud_hospital.store.tables import pulls
from cloud_hospital.tokens import Bearer, Purpose, check_token

_NO_TOKEN = Hint("请求里没有令牌。", "The request has no token: send `Authorization: Bearer TOKEN`.")
_WRONG_PURPOSE = Hint("这个令牌的用途不够，请用法定用途的令牌。", "This needs a token of statutory purpose.")


def bearer(hospital: Hospital, request: Request) -> Bearer:
    """The caller.

    Raises:
        AccessError: no token, or one that is not valid.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise AccessError("no bearer token", hint=_NO_TOKEN)
    return check_token(hospital.engine, token.strip(), hospital.now())


def need_statutory(caller: Bearer) -> Bearer:
    """The caller, if its token's purpose is statutory.

    Raises:
        AccessError: it is not.
    """
    if caller.purpose is not Purpose.STATUTORY:
        raise AccessError(f"a token of purpose {caller.purpose} may not see identified data", hint=_WRONG_PURPOSE)
    return caller


def log_pull(hospital: Hospital, caller: Bearer, what: str, since: str, until: str, rows: int) -> None:
    """Write down who took what, before it is handed over."""
    row = {
        "at": to_ms(hospital.now()),
        "token": caller.id,
        "purpose": caller.purpose.value,
        "what": what,
        "since": since[:200],
        "until": until,
        "rows": rows,
    }
    with writing(hospital.engine) as connection:
        connection.execute(insert(pulls).values(row))
