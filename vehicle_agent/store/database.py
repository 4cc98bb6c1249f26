"""Opening the encrypted database, and refusing one that is not what law 1 and the threat model need.

SQLCipher 4 pages: AES-256-CBC with HMAC-SHA512; the raw key form `x'...'` skips its PBKDF2 (Zetetic, SQLCipher API,
"PRAGMA key"), because our key is 256 random bits already.
"""

from pathlib import Path
from typing import Final

from clinic_records.errors import StoreError
from vehicle_agent.store.driver import Connection, DatabaseError, connect

_PLAIN_HEADER: Final = b"SQLite format 3\x00"  # SQLite file format, 1.3.1
_KEY_SIZE: Final = 32  # bytes
_BUSY_S: Final = 30.0  # readers never block the one writer in WAL; only a checkpoint can

# pragma -> (what we set, what it must answer, what it guards)
_MUST: Final = (
    ("journal_mode", "WAL", "wal", "readers beside the writer, and one fsync a commit"),
    ("synchronous", "FULL", 2, "a commit that survives a power cut"),
    ("temp_store", "MEMORY", 2, "no plain temporary files on the disk"),
    ("foreign_keys", "OFF", 0, "records arrive in any order (sync rule 10)"),
)


def open_database(path: Path, key: bytes, *, read_only: bool = False) -> Connection:
    """An open, checked connection in autocommit mode; usable from one thread at a time.

    Args:
        path: the database file; made when missing, unless `read_only`.
        key: the raw 256-bit key.
        read_only: refuse every write on this connection.

    Raises:
        StoreError: the message names what failed: key, cipher, header, or a durability setting.
    """
    if len(key) != _KEY_SIZE:
        raise StoreError(f"{path}: the database key has {len(key)} bytes, not {_KEY_SIZE}")
    try:
        conn: Connection = connect(str(path), isolation_level=None, check_same_thread=False, timeout=_BUSY_S)
    except DatabaseError as error:
        raise StoreError(f"{path}: cannot open: {error}") from error
    try:
        _prepare(conn, path, key, read_only=read_only)
    except BaseException:
        conn.close()
        raise
    return conn


def _prepare(conn: Connection, path: Path, key: bytes, *, read_only: bool) -> None:
    conn.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
    version = conn.execute("PRAGMA cipher_version").fetchone()
    if version is None or not version[0]:
        raise StoreError(f"{path}: cipher_version is empty: this SQLite library does not encrypt; install sqlcipher3")
    try:
        conn.execute("SELECT count(*) FROM sqlite_master").fetchone()
        for pragma, value, expected, guards in _MUST:
            conn.execute(f"PRAGMA {pragma} = {value}")
            found = conn.execute(f"PRAGMA {pragma}").fetchone()[0]
            if found != expected:
                raise StoreError(f"{path}: {pragma} is {found!r}, not {expected!r}; it guards {guards}")
        conn.execute(f"PRAGMA query_only = {int(read_only)}")
    except DatabaseError as error:
        raise StoreError(f"{path}: cannot read it with this key: {error}") from error
    check_header(path)


def check_header(path: Path) -> None:
    """Refuse a file that anybody could read.

    Raises:
        StoreError: it begins like a plain SQLite file.
    """
    with path.open("rb") as handle:
        if handle.read(len(_PLAIN_HEADER)) == _PLAIN_HEADER:
            raise StoreError(f"{path}: header is 'SQLite format 3': the database is not encrypted")
