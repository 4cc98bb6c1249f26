"""Decodes one payload inside limits: `python -m cloud_hospital.intake.decode_child CODEC CODED TARGET SIZE`.

It runs as a child of an intake worker, because it decodes what a vehicle sent with libraries that are not ours (law
12, sync rule 13). Exit codes: 0 TARGET is written, 3 the bytes are damaged, 4 they need a later version, 5 the disk
refused; a line on stderr says why.
"""

import os
import resource
import sys
from pathlib import Path
from typing import Final

from clinic_records.errors import BadFrame, RefusedInput
from sync.coding.table import decoded
from sync.envelope import Codec

MEMORY: Final = 768 * 1024 * 1024
"""Bytes of address space: libraries take 300 MiB of it, a block of frames and its picture far less than the rest."""
CPU_S: Final = 20
"""Seconds of processor time, and ..."""
CPU_S_PER_MB: Final = 1
"""... more for each megabyte: the slowest decoder reaches 20 MB/s."""
DAMAGED: Final = 3
TOO_NEW: Final = 4
NO_DISK: Final = 5


def cpu_limit_s(size: int) -> int:
    """Seconds of processor time for a payload of `size` bytes."""
    return CPU_S + CPU_S_PER_MB * size // 1_000_000


def main(codec: str, coded: str, target: str, declared: str) -> int:
    """Set the limits, decode, write."""
    size = int(declared)
    os.nice(5)  # what is urgent passes
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_limit_s(size), cpu_limit_s(size)))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        _write(Codec(codec), Path(coded), Path(target), size)
    except (BadFrame, MemoryError) as error:
        return _said(error, DAMAGED)
    except RefusedInput as error:
        return _said(error, TOO_NEW)
    except OSError as error:
        return _said(error, NO_DISK)
    return 0


def _write(codec: Codec, coded: Path, target: Path, size: int) -> None:
    written = 0
    with coded.open("rb") as src, target.open("wb") as out:
        for piece in decoded(codec, src, size):
            written += len(piece)
            if written > size:
                raise BadFrame(f"payload is longer than the {size} bytes declared")
            out.write(piece)


def _said(error: Exception, code: int) -> int:
    print(str(error) or type(error).__name__, file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:5]))
