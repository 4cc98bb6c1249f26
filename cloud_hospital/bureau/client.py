"""Pulls the county's feed over HTTP, page by page, until nothing is left."""

import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Final

import msgspec

from clinic_records.errors import AccessError, ClinicError, ConfigError, Conflict, Hint, Offline, RefusedInput
from cloud_hospital.feed.pull import Pull

TIMEOUT_S: Final = 60.0
PAGE: Final = 1000
"""Rows of one request."""
MAX_ANSWER: Final = 64 * 1024 * 1024
"""Bytes of one answer; 1000 rows have about 1 MB."""

_FAR: Final = Hint("连不上云医院，稍后再拉。", "The hospital was not reached; pull again later from the same cursor.")
_ASK: Final = {
    401: Hint(
        "令牌不对或已停用。找云医院运维要新的。",
        "The token is wrong or revoked. Ask the hospital's operator for a new one.",
    ),
    404: Hint(
        "--url 只写到端口，例如 http://127.0.0.1:8090。",
        "Give --url up to the port only, such as http://127.0.0.1:8090.",
    ),
    409: Hint(
        "云医院的数据恢复过。从上面说的游标重新拉。",
        "The hospital was restored. Pull again from the cursor named above.",
    ),
    422: Hint("--since 照抄上次给的游标；第一次用 0。", "Give --since as the last pull gave it; 0 the first time."),
}
"""What the person who pulls can do, by status code."""
_ERRORS: Final[dict[int, type[ClinicError]]] = {401: AccessError, 409: Conflict, 422: RefusedInput}


class _Said(msgspec.Struct):
    error: str = ""
    hint: dict[str, str] = {}
    rewind: str = ""


def pages(url: str, token: str, since: str) -> Iterator[Pull]:
    """Every page behind `since`, the last one with `has_more` false.

    Raises:
        AccessError: the token is not taken.
        Conflict: the feed was restored since the cursor was given; the message says where to go back to.
        Offline: the hospital cannot be reached.
    """
    while True:
        page = _get(url, token, since)
        yield page
        if not page.has_more:
            return
        since = page.next


def _get(url: str, token: str, since: str) -> Pull:
    query = urllib.parse.urlencode({"since": since, "limit": PAGE})
    address = f"{url.rstrip('/')}/api/v1/bureau/pull?{query}"
    if urllib.parse.urlsplit(address).scheme not in {"http", "https"}:
        raise ConfigError(f"--url {url}: must begin with http:// or https://")
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {token}"})  # noqa: S310  # checked above
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310  # checked above
            return msgspec.json.decode(answer.read(MAX_ANSWER), type=Pull)
    except urllib.error.HTTPError as error:
        raise _explained(error) from None
    except (urllib.error.URLError, OSError) as error:
        raise Offline(f"{url}: {getattr(error, 'reason', error)}", hint=_FAR) from None
    except msgspec.MsgspecError as error:
        raise RefusedInput(f"{url} did not answer as a hospital does: {error}") from None


def _explained(error: urllib.error.HTTPError) -> ClinicError:
    with error:
        body = error.read(64 * 1024)
    try:
        said = msgspec.json.decode(body, type=_Said)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        said = _Said()
    hint = _ASK.get(error.code) or (Hint(said.hint.get("zh", ""), said.hint.get("en", "")) if said.hint else None)
    kind = _ERRORS.get(error.code, Offline if error.code >= 500 else RefusedInput)
    return kind(f"the hospital answered {error.code}: {said.error or error.reason}", hint=hint)
