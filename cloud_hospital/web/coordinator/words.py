"""Codes as the coordinator reads them."""

from schedules.repair.words import WORDS

_DOUBT = {
    "H02": ("周末，不是调休上班日", "a weekend day that is no make-up workday"),
    "H03": ("还没有那一年的节假日表", "no holidays of that year in the plan"),
}


def in_words(code: str, lang: str) -> str:
    """Why a visit cannot be somewhere, or is there in doubt; a word that is no code stays as it is."""
    zh, en = _DOUBT.get(code) or WORDS.get(code, (code, code))
    return en if lang == "en" else zh


_ACTIONS = {"move": ("改期", "moved"), "cancel": ("取消", "cancelled"), "substitute": ("替换", "substituted")}


def reason_words(counted: str, lang: str) -> str:
    """A line of the report's changes by reason: `move 修路`."""
    action, _, reason = counted.partition(" ")
    zh, en = _ACTIONS.get(action, (action, action))
    return f"{en if lang == 'en' else zh} · {reason}"
