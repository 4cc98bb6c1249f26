"""The one door to SQLCipher: sqlite-utils must find it as `pysqlite3`, so that both raise the same error classes.

Import this module before anything imports `sqlite_utils`; import `sqlite_utils` from here.
"""

import sys
from typing import TYPE_CHECKING

import sqlcipher3
from sqlcipher3 import dbapi2

sys.modules.setdefault("pysqlite3", sqlcipher3)
sys.modules.setdefault("pysqlite3.dbapi2", dbapi2)

import sqlite_utils  # noqa: E402  the alias above must come first
from sqlite_utils.migrations import Migrations  # noqa: E402  the alias above must come first

if TYPE_CHECKING:
    from sqlite3 import Connection, DatabaseError, OperationalError  # the same interface, with types
else:
    from sqlcipher3.dbapi2 import Connection, DatabaseError, OperationalError

connect = dbapi2.connect

__all__ = ["Connection", "DatabaseError", "Migrations", "OperationalError", "connect", "sqlite_utils"]
