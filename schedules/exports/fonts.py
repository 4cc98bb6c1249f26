"""Fonts that can print Chinese, and the signs they lack."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from fontTools.ttLib import TTCollection, TTFont

from clinic_records.errors import ConfigError, Hint

MAIN: Final = (
    Path("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc"),
    Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"),
)
"""Where Debian's fonts-wqy-microhei and fonts-noto-cjk put theirs; the first one there is used."""
RARE: Final = (
    Path("/usr/share/fonts/truetype/hanazono/HanaMinA.ttf"),
    Path("/usr/share/fonts/truetype/hanazono/HanaMinB.ttf"),
)
"""Debian's fonts-hanazono: rare characters of names."""

GETA: Final = "〓"
"""What Chinese and Japanese print shops set for a sign they do not have."""


def main_font(candidates: Iterable[Path] = MAIN) -> Path:
    """The font for Chinese text.

    Raises:
        ConfigError: none is installed.
    """
    for path in candidates:
        if path.is_file():
            return path
    raise ConfigError(
        "no font for Chinese is installed; as root: apt-get install fonts-wqy-microhei",
        hint=Hint(
            "请以 root 身份安装字体：apt-get install fonts-wqy-microhei",
            "As root: apt-get install fonts-wqy-microhei",
        ),
    )


def rare_fonts(candidates: Iterable[Path] = RARE) -> tuple[Path, ...]:
    """The fonts asked where the main one lacks a sign."""
    return tuple(path for path in candidates if path.is_file())


def signs_of(path: Path) -> frozenset[int]:
    """The code points a font has; of a collection its first font's."""
    if path.suffix.lower() == ".ttc":
        with TTCollection(path, lazy=True) as collection:
            return frozenset(collection.fonts[0].getBestCmap())
    with TTFont(path, lazy=True) as font:
        return frozenset(font.getBestCmap())


class Printable:
    """Replaces signs that no font has by `GETA`, and remembers them in `lacking`."""

    def __init__(self, fonts: Iterable[Path]) -> None:
        self._signs = frozenset[int]().union(*(signs_of(path) for path in fonts))
        self.lacking: set[str] = set()

    def __call__(self, text: str) -> str:
        """The text as it can be printed."""
        lacking = {sign for sign in text if ord(sign) not in self._signs and not sign.isspace()}
        self.lacking |= lacking
        return text.translate({ord(sign): GETA for sign in lacking})


def lacking_words(lacking: Iterable[str], name: str) -> str:
    """What to tell of a file with signs that no installed font has."""
    signs = " ".join(sorted(lacking))
    return (
        f"{name}: 字体里没有 {signs}，印成了 〓；请以 root 身份安装 fonts-hanazono 后再导出。 "
        f"No installed font has {signs}, printed as 〓; as root: apt-get install fonts-hanazono, then export again."
    )
