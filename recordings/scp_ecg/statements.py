"""Section 8: the device's own statements, as it worded them (SCP 5.11).

Body: confirmed u8, date (u16, u8, u8), time (3 x u8), number of statements u8; each: number u8, length u16, text
ended by NUL. They are shown as the device's words, never taken as a finding of ours.
"""

from recordings.scp_ecg.record import damaged
from recordings.scp_ecg.tags import text

_HEAD_BYTES = 9


def read_statements(section: bytes) -> tuple[str, ...]:
    """Each statement, named as the device's.

    Raises:
        BadFrame: the section is cut.
    """
    if len(section) < _HEAD_BYTES:
        raise damaged("section 8: no header")
    statements: list[str] = []
    at = _HEAD_BYTES
    for number in range(1, section[8] + 1):
        size = int.from_bytes(section[at + 1 : at + 3], "little")
        if at + 3 + size > len(section):
            raise damaged(f"section 8: statement {number} leads outside the section")
        words = text(section[at + 3 : at + 3 + size])
        if words:
            statements.append(f"device statement: {words}")
        at += 3 + size
    return tuple(statements)
