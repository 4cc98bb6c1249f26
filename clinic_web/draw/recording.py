"""Raw bytes of a recording -> its picture: runs in limited children only, because it decodes what a device sent."""

from datetime import datetime
from typing import Final

from clinic_records.clock import CHINA
from clinic_records.errors import Hint, RefusedInput
from clinic_web.draw.ecg import ecg_svg
from clinic_web.draw.flow_volume import flow_volume_svg
from clinic_web.draw.picture import USUAL, Picture, View
from clinic_web.draw.pleth import pleth_svg
from clinic_web.draw.report import report_svg
from recordings.decode import decode_all
from recordings.signal import DecodedRecording, DocumentFile, Frames

SVG: Final = "image/svg+xml"
PNG: Final = "image/png"
WEBP: Final = "image/webp"


def draw(raw: bytes, modality: str, lang: str, *, part: int = 0, view: View = USUAL) -> Picture:
    """The picture of recording `part` in the raw bytes.

    Usually the middle frame, the report's text, the flow-volume curve, the pulse wave, or the leads on
    ECG paper.

    Raises:
        RefusedInput: the bytes cannot be decoded, or hold nothing to draw.
    """
    found = decode_all(raw)
    if part >= len(found):
        raise RefusedInput(f"part {part} of {len(found)}: the raw bytes hold no such recording")
    decoded = found[part]
    if decoded.frames is not None:
        return _frames(decoded.frames, view)
    if decoded.document is not None:
        return _document(decoded.document, view)
    if not decoded.signals:
        raise RefusedInput(
            f"{decoded.format}: no curve and no picture",
            hint=Hint("没有曲线或图像。", "No curve and no picture in it."),
        )
    caption = _caption(decoded.start, lang)
    if modality == "spirometry":
        return Picture(SVG, _flow_volume(decoded, caption).encode())
    pleth = next((signal for signal in decoded.signals if signal.name == "pleth"), None)
    if pleth is not None:
        return Picture(SVG, pleth_svg(pleth, caption=caption).encode())
    return Picture(SVG, ecg_svg(decoded.signals, caption=caption).encode())


def _frames(frames: Frames, view: View) -> Picture:
    if view.is_clip:
        return Picture(WEBP, frames.clip())
    return Picture(PNG, frames.png(frames.count // 2 if view.frame is None else view.frame))


def _document(found: DocumentFile, view: View) -> Picture:
    if view.is_document:
        return Picture(found.media_type, found.data)
    if found.media_type != "text/plain":
        raise RefusedInput(
            f"{found.media_type}: a document to be opened, not a picture",
            hint=Hint("这是一份文件，请打开看。", "This is a document: open it."),
        )
    return Picture(SVG, report_svg(found.data.decode(), found.title).encode())


def _flow_volume(decoded: DecodedRecording, caption: str) -> str:
    signals = {signal.name: signal for signal in decoded.signals}
    missing = {"volume", "flow"} - set(signals)
    if missing:
        raise RefusedInput(f"{decoded.format}: no {' and no '.join(sorted(missing))} in it")
    return flow_volume_svg(signals["volume"].samples, signals["flow"].samples, caption=caption)


def _caption(start: datetime | None, lang: str) -> str:
    if start is None:
        return "device without a clock" if lang == "en" else "设备没有时钟"
    local = start.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")
    return f"{local} device time" if lang == "en" else f"{local} 设备时间"
