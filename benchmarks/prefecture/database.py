"""A PostgreSQL of our own, in a folder of its own."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from clinic_records.errors import ConfigError

PROGRAMS: Final = "/usr/lib/postgresql/15/bin"
"""Where Debian 12 keeps the server's programs, away from PATH."""
AGAIN_S: Final = 0.3
"""Seconds between two tries to start."""
LIMIT_S: Final = 90.0
"""Seconds for one program of PostgreSQL."""


class Server:
    """Listens on a Unix socket in `folder` only; as root it runs as another user, as PostgreSQL wants it."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self._data = folder / "data"
        self._user = _other_user()
        if self._user:
            shutil.chown(folder, self._user)

    def start(self) -> None:
        """Make the cluster, settings as they come (every commit is fsynced), and start it."""
        self._run("initdb", "-D", self._data, "-U", "clinic", "-A", "trust", "-E", "UTF8", "--no-sync")
        self._start()
        self._run("createdb", "-h", self._folder, "-U", "clinic", "clinic")

    def start_again(self) -> None:
        """Start it after its end; what a postmaster that was killed left behind ends by itself in a moment.

        Raises:
            ConfigError: it does not start within LIMIT_S.
        """
        until = time.monotonic() + LIMIT_S
        while True:
            try:
                return self._start()
            except ConfigError:
                if time.monotonic() > until:
                    raise
                time.sleep(AGAIN_S)

    def _start(self) -> None:
        self._ctl("start", "-o", f"-k {self._folder} -c listen_addresses='' -c max_connections=100")

    @property
    def pid(self) -> int:
        """Of the postmaster.

        Raises:
            FileNotFoundError: it does not run.
        """
        return int((self._data / "postmaster.pid").read_text("ascii").split(maxsplit=1)[0])

    def stop(self) -> None:
        """End it at once; nothing here is kept."""
        if (self._data / "postmaster.pid").exists():
            self._ctl("stop", "-m", "immediate")

    def database(self, name: str) -> str:
        """A new database; its URL."""
        self._run("createdb", "-h", self._folder, "-U", "clinic", name)
        return f"postgresql+psycopg://clinic@/{name}?host={self._folder}"

    def _ctl(self, *arguments: object) -> None:
        self._run("pg_ctl", "-w", "-t", "60", "-D", self._data, "-l", self._folder / "log", *arguments)

    def _run(self, program: str, *arguments: object) -> None:
        command = [str(self._programs / program), *map(str, arguments)]
        done = subprocess.run(
            command,
            cwd=self._folder,
            user=self._user,
            env={**os.environ, "HOME": str(self._folder)},
            stdout=subprocess.DEVNULL,  # pg_ctl's server would hold a pipe open
            stderr=subprocess.DEVNULL,
            timeout=LIMIT_S,
            check=False,
        )
        if done.returncode != 0:
            raise ConfigError(f"{program} ended with {done.returncode}; see {self._folder}/log")


def _other_user() -> str | None:
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in names)


def programs() -> Path | None:
    """The folder of PostgreSQL's programs; None where it is not installed."""
    initdb = shutil.which("initdb") or shutil.which("initdb", path=PROGRAMS)
    return None if initdb is None else Path(initdb).resolve().parent


@contextmanager
def postgresql() -> Iterator[Server]:
    """A running server.

    Raises:
        ConfigError: PostgreSQL is not installed, or does not start.
    """
    where = programs()
    if where is None:
        raise ConfigError("initdb of PostgreSQL is not installed; run `make system-packages` as root")
    # not TMPDIR: a parent of it may be closed to the user the server runs as
    with tempfile.TemporaryDirectory(prefix="clinic-pg-", dir="/tmp") as folder:
        server = Server(where, Path(folder))
        try:
            server.start()
            yield server
        finally:
            server.stop()
