"""A private folder in memory for bytes that a child process reads in plain: nothing of it survives a power cut."""

import hashlib
import os
import shutil
import stat
from pathlib import Path
from typing import Final

MEMORY: Final = Path("/dev/shm")  # noqa: S108  own name, own mode, owner checked below
"""Linux's tmpfs for everybody (shm_overview(7)); pages of it may be swapped, so the install guide switches swap off."""


def work_folder(root: Path) -> Path:
    """The empty work folder of the vehicle in `root`; on its own disk where the machine has no such memory."""
    name = f"clinic-{os.getuid()}-{hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:16]}"
    for folder in (MEMORY / name, root / "run" / "work"):
        try:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(mode=0o700)
        except OSError:
            continue
        found = folder.lstat()
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077:
            return folder
    raise NotADirectoryError(f"{root}: no private work folder can be made")
