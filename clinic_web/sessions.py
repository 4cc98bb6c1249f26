"""Sessions kept in memory: a random cookie stands for a person until the lock, the idle limit or a restart.

Only the cookie's hash is kept, so that a memory dump opens no session.
"""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from clinic_records.people import Author

COOKIE: Final = "session"
MAX_SESSIONS: Final = 200


@dataclass(slots=True)
class Session:
    """Who is at this browser.

    Attributes:
        used_s: monotonic time of the last act (live updates are not acts).
        mark: of what opened it, for whoever ends it when that changes.
    """

    author: Author
    used_s: float
    mark: str = ""


def _key(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


class Sessions:
    """All open sessions of one server."""

    def __init__(self, monotonic_s: Callable[[], float], idle_s: float, *, secure: bool = False) -> None:
        self._monotonic_s = monotonic_s
        self._idle_s = idle_s
        self._secure = secure
        self._open: dict[str, Session] = {}

    def start(self, author: Author, response: Response, *, is_https: bool = False, mark: str = "") -> None:
        """A fresh session for `author`, its cookie set on `response`; `is_https` where this request came by it."""
        self._sweep()
        while len(self._open) >= MAX_SESSIONS:
            del self._open[min(self._open, key=lambda key: self._open[key].used_s)]
        token = secrets.token_urlsafe(32)
        self._open[_key(token)] = Session(author, self._monotonic_s(), mark)
        response.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=self._secure or is_https, path="/")

    def find(self, request: Request, *, is_act: bool = True) -> Session | None:
        """The session of `request`, if it is still open; an act keeps it open for another idle limit."""
        session = self._open.get(_key(request.cookies.get(COOKIE, "")))
        if session is None or self._monotonic_s() - session.used_s > self._idle_s:
            return None
        if is_act:
            session.used_s = self._monotonic_s()
        return session

    def end(self, request: Request, response: Response) -> None:
        """Lock: the cookie means nothing from now on."""
        self._open.pop(_key(request.cookies.get(COOKIE, "")), None)
        response.delete_cookie(COOKIE, path="/")

    def _sweep(self) -> None:
        now = self._monotonic_s()
        for key in [key for key, session in self._open.items() if now - session.used_s > self._idle_s]:
            del self._open[key]
