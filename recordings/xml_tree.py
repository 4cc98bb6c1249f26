"""XML of devices -> a plain tree, by the standard expat, bounded in bytes, elements and depth.

A document type may be named (GE MUSE names one) but is never fetched; one that declares anything, and every entity but
the five of XML itself, is refused. Chinese devices declare GB 2312, GBK or GB 18030, which expat does not know: the
text is decoded here (XML 1.0 5th edition, appendix F) and always reaches expat as UTF-8.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

from clinic_records.errors import BadFrame, Hint

MAX_BYTES: Final = 8 * 1024 * 1024
"""A resting ECG has half a megabyte."""
MAX_ELEMENTS: Final = 50_000
MAX_DEPTH: Final = 64
_MAX_TOKEN: Final = 256 * 1024
"""Bytes of one tag or comment: expat holds it whole before anybody sees it."""
_STEP: Final = 64 * 1024
_HEAD: Final = 64 * 1024
"""Bytes in which the root element must begin."""
_UTF16: Final = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"))
_CODECS: Final = {
    "iso-8859-1": "iso-8859-1",
    "windows-1252": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "gb18030": "gb18030",
}
"""Declared encoding -> Python's; every other is read as UTF-8."""
_DECLARED: Final = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")
_BEFORE_ROOT: Final = re.compile(r"\s+|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>\[]*>", re.DOTALL)
_ROOT: Final = re.compile(r"<(?:[\w.-]+:)?([A-Za-z_][\w.-]*)")
_SEND_AGAIN = Hint("文件不完整或已损坏，请从设备重发。", "The file is cut or damaged; send it from the device again.")


@dataclass(slots=True)
class Element:
    """One element: names without their prefix, text without what stands in its children."""

    tag: str
    attributes: dict[str, str]
    text: str = ""
    children: list["Element"] = field(default_factory=list)

    def each(self, tag: str) -> Iterator["Element"]:
        """Its children of this name."""
        return (child for child in self.children if child.tag == tag)

    def find(self, *path: str) -> "Element | None":
        """The first element down this path of children."""
        if not path:
            return self
        return next((found for child in self.each(path[0]) if (found := child.find(*path[1:]))), None)

    def descend(self, tag: str) -> Iterator["Element"]:
        """Everything below of this name, in the document's order."""
        waiting = list(reversed(self.children))
        while waiting:
            element = waiting.pop()
            if element.tag == tag:
                yield element
            waiting += reversed(element.children)

    def words(self, *path: str) -> str:
        """The text at `path` with its spaces made single, or empty."""
        found = self.find(*path)
        return " ".join(found.text.split()) if found is not None else ""

    def attribute(self, name: str, *path: str) -> str:
        """The attribute of the element at `path`, or empty."""
        found = self.find(*path)
        return found.attributes.get(name, "").strip() if found is not None else ""


def damaged(message: str) -> BadFrame:
    """The error of XML that cannot be read."""
    return BadFrame(f"XML: {message}", hint=_SEND_AGAIN)


def root_name(raw: bytes) -> str:
    """The name of the root element without its prefix, or empty where the bytes do not begin as XML does."""
    head = raw[:_HEAD].removeprefix(b"\xef\xbb\xbf")
    codec = next((name for mark, name in _UTF16 if head.startswith(mark)), "utf-8")
    if codec == "utf-8" and not head.lstrip().startswith(b"<"):
        return ""
    text = head.decode(codec, "replace")
    at = 0
    while skipped := _BEFORE_ROOT.match(text, at):
        at = skipped.end()
    root = _ROOT.match(text, at)
    return root[1] if root else ""


def parse(raw: bytes) -> Element:
    """The root element.

    Raises:
        BadFrame: not well-formed, too large or too deep, or it declares a document type's content or uses entities.
    """
    if len(raw) > MAX_BYTES:
        raise damaged(f"{len(raw)} bytes are more than {MAX_BYTES}")
    return _Builder().build(_as_utf8(raw))


def base64_bytes(element: Element, where: str) -> bytes:
    """The bytes an element's text stands for; lines may be folded.

    Raises:
        BadFrame: the text is not base64.
    """
    try:
        return base64.b64decode("".join(element.text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise damaged(f"{where}: not base64: {error}") from None


def _as_utf8(raw: bytes) -> bytes:
    declared = _DECLARED.match(raw.removeprefix(b"\xef\xbb\xbf"))
    codec = next((name for mark, name in _UTF16 if raw.startswith(mark)), None)
    codec = codec or (_CODECS.get(declared[1].decode("ascii").lower()) if declared else None)
    if codec is None:
        return raw
    try:
        return raw.decode(codec).encode()
    except UnicodeError as error:
        raise damaged(f"not {codec}: {str(error)[:80]}") from None


class _Builder:
    """One parse: the open elements, and the pieces of their text."""

    def __init__(self) -> None:
        self._open: list[tuple[Element, list[str]]] = []
        self._root: Element | None = None
        self._count = 0

    def build(self, utf8: bytes) -> Element:
        parser = expat.ParserCreate("UTF-8")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = self._doctype
        parser.EntityDeclHandler = self._entity
        parser.SkippedEntityHandler = self._skipped
        try:
            for at in range(0, len(utf8), _STEP):
                step = utf8[at : at + _STEP]
                parser.Parse(step, False)
                if at + len(step) - parser.CurrentByteIndex > _MAX_TOKEN:
                    raise damaged(f"a tag or comment longer than {_MAX_TOKEN} bytes")
            parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise damaged(str(error)) from None
        if self._root is None:
            raise damaged("no element in it")
        return self._root

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > MAX_ELEMENTS or len(self._open) >= MAX_DEPTH:
            raise damaged(f"more than {MAX_ELEMENTS} elements, or deeper than {MAX_DEPTH}")
        element = Element(_local(tag), {_local(name): value for name, value in attributes.items()})
        if self._open:
            self._open[-1][0].children.append(element)
        else:
            self._root = element
        self._open.append((element, []))

    def _end(self, _tag: str) -> None:
        element, pieces = self._open.pop()
        element.text = "".join(pieces)

    def _characters(self, text: str) -> None:
        self._open[-1][1].append(text)

    def _doctype(self, name: str, _system: str | None, _public: str | None, has_internal_subset: bool) -> None:
        if has_internal_subset:
            raise damaged(f"the document type {name[:40]!r} declares content of its own, which is not read")

    def _entity(self, name: str, *_rest: object) -> None:
        raise damaged(f"entity {name[:40]!r} is declared; entities are not read")

    def _skipped(self, name: str, _is_parameter: bool) -> None:
        raise damaged(f"entity {name[:40]!r} is not one of XML's own")


def _local(name: str) -> str:
    return name.rpartition(":")[2]
