"""Renews the box's certificate long before it ends, and after it has ended too; needs nobody logged in."""

import asyncio
import secrets
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

import msgspec
import structlog

from clinic_records.clock import SystemClock, from_ms
from clinic_records.errors import ClinicError, ConfigError, Offline, PeerRefused
from sync.certificates import renew_at
from sync.enrolment import Enrolment
from sync.keys import AnyOf
from sync.renewal import MESSAGE_LIMIT, RenewalRequest, read_renewed, sign_renewal
from vehicle_agent.store.keys import DeviceKeys
from vehicle_agent.store.tls import TlsFiles

TIMEOUT_S: Final = 30.0
LOOK_EVERY_S: Final = 60.0
"""Seconds between two looks whether it is time, and between two tries: there may be coverage now."""
REST_S: Final = 3600.0
"""Seconds after a renewal without another one: by a clock twenty years ahead it would be due for ever."""

_log = structlog.get_logger(__name__)


class Renewal:
    """Asks the hospital for the next certificate when a third of this one's life is over, or the broker refuses it.

    Args:
        keys: sign the request.
        files: whose certificate it is.
        hospital: where to ask.
        believed: who may sign the answer.
        clock: raised to the time that a fresh answer tells.
        is_refused: whether the broker refuses us now.

    Attributes:
        carry: sends a request in an open session; False where there is none.
    """

    def __init__(
        self,
        *,
        keys: DeviceKeys,
        files: TlsFiles,
        hospital: Enrolment,
        believed: Callable[[], AnyOf],
        clock: SystemClock,
        is_refused: Callable[[], bool],
    ) -> None:
        self._keys = keys
        self._files = files
        self._hospital = hospital
        self._believed = believed
        self._clock = clock
        self._is_refused = is_refused
        self._rests_until_s = float("-inf")
        self._asked: RenewalRequest | None = None
        self.carry: Callable[[bytes], bool] = _nobody

    @property
    def is_due(self) -> bool:
        """Whether to ask now. By a clock that lies, too early does no harm, and too late ends with a refusal."""
        certificate = self._files.certificate
        if certificate is None or self._clock.monotonic_s() < self._rests_until_s:
            return False
        return renew_at(certificate) <= self._clock.now() or self._is_refused()

    def renew(self) -> None:
        """Ask once: in the session where there is one, and the answer comes to `take`; else over the web.

        Raises:
            Offline: the hospital was not reached.
            PeerRefused: it refused, or another answered.
            RefusedInput, ConfigError: the answer is no certificate of ours.
        """
        vehicle = self._hospital.vehicle
        request = RenewalRequest(vehicle, self._files.request(vehicle), secrets.token_hex(16))
        self._asked = sign_renewal(request, self._keys.sign)
        body = msgspec.json.encode(self._asked)
        if not self.carry(body):
            self.take(_post(self._hospital.renewal_url, body))

    def take(self, answer: bytes) -> None:
        """Keep the certificate in the answer to the last request; durable on return.

        Raises:
            PeerRefused: another answered.
            RefusedInput, ConfigError: the answer is no certificate of ours.
        """
        if self._asked is None:
            return  # an answer that came twice
        renewed = read_renewed(answer, self._asked, self._believed())
        self._asked = None
        self._clock.raise_floor(from_ms(renewed.time_ms))
        self._files.renew(renewed.certificate)
        self._rests_until_s = self._clock.monotonic_s() + REST_S
        _log.info("renewal.done")

    async def run(self) -> None:
        """For ever: look, and renew where it is time."""
        while True:
            if await asyncio.to_thread(lambda: self.is_due):
                try:
                    await asyncio.to_thread(self.renew)
                except Offline as error:
                    _log.debug("renewal.not_reached", error=str(error))
                except ClinicError as error:
                    _log.error("renewal.refused", error=str(error))
            await asyncio.sleep(LOOK_EVERY_S)


def _nobody(_request: bytes) -> bool:
    return False


def _post(url: str, body: bytes) -> bytes:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"}:
        raise ConfigError(f"renewal_url {url!r} of the enrolment is no web address; ask for a new enrolment")
    # The hospital's pages take posts from their own origin only; a browser on another page cannot say this one.
    headers = {"Content-Type": "application/json", "Origin": f"{parts.scheme}://{parts.netloc}"}
    request = urllib.request.Request(url, body, headers)  # noqa: S310  # checked above
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310  # checked above
            read: bytes = answer.read(MESSAGE_LIMIT + 1)
            return read
    except urllib.error.HTTPError as error:
        with error:
            said = error.read(1024).decode("utf-8", "replace")
        if error.code >= 500:
            raise Offline(f"{url} answered {error.code}") from None
        raise PeerRefused(f"the hospital does not renew this box's certificate: {error.code} {said}") from None
    except OSError as error:
        raise Offline(f"{url}: {error}") from None
