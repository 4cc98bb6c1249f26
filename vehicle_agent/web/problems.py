"""Errors become a page, or a line, that says what can be done now, in the reader's language."""

import traceback
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

import structlog
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from clinic_records.errors import (
    AccessError,
    ClinicError,
    Conflict,
    DeviceError,
    Hint,
    NotFound,
    RefusedInput,
    StoreLocked,
)
from clinic_web.pages import lang_of
from vehicle_agent.web.site import LoginNeeded, is_htmx, site_of

STATUS_OF: Final[Mapping[type[ClinicError], int]] = {
    StoreLocked: 401,
    AccessError: 403,
    NotFound: 404,
    Conflict: 409,
    RefusedInput: 422,
    DeviceError: 503,
}
log = structlog.get_logger(__name__)


def status_code_of(error: ClinicError) -> int:
    """The HTTP status for an error of ours: the nearest base in the table, else 500."""
    return next((STATUS_OF[base] for base in type(error).__mro__ if base in STATUS_OF), 500)


async def _show(request: Request, hint: Hint, detail: str, status_code: int) -> Response:
    site = site_of(request)
    if is_htmx(request):
        line = site.pages.fragment("problem-line.html", lang_of(request), hint=hint, detail=detail)
        headers = {"hx-retarget": "#note", "hx-reswap": "innerHTML", "hx-reselect": "unset"}
        # 4xx that htmx shows; what it must not show in place of the page is 401 only
        return Response(line, 409 if status_code < 500 else 422, headers, "text/html; charset=utf-8")
    return await site.page(request, "problem.html", status_code=status_code, hint=hint, detail=detail)


async def _login_needed(request: Request, _error: Exception) -> Response:
    if request.method == "GET" and not is_htmx(request):
        return RedirectResponse(f"/login?next={quote(request.url.path)}", 303)
    return PlainTextResponse("log in first", 401)


async def _clinic_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, ClinicError):
        raise error
    if isinstance(error, StoreLocked):
        return await _login_needed(request, error)
    status_code = status_code_of(error)
    log.warning("page refused", path=request.url.path, status=status_code, error=type(error).__name__)
    return await _show(request, error.hint, str(error), status_code)


async def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    texts = site_of(request).pages.catalogue.texts
    key = "error.not_found_hint" if error.status_code == 404 else "error.unexpected_hint"
    hint = Hint(texts[key].zh, texts[key].en)
    return await _show(request, hint, f"{error.status_code} {error.detail}", error.status_code)


async def _unexpected(request: Request, error: Exception) -> Response:
    where = traceback.extract_tb(error.__traceback__)[-1]
    # the type and the line only: an error's text and locals may hold what a patient said
    log.error(
        "page failed", path=request.url.path, error=type(error).__name__, where=f"{where.filename}:{where.lineno}"
    )
    # plain text: drawing a page may be what failed
    text = site_of(request).pages.catalogue.texts["error.unexpected_hint"]
    return PlainTextResponse(f"{text.zh}\n{text.en}\n\n{type(error).__name__}", 500)


def install(app: FastAPI) -> None:
    """Register the handlers."""
    app.add_exception_handler(LoginNeeded, _login_needed)
    app.add_exception_handler(ClinicError, _clinic_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unexpected)
