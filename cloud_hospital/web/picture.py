"""Draws one recording inside limits: `python -m cloud_hospital.web.picture FILE MODALITY LANG PART`.

Writes the media type, a line feed and the picture to stdout; a refusal is one line on stderr and exit code 3. It runs
as a child of the web process, because it decodes what a device sent (law 12).
"""

import resource
import sys
from pathlib import Path
from typing import Final

from clinic_records.errors import RefusedInput
from clinic_web.draw.recording import draw

MEMORY: Final = 1536 * 1024 * 1024
"""Bytes of address space: a 200 MB ultrasound loop with its decoder fits, a decompression bomb does not."""
CPU_S: Final = 30
"""Seconds of processor time."""


def main(path: Path, modality: str, lang: str, part: str) -> int:
    """Set the limits, draw, write."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        picture = draw(path.read_bytes(), modality, lang, part=int(part))
    except RefusedInput as error:
        print(error, file=sys.stderr)
        return error.exit_code
    sys.stdout.buffer.write(picture.media_type.encode() + b"\n" + picture.data)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:5]))
