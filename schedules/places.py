"""Where in the coordinator's files something stands."""

import msgspec


class Place(msgspec.Struct, frozen=True, omit_defaults=True, array_like=True):
    """A row, or one cell of it, as a spreadsheet counts: the header is row 1.

    Attributes:
        sheet: name of the worksheet; empty for a CSV file.
        row: 0 where the finding is about the whole file or sheet.
        column: name in the header; empty where it is about the whole row.
    """

    file: str
    sheet: str = ""
    row: int = 0
    column: str = ""

    def at(self, column: str) -> "Place":
        """The cell of this row in `column`."""
        return Place(self.file, self.sheet, self.row, column)

    def __str__(self) -> str:
        words = [self.file, self.sheet, f"row {self.row}" if self.row else "", self.column]
        return " ".join(word for word in words if word)
