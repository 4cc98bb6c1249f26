"""Why a visit is moved or cancelled: the reasons that are suggested, kept in Chinese, for villages read them."""

from collections.abc import Mapping
from typing import Final

from schedules.repair.words import WORDS

SUGGESTED: Final[tuple[tuple[str, str], ...]] = (
    ("道路不通", "road closed"),
    ("天气", "weather"),
    ("人员请假", "staff on leave"),
    ("车辆故障", "vehicle broken"),
    ("村里要求", "asked by the village"),
    ("节假日补诊", "made up for a holiday"),
)
"""Chinese, English: what the pages offer. The Chinese words are what is kept; notices and statistics repeat them."""

_ENGLISH: Final[Mapping[str, str]] = dict((*WORDS.values(), *SUGGESTED))
_CHINESE: Final[Mapping[str, str]] = {en.casefold(): zh for zh, en in SUGGESTED}


def kept_reason(text: str) -> str:
    """A reason as it is kept: one that was suggested in whatever language in Chinese, others as they were written."""
    words = text.strip()
    return _CHINESE.get(words.casefold(), words)


def reason_in(reason: str, lang: str) -> str:
    """A kept reason for a reader: in English where it is one that we know, else as it is."""
    return _ENGLISH.get(reason, reason) if lang == "en" else reason
