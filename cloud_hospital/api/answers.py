"""Errors as answers: a status, a clear sentence and what to do, in both languages."""

from collections.abc import Mapping
from typing import Final

import msgspec
from fastapi import FastAPI, Request, Response

from clinic_records.errors import AccessError, ClinicError, Conflict, NotFound, PeerRefused, RefusedInput
from cloud_hospital.feed.cursor import StaleCursor

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
    """Answer our errors in one form: error, hint (zh, en), and for a stale cursor where to pull again from."""

    @app.exception_handler(ClinicError)
    async def _on_error(_request: Request, error: Exception) -> Response:
        if not isinstance(error, ClinicError):
            raise error
        status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 500)
        body: dict[str, object] = {"error": str(error), "hint": {"zh": error.hint.zh, "en": error.hint.en}}
        if isinstance(error, StaleCursor):
            body["rewind"] = str(error.rewind)
        return json_answer(body, status, {"WWW-Authenticate": "Bearer"} if status == 401 else None)
