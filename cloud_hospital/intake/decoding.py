"""Heavy codecs are decoded in a limited child of the worker, one payload a child: what breaks, breaks alone."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from clinic_records.errors import BadFrame, RefusedInput
from cloud_hospital.intake.decode_child import NO_DISK, TOO_NEW, cpu_limit_s
from cloud_hospital.processes.leash import leashed
from sync.envelope import Codec

WAIT: Final = 4
"""Times its processor time that a child may take, waiting for the processor included."""

_ENVIRONMENT: Final = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
"""Each thread and arena would take address space from the child's limit."""


def decode_in_child(codec: Codec, coded: Path, target: Path, size: int) -> None:
    """Decode the file `coded` into `target`; a sync.seal.HeavyDecoder.

    Raises:
        BadFrame: damaged, or not decoded within the limits: the vehicle is to send it plain.
        RefusedInput: it needs a later version; to be held.
        OSError: the disk refused.
    """
    child = [sys.executable, "-m", "cloud_hospital.intake.decode_child", codec, str(coded), str(target), str(size)]
    environment = {**os.environ, **_ENVIRONMENT}
    limit_s = WAIT * cpu_limit_s(size)
    try:
        done = subprocess.run(leashed(child), capture_output=True, timeout=limit_s, check=False, env=environment)  # noqa: S603  # our own
    except subprocess.TimeoutExpired:
        raise BadFrame(f"codec {codec}: decoding took longer than {limit_s} s") from None
    if done.returncode == 0:
        return
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    said = f"codec {codec}: {lines[-1] if lines else 'no reason given'} (the child ended with {done.returncode})"
    if done.returncode == TOO_NEW:
        raise RefusedInput(said)
    if done.returncode == NO_DISK:
        raise OSError(said)
    raise BadFrame(said)
