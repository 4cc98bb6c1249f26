"""Draws one recording inside limits: `python -m cloud_hospital.web.picture FILE MODALITY LANG`.

Writes the media type, a line feed and the picture to stdout; a refusal is one line on stderr and exit code 3. It runs
as a child of the web process, because it decodes what a device sent (law 12).
"""

import resource
import sys
from datetime import datetime
from pathlib import Path
from typing import Final

from clinic_records.clock import CHINA
from clinic_records.errors import RefusedInput
from clinic_web.draw.ecg import ecg_svg
from clinic_web.draw.flow_volume import flow_volume_svg
from recordings.decode import decode
from recordings.signal import DecodedRecording

MEMORY: Final = 1536 * 1024 * 1024
"""Bytes of address space: a 200 MB ultrasound loop with its decoder fits, a decompression bomb does not."""
CPU_S: Final = 30
"""Seconds of processor time."""


def draw(raw: bytes, modality: str, lang: str) -> tuple[str, bytes]:
    """(media type, picture): the first frame, the flow-volume curve, or the leads on ECG paper.

    Raises:
        RefusedInput: the bytes cannot be decoded, or hold nothing to draw.
    """
    decoded = decode(raw)
    if decoded.frames is not None:
        return "image/png", decoded.frames.png(0)
    if not decoded.signals:
        raise RefusedInput(f"{decoded.format}: no curve and no picture in it")
    caption = _caption(decoded.start, lang)
    if modality == "spirometry":
        return "image/svg+xml", _curve(decoded, caption).encode()
    return "image/svg+xml", ecg_svg(decoded.signals, caption=caption).encode()


def _curve(decoded: DecodedRecording, caption: str) -> str:
    signals = {signal.name: signal for signal in decoded.signals}
    if not {"volume", "flow"} <= set(signals):
        raise RefusedInput(f"{decoded.format}: no volume and flow in it")
    return flow_volume_svg(signals["volume"].samples, signals["flow"].samples, caption=caption)


def _caption(start: datetime | None, lang: str) -> str:
    if start is None:
        return "device without a clock" if lang == "en" else "设备没有时钟"
    local = start.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")
    return f"{local} device time" if lang == "en" else f"{local} 设备时间"


def main(path: Path, modality: str, lang: str) -> int:
    """Set the limits, draw, write."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        media_type, picture = draw(path.read_bytes(), modality, lang)
    except RefusedInput as error:
        print(error, file=sys.stderr)
        return error.exit_code
    sys.stdout.buffer.write(media_type.encode() + b"\n" + picture)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:4]))
