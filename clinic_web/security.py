"""What every answer of both web sides carries, and which requests are not taken at all.

Pages hold patient data: nothing is cached, nothing is framed, nothing comes from another origin, no script is inline.
"""

from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PICTURE_CSP: Final = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
"""A drawn recording is an image of its own: its SVG may style itself and may do nothing else."""
FIXED_HEADERS: Final = (
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
)
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def is_same_origin(headers: Headers) -> bool:
    """Whether a request that changes something comes from our own page.

    A browser sends `Sec-Fetch-Site` and, with every POST, `Origin`; one of them must be there and agree. With the
    session cookie's SameSite=Strict this stands instead of a token in each form.
    """
    origin = headers.get("origin")
    if origin is not None:
        return origin != "null" and urlsplit(origin).netloc == headers.get("host")
    return headers.get("sec-fetch-site") == "same-origin"


class Guard:
    """ASGI middleware: origin check and size limit before, headers after.

    Handlers of `own_limits` bound what they read themselves: files are larger than forms, and what is too large is
    refused by a page.
    """

    def __init__(self, app: ASGIApp, *, max_body: int = 256 * 1024, own_limits: Collection[str] = ()) -> None:
        self._app = app
        self._max_body = max_body
        self._own_limits = frozenset(own_limits)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse with 403 or 413, or pass on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        is_static = scope["path"].startswith("/static/")

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                for name, value in FIXED_HEADERS:
                    answer[name] = value
                answer.setdefault("content-security-policy", CSP)
                answer.setdefault("cache-control", "public, max-age=86400" if is_static else "no-store")
            await send(message)

        if scope["method"] not in SAFE_METHODS:
            length = headers.get("content-length", "")
            if not is_same_origin(headers):
                refusal = PlainTextResponse("refused: not sent from a page of this server", 403)
                await refusal(scope, receive, send_with_headers)
                return
            is_bounded = scope["path"] not in self._own_limits
            if not length.isdigit() or (is_bounded and int(length) > self._max_body):
                refusal = PlainTextResponse(f"refused: a form has at most {self._max_body} bytes", 413)
                await refusal(scope, receive, send_with_headers)
                return
        await self._app(scope, receive, send_with_headers)
