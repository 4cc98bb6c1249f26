"""Which characters the bytes of a message are (MSH-18, HL7 table 0211), and what to do where the sender does not say.

In GB 18030 and Big5 the second byte of a character may be `|`, `^`, `~` or a backslash, so a message is decoded before
it is cut into fields, never after.
"""

from collections.abc import Mapping
from typing import Final

from clinic_records.errors import BadFrame, RefusedInput

_CODECS: Final[Mapping[str, str]] = {
    "ASCII": "ascii",
    "ISO IR6": "ascii",
    "8859/1": "iso8859-1",
    "8859/2": "iso8859-2",
    "8859/3": "iso8859-3",
    "8859/4": "iso8859-4",
    "8859/5": "iso8859-5",
    "8859/6": "iso8859-6",
    "8859/7": "iso8859-7",
    "8859/8": "iso8859-8",
    "8859/9": "iso8859-9",
    "8859/15": "iso8859-15",
    "UNICODE UTF-8": "utf-8",
    "GB 18030-2000": "gb18030",
    "BIG-5": "big5",
    "KS X 1001": "euc-kr",
    "ISO IR87": "iso2022_jp",
    # not in the table, but written by analysers (Mindray BS host interface, section 2.4: `UTF8`; others `UNICODE`)
    "UNICODE": "utf-8",
    "UTF-8": "utf-8",
    "UTF8": "utf-8",
    "GB18030": "gb18030",
    "GBK": "gb18030",
    "GB2312": "gb18030",
}
"""MSH-18, first repetition, upper case -> Python codec. GBK and GB 2312 are parts of GB 18030."""
_GUESSES: Final = ("utf-8", "gb18030", "iso8859-1")
"""Tried in this order where nothing is stated: GB 18030 text is hardly ever valid UTF-8; the last fits all bytes."""


def decode_text(raw: bytes, stated: str) -> tuple[str, str, str]:
    """(text, codec, note): the note is empty where the bytes are what MSH-18 (`stated`) says they are.

    Raises:
        RefusedInput: a character set we do not read.
        BadFrame: stated as UTF-8 or GB 18030, but neither.
    """
    if raw.isascii():
        return raw.decode("ascii"), "ascii", ""
    name = stated.strip().upper()
    codec = _CODECS.get(name, "") if name else "ascii"
    if not codec:
        raise RefusedInput(f"HL7 message: character set {stated[:40]!r} (MSH-18) is not one we read")
    if codec != "ascii":
        try:
            return raw.decode(codec), codec, ""
        except UnicodeDecodeError as error:
            if codec not in {"utf-8", "gb18030"}:
                raise BadFrame(f"HL7 message: byte {error.start} is no character of {stated}") from None
    guesses = _GUESSES if codec == "ascii" else ("utf-8", "gb18030")
    for guess in guesses:
        try:
            text = raw.decode(guess)
        except UnicodeDecodeError:
            continue
        return text, guess, f"character set stated as {stated or 'none'}, read as {guess}"
    raise BadFrame(f"HL7 message: the bytes are neither {stated} nor GB 18030")
