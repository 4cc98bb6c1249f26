"""GDT's lines and records (GDT 2.1, Qualitaetsring Medizinische Software, sections 2 and 3; GDT 3.5 for `8001`).

A line is a length of three digits, a field id of four and the content, ended by CR LF. The length counts the whole
line in bytes of the file's own encoding, CR LF included: content + 9. Files with bare LF exist and count as if it were
CR LF. A record begins with field 8000 (its kind); 8100 states the bytes of all its lines.
"""

import re
from dataclasses import dataclass
from typing import Final

from clinic_records.errors import BadFrame, Hint

MAX_BYTES: Final = 1 << 20
"""A result file has a few kilobytes; curves lie in files of their own."""
MAX_LINES: Final = 10_000
RECORD_KIND: Final = "8000"
RECORD_SIZE: Final = "8100"
CHARSET: Final = "9206"
_CHARSET_XDT: Final = "9106"
"""The same in a data carrier's header (xDT)."""
VERSION: Final = "9218"
_OVERHEAD: Final = 9
"""Bytes of a line beside its content: length 3, field id 4, CR LF 2."""
_LINE: Final = re.compile(rb"(\d{3})(\d{4})(.*)", re.DOTALL)
_CODECS: Final = {"2": "cp437", "3": "iso8859-1", "4": "iso8859-15"}
"""9206 (GDT 2.1: 2 IBM CP 437, 3 ISO 8859-1; 4 of GDT 3): every byte is a character in each of them."""
_GERMAN_7_BIT: Final = str.maketrans("[\\]{|}~", "ÄÖÜäöüß")
"""9206 = 1: DIN 66003, the German variant of ISO 646."""
_SEND_AGAIN = Hint("文件不完整，请在设备上重新导出。", "The file is not whole; export it from the device again.")


@dataclass(frozen=True, slots=True)
class Record:
    """One record: its kind (6310 ...), its fields in order, and what a reader should know of its bytes."""

    kind: str
    fields: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()

    def first(self, field: str) -> str:
        """Content of the field's first line, without outer spaces; empty where there is none."""
        return next((content.strip() for name, content in self.fields if name == field), "")


def damaged(message: str) -> BadFrame:
    """The error of a file that is GDT, but not whole."""
    return BadFrame(f"GDT file: {message}", hint=_SEND_AGAIN)


def looks_like_gdt(raw: bytes) -> bool:
    """Whether the first line is field 8000 with a record kind of four digits."""
    return re.match(rb"(\xef\xbb\xbf)?0138000\d{4}\s", raw) is not None


def read_records(raw: bytes) -> tuple[Record, ...]:
    """The records of a file, lengths checked.

    Raises:
        BadFrame: too large, a line is none, or a line or record is shorter than it says.
    """
    if len(raw) > MAX_BYTES:
        raise damaged(f"{len(raw)} bytes, more than {MAX_BYTES}")
    lines = [line for line in re.split(rb"[\r\n]+", raw.removeprefix(b"\xef\xbb\xbf").rstrip(b"\x1a\r\n ")) if line]
    if len(lines) > MAX_LINES:
        raise damaged(f"{len(lines)} lines, more than {MAX_LINES}")
    cut = [_cut(line, number) for number, line in enumerate(lines, 1)]
    codec, note = _codec(raw, cut)
    records: list[list[tuple[int, int, str, bytes]]] = []
    for number, (stated, name, content) in enumerate(cut, 1):
        if name == RECORD_KIND:
            records.append([])
        if not records:
            raise damaged(f"line {number}: field {name} before any record (8000)")
        records[-1].append((number, stated, name, content))
    if not records:
        raise damaged("no record (8000) in it")
    return tuple(_record(lines_of, codec, note) for lines_of in records)


def _cut(line: bytes, number: int) -> tuple[int, str, bytes]:
    match = _LINE.fullmatch(line)
    if match is None:
        raise damaged(f"line {number} does not begin with seven digits: {line[:12]!r}")
    return int(match[1]), match[2].decode("ascii"), match[3]


def _codec(raw: bytes, cut: list[tuple[int, str, bytes]]) -> tuple[str, str]:
    """(codec, note): as 9206 says, but UTF-8 where the bytes are UTF-8, which text in no other set happens to be."""
    stated = next((content.strip() for _, name, content in cut if name in {CHARSET, _CHARSET_XDT}), b"")
    code = stated.decode("latin-1")
    if raw.isascii():
        return ("din66003" if code == "1" else "ascii"), ""
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return _CODECS.get(
            code, "cp437"
        ), "" if code in _CODECS else f"character set {code or 'not stated'}, read as cp437"
    return "utf-8", f"character set {code or 'not stated'}, read as utf-8"


def _record(lines: list[tuple[int, int, str, bytes]], codec: str, note: str) -> Record:
    notes = [note] if note else []
    size = 0
    for number, stated, name, content in lines:
        real = len(content) + _OVERHEAD
        size += real
        if stated > real:
            raise damaged(f"line {number} (field {name}) should have {stated} bytes and has {real}")
        if stated < real and stated != len(_text(content, codec)) + _OVERHEAD:
            notes.append(f"line {number} (field {name}) says {stated} bytes and has {real}")
    fields = tuple((name, _text(content, codec)) for _, _, name, content in lines)
    record = Record(fields[0][1].strip(), fields, tuple(notes[:20]))
    told = record.first(RECORD_SIZE)
    if told.isascii() and told.isdigit() and len(told) < 9 and int(told) > size:
        raise damaged(f"record {record.kind} should have {int(told)} bytes and has {size}")
    return record


def _text(content: bytes, codec: str) -> str:
    if codec == "din66003":
        return content.decode("ascii").translate(_GERMAN_7_BIT)
    return content.decode(codec, "replace")
