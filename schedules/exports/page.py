"""A PDF whose pages are printed in Chinese, and the drawing that calendars and notices share."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from fpdf import FPDF
from fpdf.enums import XPos, YPos

from schedules.exports.fonts import Printable, main_font, rare_fonts

FAMILY: Final = "han"
MM_PER_POINT: Final = 25.4 / 72
LEADING: Final = 1.35
"""Line height in type sizes: Chinese without ascenders needs more air than Latin."""

Colour = tuple[int, int, int]
BLACK: Final[Colour] = (0, 0, 0)
RED: Final[Colour] = (176, 0, 32)
GREY: Final[Colour] = (90, 90, 90)


def line_height(size: float) -> float:
    """Millimetres of a line of type of a size in points."""
    return size * MM_PER_POINT * LEADING


class Pages:
    """Draws text in millimetres from the upper left corner; sizes of type in points.

    Raises:
        ConfigError: no font for Chinese is installed.
    """

    def __init__(self, orientation: str, paper: str, stamp: datetime) -> None:
        main, rare = main_font(), rare_fonts()
        self.printable = Printable([main, *rare])
        self.pdf = FPDF(orientation=orientation, unit="mm", format=paper)
        self.pdf.set_auto_page_break(auto=False)
        self.pdf.set_margin(0)
        self.pdf.set_creation_date(stamp)
        self.pdf.add_font(FAMILY, fname=main)
        for number, path in enumerate(rare):
            self.pdf.add_font(f"rare{number}", fname=path)
        self.pdf.set_fallback_fonts([f"rare{number}" for number in range(len(rare))], exact_match=False)

    def add(self) -> None:
        """Begin a page."""
        self.pdf.add_page()

    def width(self, text: str, size: float) -> float:
        """Millimetres a text takes."""
        self.pdf.set_font(FAMILY, size=size)
        return float(self.pdf.get_string_width(self.printable(text)))

    def size_for(self, lines: Iterable[str], width: float, largest: float, least: float) -> float:
        """The largest size, down to `least`, at which every line fits the width."""
        widest = max((self.width(line, largest) for line in lines), default=0.0)
        return max(least, largest if widest <= width else largest * width / widest)

    def wrapped(self, text: str, size: float, width: float) -> list[str]:
        """The text broken between any two signs, as Chinese may be."""
        lines = [""]
        for sign in text:
            if lines[-1] and self.width(lines[-1] + sign, size) > width:
                lines.append("")
            lines[-1] += sign
        return lines

    def line(
        self, x: float, y: float, width: float, text: str, size: float, *, align: str = "L", colour: Colour = BLACK
    ) -> float:
        """One line with its upper edge at `y`, cut with `…` where it is too long. Returns the lower edge."""
        shown = self.printable(text)
        while len(shown) > 1 and self.width(shown, size) > width + 0.1:
            shown = shown[:-2] + "…"
        self.pdf.set_font(FAMILY, size=size)
        self.pdf.set_text_color(*colour)
        self.pdf.set_xy(x, y)
        self.pdf.cell(width, line_height(size), shown, align=align, new_x=XPos.LEFT, new_y=YPos.NEXT)
        return y + line_height(size)

    def box(self, x: float, y: float, width: float, height: float, *, fill: int | None = None) -> None:
        """A thin frame, on a grey ground where `fill` (0 black to 255 white) says so."""
        self.pdf.set_line_width(0.3)
        self.pdf.set_draw_color(0)
        if fill is not None:
            self.pdf.set_fill_color(fill)
        self.pdf.rect(x, y, width, height, style="D" if fill is None else "DF")

    def file(self) -> bytes:
        """The finished PDF."""
        return bytes(self.pdf.output())
