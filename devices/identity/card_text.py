"""The 256 bytes of text on a resident ID card, and on the two other cards of its kind.

UTF-16 little-endian in fields of fixed size, filled with spaces. The layouts are GA/T 490 (resident), the card of
foreigners with permanent residence of 2017 (type mark `I`), the residence permit for Hong Kong, Macao and Taiwan
residents of 2018 (type mark `J`) and the foreigners' card of 2023 (type mark `Y`); all put the mark at byte 248, where
a resident's card has a space. Sources: chenhaifeng2016/FaceRecognitionTest IDReader.h (resident), afzhan.com st170652
news 212938 (`I`), eastcoms.com 840 (`Y`). That `J` keeps a resident's fields, without the nation, is known by hearsay
only; its number's check digit and birth date are compared as proof. Never tried with a real card.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Final

import msgspec

from clinic_records.errors import BadFrame, Hint, RefusedInput
from clinic_records.people import Sex
from clinic_records.resident_id import born, resident_id

SIZE: Final = 256
"""Bytes of text."""
LONG_TERM: Final = "长期"
"""Written instead of a last day: the card of somebody older than 46 does not run out."""
_MARK_AT: Final = 248
_FIELDS: Final[Mapping[str, tuple[int, int]]] = {
    "name": (0, 30),
    "sex": (30, 2),
    "nation": (32, 4),
    "birth": (36, 16),
    "address": (52, 70),
    "number": (122, 36),
    "issuer": (158, 30),
    "valid_from": (188, 16),
    "valid_to": (204, 16),
}
"""Field -> first byte and number of bytes."""
_SEXES: Final = {"1": Sex.MALE, "2": Sex.FEMALE}
"""GB/T 2261.1; 0 is unknown, 9 not stated."""
_KINDS: Final[Mapping[str, str]] = {"": "resident", "J": "hmt-resident"}
"""Type mark -> kind of card that is read."""
FOREIGNER: Final = Hint(
    "外国人永居证：本系统还不能自动读取，请照证件手工登记。",
    "Foreigner's permanent residence card: not read automatically; register by hand from the card.",
)
_NATION_NAMES: Final = (
    "汉 蒙古 回 藏 维吾尔 苗 彝 壮 布依 朝鲜 满 侗 瑶 白 土家 哈尼 哈萨克 傣 黎 傈僳 佤 畲 高山 拉祜 水 东乡 纳西 景颇 "
    "柯尔克孜 土 达斡尔 仫佬 羌 布朗 撒拉 毛南 仡佬 锡伯 阿昌 普米 塔吉克 怒 乌孜别克 俄罗斯 鄂温克 德昂 保安 裕固 京 "
    "塔塔尔 独龙 鄂伦春 赫哲 门巴 珞巴 基诺"
)
NATIONS: Final = tuple(_NATION_NAMES.split())
"""The 56 nations in the order of their numbers 01 to 56 (GB/T 3304-1991)."""


class CardText(msgspec.Struct, frozen=True):
    """What a card says of its holder.

    Attributes:
        kind: `resident` or `hmt-resident`.
        number: 18 characters, checked against GB 11643-1999.
        nation: its name; empty where the card has none.
        valid_to: the last day, None where it is for long term.
    """

    kind: str
    name: str
    sex: Sex
    birth_date: date
    number: str
    nation: str
    address: str
    issuer: str
    valid_from: date | None
    valid_to: date | None

    def is_valid_on(self, day: date) -> bool:
        """Whether the card may still be shown on `day`."""
        return self.valid_to is None or day <= self.valid_to


def read_card_text(raw: bytes) -> CardText:
    """The card's text out of its 256 bytes.

    Raises:
        BadFrame: not 256 bytes of UTF-16 text, or a field that cannot be; the message names it, never its content.
        RefusedInput: a card of another kind.
    """
    if len(raw) != SIZE:
        raise BadFrame(f"a card's text has {SIZE} bytes, not {len(raw)}")
    mark = _text(raw, "type mark", _MARK_AT, 2)
    if mark not in _KINDS:
        if mark in {"I", "Y"}:
            raise RefusedInput(f"a foreigner's permanent residence card (type mark {mark})", hint=FOREIGNER)
        raise BadFrame("the card's type mark is none that is known")
    said = {field: _text(raw, field, *place) for field, place in _FIELDS.items()}
    kind = _KINDS[mark]
    try:
        number = resident_id(said["number"])
    except RefusedInput:
        raise BadFrame("the card's number has a wrong check digit") from None
    birth_date = _day(said["birth"], "birth")
    if birth_date is None or birth_date != born(number):
        raise BadFrame("the card's birth date differs from its number's")
    if not said["name"]:
        raise BadFrame("the card has no name")
    return CardText(
        kind=kind,
        name=said["name"],
        sex=_SEXES.get(said["sex"], Sex.UNKNOWN),
        birth_date=birth_date,
        number=number,
        nation=_nation(said["nation"]) if kind == "resident" else "",
        address=said["address"],
        issuer=said["issuer"],
        valid_from=_day(said["valid_from"], "valid_from"),
        valid_to=None if said["valid_to"] == LONG_TERM else _last_day(said["valid_to"]),
    )


def _text(raw: bytes, field: str, start: int, size: int) -> str:
    try:
        text = raw[start : start + size].decode("utf-16-le")
    except UnicodeDecodeError:
        raise BadFrame(f"the card's {field} is not UTF-16 text") from None
    text = text.strip(" \0\u3000")
    if any(not (character.isprintable() or "\ue000" <= character <= "\uf8ff") for character in text):
        raise BadFrame(f"the card's {field} holds control characters")
    return text


def _day(text: str, field: str) -> date | None:
    if not text:
        return None
    try:
        return datetime.strptime(text if len(text) == 8 and text.isascii() else "", "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise BadFrame(f"the card's {field} is not a date") from None


def _last_day(text: str) -> date:
    day = _day(text, "valid_to")
    if day is None:
        raise BadFrame("the card does not say how long it is valid")
    return day


def _nation(code: str) -> str:
    """The name of a two-digit code; empty for 97 (other), 98 (naturalised) and what is no code."""
    if not (len(code) == 2 and code.isascii() and code.isdigit()):
        return ""
    number = int(code)
    return NATIONS[number - 1] if 1 <= number <= len(NATIONS) else ""
