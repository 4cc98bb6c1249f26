"""Raw bytes of a recording -> its picture: runs in limited children only, because it decodes what a device sent."""

from datetime import datetime
from typing import Final

from clinic_records.clock import CHINA
from clinic_records.errors import Hint, RefusedInput
from clinic_web.draw.ecg import ecg_svg
from clinic_web.draw.flow_volume import flow_volume_svg
from clinic_web.draw.picture import Picture
from recordings.decode import decode
from recordings.signal import DecodedRecording

SVG: Final = "image/svg+xml"
PNG: Final = "image/png"


def draw(raw: bytes, modality: str, lang: str) -> Picture:
    """The picture of a recording: the middle frame, the flow-volume curve, or the leads on ECG paper.

    Raises:
        RefusedInput: the bytes cannot be decoded, or hold nothing to draw.
    """
    decoded = decode(raw)
    if decoded.frames is not None:
        return Picture(PNG, decoded.frames.png(decoded.frames.count // 2))
    if not decoded.signals:
        raise RefusedInput(
            f"{decoded.format}: no curve and no picture",
            hint=Hint("没有曲线或图像。", "No curve and no picture in it."),
        )
    caption = _caption(decoded.start, lang)
    if modality == "spirometry":
        return Picture(SVG, _flow_volume(decoded, caption).encode())
    return Picture(SVG, ecg_svg(decoded.signals, caption=caption).encode())


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
