"""What is wrong with the box's certificate for the broker, if anything, and what to do."""

from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec

from clinic_records.errors import ConfigError, Hint
from sync.certificates import fingerprint, key_from_pem, renew_at, subject
from sync.enrolment import Enrolment
from sync.tls import Identity

_AGAIN: Final = Hint(
    "把医院最新的登记文件再装一次：clinic vehicle init DIR --enrolment FILE；没有就请医院重新登记。",
    "Put the hospital's newest enrolment file in again, with clinic vehicle init; without one, be enrolled anew.",
)
HINTS: Final[Mapping[str, Hint]] = {
    "missing": _AGAIN,
    "chain": _AGAIN,
    "name": Hint(
        "这是别的车的证书：两辆车的文件夹可能弄混了，请医院重新登记本车。",
        "This is another vehicle's certificate: folders may have been mixed up; have this vehicle enrolled anew.",
    ),
    "key": Hint(
        "证书和本机的钥匙对不上：登记文件是给另一台电脑的，请医院重新登记。",
        "The certificate is not for this box's key: the enrolment was another box's; have this one enrolled anew.",
    ),
    "ended": Hint(
        "开到有信号的地方，程序会自己换新的；换不了就检查医院的 renewal_url，或重新登记。",
        "Drive to coverage: the agent gets the next one by itself. If not, look at renewal_url, or enrol anew.",
    ),
}
"""What is wrong -> what to do."""


def look_at_certificates(identity: Identity, pinned: Enrolment, now: datetime) -> str:
    """Until when the certificate is good.

    Args:
        identity: the box's files.
        pinned: the hospital's last enrolment of this box.
        now: the box's time, never below the hospital's last signed one.

    Raises:
        ConfigError: the broker would refuse it; the hint says what to do.
    """
    if not pinned.certificate:
        return "none: the hospital's broker has no TLS"
    chain, roots = _read(identity.certificate), _read(identity.authority)
    mine = chain[0]
    if mine.subject != subject(pinned.vehicle):
        raise _wrong("name", f"{identity.certificate} names {mine.subject.rfc4514_string()}, not {pinned.vehicle}")
    try:
        public, own = mine.public_key(), key_from_pem(identity.key.read_bytes()).public_key()
    except OSError as error:
        raise _wrong("missing", f"{identity.key}: {error.strerror}") from None
    if not isinstance(public, ec.EllipticCurvePublicKey) or fingerprint(public) != fingerprint(own):
        raise _wrong("key", f"{identity.certificate} is not for the key in {identity.key}")
    _check_chain(identity, [*chain, roots[0]])
    if pinned.authority.encode() != identity.authority.read_bytes():
        raise _wrong("chain", f"{identity.authority} is not the authority of hospital {pinned.hospital_id}")
    until = min(each.not_valid_after_utc for each in (*chain, roots[0]))
    if until < now:
        raise _wrong("ended", f"{identity.certificate} ended {until:%F %R}Z; this box takes it to be {now:%F %R}Z")
    return f"good until {until:%F %R}Z, renewed from {renew_at(mine):%F} on"


def _read(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except OSError as error:
        raise _wrong("missing", f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise _wrong("missing", f"{path}: no certificate: {error}") from None


def _check_chain(identity: Identity, chain: list[x509.Certificate]) -> None:
    for below, above in pairwise(chain):
        try:
            below.verify_directly_issued_by(above)
        except (ValueError, TypeError, InvalidSignature):
            name = below.subject.rfc4514_string()
            raise _wrong("chain", f"{identity.certificate}: {name} was not issued by {identity.authority}") from None


def _wrong(code: str, message: str) -> ConfigError:
    return ConfigError(message, hint=HINTS[code])
