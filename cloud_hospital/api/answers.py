"""Errors as answers: a status, a clear sentence and what to do, in both languages."""

from collections.abc import Mapping
from typing import Final

import msgspec
from fastapi import FastAPI, Request, Response
from sqlalchemy.exc import OperationalError

from clinic_records.errors import AccessError, ClinicError, Conflict, NotFound, PeerRefused, RefusedInput
from cloud_hospital.feed.cursor import StaleCursor
from cloud_hospital.store.engine import database_gone

AGAIN_S: Final = 5
"""Seconds after which to ask again while the database is gone: a restart takes a few. Our choice."""
_STATUS: Final[Mapping[type[ClinicError], int]] = {
    AccessError: 401,
    PeerRefused: 403,
    NotFound: 404,
    Conflict: 409,
    RefusedInput: 422,
}


def json_answer(thing: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """`thing` as JSON."""
    return Response(msgspec.json.encode(thing), status, dict(headers or {}), "application/json")


def install_errors(app: FastAPI) -> None:
    """Answer our errors in one form: error, hint (zh, en), and for a stale cursor where to pull again from.

    While the database is gone the answer is 503 with the time to ask again (RFC 9110, 15.6.4).
    """

    @app.exception_handler(ClinicError)
    async def _on_error(_request: Request, error: Exception) -> Response:
        if not isinstance(error, ClinicError):
            raise error
        status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 500)
        body = _said(error)
        if isinstance(error, StaleCursor):
            body["rewind"] = str(error.rewind)
        return json_answer(body, status, {"WWW-Authenticate": "Bearer"} if status == 401 else None)

    @app.exception_handler(OperationalError)
    async def _on_no_database(_request: Request, error: Exception) -> Response:
        if not isinstance(error, OperationalError):
            raise error
        return json_answer(_said(database_gone(error)), 503, {"Retry-After": str(AGAIN_S)})


def _said(error: ClinicError) -> dict[str, object]:
    return {"error": str(error), "hint": {"zh": error.hint.zh, "en": error.hint.en}}
