"""The one door to SQLCipher: sqlite-utils must find it as `pysqlite3`, so that both raise the same error classes.

Import this module before anything imports `sqlite_utils`; import `sqlite_utils` from here.
"""

import sys
from typing import TYPE_CHECKING

import sqlcipher3
from sqlcipher3 import dbapi2

sys.modules.setdefault("pysqlite3", sqlcipher3)
sys.modules.setdefault("pysqlite3.dbapi2", dbapi2)

# sqlite-utils loads numpy and pandas where it finds them and goes on without: 20 MiB the idle agent does without
_unloaded = [name for name in ("numpy", "pandas") if name not in sys.modules]
sys.modules.update(dict.fromkeys(_unloaded))  # type: ignore[arg-type]  # None there means "cannot be imported"
import sqlite_utils  # noqa: E402  the alias above must come first
from sqlite_utils.migrations import Migrations  # noqa: E402  the alias above must come first

for _name in _unloaded:
    del sys.modules[_name]

if TYPE_CHECKING:
    from sqlite3 import Connection, DatabaseError, OperationalError  # the same interface, with types
else:
    from sqlcipher3.dbapi2 import Connection, DatabaseError, OperationalError

connect = dbapi2.connect

__all__ = ["Connection", "DatabaseError", "Migrations", "OperationalError", "connect", "sqlite_utils"]
