"""Passwords of the hospital's people: Argon2id, one at a time, equally slow for everybody."""

import threading
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from clinic_records.errors import Hint, RefusedInput

LENGTHS: Final = range(10, 129)
"""Characters of a password; there is no other rule (NIST SP 800-63B, revision 3, section 5.1.1.2)."""

_hasher: Final = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=1)
"""RFC 9106, section 4, second recommendation, with one lane: 64 MiB and about 0.3 s a try."""
_one_at_a_time: Final = threading.Lock()
"""Many tries at once must not take 64 MiB each."""
_NOBODY: Final = "$argon2id$v=19$m=65536,t=3,p=1$bW9iaWxlLWNsaW5pYy1uYg$Hh6zTgxl1CHN8QdUTJsWvTKfEv0GG8MEoNXX1qZyeS4"
"""A hash no password is known for: a try for somebody unknown takes as long as any other."""


def hash_password(password: str) -> str:
    """What is kept of a password.

    Raises:
        RefusedInput: it is too short or too long.
    """
    if len(password) not in LENGTHS:
        raise RefusedInput(
            f"a password has {LENGTHS.start} to {LENGTHS.stop - 1} characters, not {len(password)}",
            hint=Hint("密码要 10 到 128 个字符。", "A password has 10 to 128 characters."),
        )
    with _one_at_a_time:
        return _hasher.hash(password)


def is_password(kept: str, password: str) -> bool:
    """Whether `password` is the one behind `kept`; takes as long where nothing is kept."""
    with _one_at_a_time:
        try:
            return _hasher.verify(kept or _NOBODY, password[: LENGTHS.stop]) and bool(kept)
        except VerificationError:
            return False
