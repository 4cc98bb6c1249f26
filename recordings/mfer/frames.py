"""The definitions in force while a file is read, and what MWF_WAV gives under them.

A definition holds for all channels until it is said again; one inside MWF_ATT for its channel. A frame (MWF_WAV) is
SEQ sequences of CHN channels of BLK samples; frames follow each other without a gap. physical = (sample + OFF) x SEN;
samples equal to NUL are none.
"""

from dataclasses import dataclass, field
from math import isfinite
from typing import Final

import numpy as np

from recordings.arrays import FloatArray
from recordings.ecg_values import MAX_HZ, MAX_LEADS, MAX_SAMPLES
from recordings.mfer import tlv
from recordings.mfer.tlv import Definition, damaged, definitions
from recordings.mfer.values import DATA_TYPES, LONG_TERM_ECG, UNITS, ByteOrder, lead, number_as, scaled, whole
from recordings.signal import Signal

_MOST: Final = 1e9
_MAX_PIECES: Final = 10_000
"""Frames times channels: three leads in frames of a second for almost an hour; bounds time."""
_CHANNEL_TAGS: Final = frozenset({tlv.BLK, tlv.SEQ, tlv.LDN, tlv.DTP, tlv.IVL, tlv.SEN, tlv.OFF, tlv.NUL, tlv.WFM})
_HZ: Final = 0
_SECONDS: Final = 1


@dataclass(slots=True)
class State:
    """Byte order, channels, and the definitions for all (`everywhere`) and for each channel."""

    order: ByteOrder = "big"
    charset: str = ""
    channels: int = 1
    everywhere: dict[int, bytes] = field(default_factory=dict)
    own: dict[int, dict[int, bytes]] = field(default_factory=dict)
    pieces: dict[int, list[FloatArray]] = field(default_factory=dict)
    rates: dict[int, float] = field(default_factory=dict)
    taken: dict[int, int] = field(default_factory=dict)
    left_out: int = 0
    asked: int = 0

    def define(self, definition: Definition) -> bool:
        """Take a definition of sampling or layout, or a frame; whether it was one.

        Raises:
            BadFrame: its value cannot be, or the frame's bytes do not fit its layout.
        """
        tag, channel, value, view = definition
        if tag == tlv.BLE:
            self.order = "little" if value[:1] == b"\1" else "big"
        elif tag == tlv.CHN:
            self.channels = whole(value, self.order, tag)
            if not 1 <= self.channels <= MAX_LEADS:
                raise damaged(f"{self.channels} channels")
        elif tag == tlv.ATT:
            own = self.own.setdefault(channel, {})
            own |= {inner.tag: inner.value for inner in definitions(view, 1) if inner.tag in _CHANNEL_TAGS}
        elif tag in _CHANNEL_TAGS:
            self.everywhere[tag] = value
        elif tag == tlv.CMP and any(value[:2]):
            raise damaged("compressed data (MWF_CMP) are not read")
        elif tag == tlv.WAV:
            self._frame(view)
        else:
            return False
        return True

    @property
    def is_long_term(self) -> bool:
        """Whether it is a Holter's (MWF_WFM): recorded long before it is read out."""
        value = self.everywhere.get(tlv.WFM, b"")
        return int.from_bytes(value[:2], self.order) == LONG_TERM_ECG

    def name(self, channel: int) -> str:
        """The channel's lead."""
        value = self.own.get(channel, {}).get(tlv.LDN) or (self.everywhere.get(tlv.LDN, b"") if not channel else b"")
        return lead(value, self.order, self.charset) if value else f"channel {channel + 1}"

    def signals(self) -> tuple[Signal, ...]:
        """All frames, each channel's pieces joined."""
        return tuple(
            Signal(self.name(channel), self._unit(channel), self.rates[channel], np.concatenate(pieces))
            for channel, pieces in sorted(self.pieces.items())
            if pieces
        )

    def _said(self, channel: int, tag: int) -> bytes:
        return self.own.get(channel, {}).get(tag) or self.everywhere.get(tag, b"")

    def _number(self, channel: int, tag: int, default: int) -> int:
        value = self._said(channel, tag)
        return whole(value, self.order, tag) if value else default

    def _frame(self, data: memoryview) -> None:
        """Add a frame's samples; those a channel has no room for are only counted."""
        self.asked += self.channels
        if self.asked > _MAX_PIECES:
            raise damaged(f"more than {_MAX_PIECES} pieces of waveform")
        types = [self._type(channel) for channel in range(self.channels)]
        blocks = [self._number(channel, tlv.BLK, 1) for channel in range(self.channels)]
        widths = [block * kind.itemsize for block, kind in zip(blocks, types, strict=True)]
        if not all(blocks):
            raise damaged("a data block of 0 samples")
        sequences = self._number(0, tlv.SEQ, 0) or len(data) // sum(widths)
        if not sequences or len(data) < sequences * sum(widths):
            raise damaged(f"{len(data)} bytes of waveform for {sequences} sequences of {sum(widths)}")
        table = np.frombuffer(data, np.uint8, sequences * sum(widths)).reshape(sequences, -1)
        at = 0
        for channel, (kind, width) in enumerate(zip(types, widths, strict=True)):
            pieces = self.pieces.setdefault(channel, [])
            room = max(0, MAX_SAMPLES // self.channels - self.taken.get(channel, 0))
            needed = -(-min(room, sequences * blocks[channel]) // blocks[channel])
            stored = np.ascontiguousarray(table[:needed, at : at + width]).view(kind).reshape(-1)[:room]
            at += width
            self.left_out += sequences * blocks[channel] - len(stored)
            if len(stored):
                self.taken[channel] = self.taken.get(channel, 0) + len(stored)
                pieces.append(self._physical(channel, stored))
            rate = self._rate(channel)
            if self.rates.setdefault(channel, rate) != rate:
                raise damaged(f"channel {channel + 1} changes its rate from {self.rates[channel]:g} to {rate:g} Hz")

    def _type(self, channel: int) -> "np.dtype[np.generic]":
        code = (self._said(channel, tlv.DTP) or b"\0")[0]
        if code not in DATA_TYPES:
            raise damaged(f"data type {code} is not read")
        return np.dtype(DATA_TYPES[code]).newbyteorder("<" if self.order == "little" else ">")

    def _physical(self, channel: int, stored: "np.ndarray[tuple[int, ...], np.dtype[np.generic]]") -> FloatArray:
        code = (self._said(channel, tlv.DTP) or b"\0")[0]
        offset, null = self._said(channel, tlv.OFF), self._said(channel, tlv.NUL)
        with np.errstate(invalid="ignore", over="ignore"):
            values: FloatArray = stored.astype(np.float64)
            if null:
                values[values == number_as(null, code, self.order, tlv.NUL)] = np.nan
            if offset:
                values += number_as(offset, code, self.order, tlv.OFF)
            values *= self._step(channel)[1]
        values[~np.isfinite(values)] = np.nan
        if np.nanmax(np.abs(values), initial=0.0) > _MOST:
            raise damaged(f"channel {channel + 1}: a sample beyond {_MOST:g} {self._unit(channel)}")
        return values

    def _step(self, channel: int) -> tuple[str, float]:
        """Unit and how much of it a step is; a microvolt where nothing is said (ISO 22077-1, table 5)."""
        value = self._said(channel, tlv.SEN)
        if not value:
            return "uV", 1.0
        code, number = scaled(value, self.order, tlv.SEN)
        unit, factor = UNITS.get(code, ("1", 1.0))
        # divided where that keeps the digits: 5000 nV are 5 uV
        return unit, round(number * factor, 12) if isfinite(number * factor) else 0.0

    def _unit(self, channel: int) -> str:
        return self._step(channel)[0]

    def _rate(self, channel: int) -> float:
        """Samples a second; 1000 where nothing is said (ISO 22077-1, table 4)."""
        value = self._said(channel, tlv.IVL)
        code, number = scaled(value, self.order, tlv.IVL) if value else (_HZ, 1000.0)
        if code not in {_HZ, _SECONDS}:
            raise damaged(f"samples are taken by unit {code}, not by time")
        hz = number if code == _HZ else 1 / number
        if not 0 < hz <= MAX_HZ:
            raise damaged(f"{hz:g} samples a second")
        return round(hz, 6)
