"""Draws a kept recording for the nurse's page: runs in a limited child only, because it decodes what a device sent."""

from datetime import datetime

from clinic_records.clock import CHINA
from clinic_records.errors import Hint, RefusedInput
from clinic_web.draw.ecg import ecg_svg
from clinic_web.draw.flow_volume import flow_volume_svg
from recordings.decode import decode
from recordings.signal import DecodedRecording
from vehicle_agent.visits.views import Picture

SVG = "image/svg+xml"
PNG = "image/png"


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
    try:
        return flow_volume_svg(signals["volume"].samples, signals["flow"].samples, caption=caption)
    except KeyError as error:
        raise RefusedInput(f"{decoded.format}: no {error} in it") from None


def _caption(start: datetime | None, lang: str) -> str:
    if start is None:
        return "device without a clock" if lang == "en" else "设备没有时钟"
    local = start.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")
    return f"{local} device time" if lang == "en" else f"{local} 设备时间"
