"""Brings a database to this program's schema; refuses one from the future."""

from pathlib import Path
from typing import Final

from alembic.command import upgrade
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from clinic_records.errors import ConfigError
from cloud_hospital.store.engine import is_postgresql, writing

_SCRIPTS: Final = Path(__file__).parent / "migrations"
_ADVISORY_KEY: Final = 0x4D43_0001
"""Our own number for "migrating", so that two processes starting together do not both do it."""


def config(connection: Connection | None = None) -> Config:
    """Alembic's configuration for our scripts, on an open connection."""
    made = Config()
    made.set_main_option("script_location", str(_SCRIPTS))
    made.set_main_option("path_separator", "os")
    made.attributes["connection"] = connection
    return made


def migrate(engine: Engine) -> None:
    """Run every missing revision in one transaction: all or none.

    Raises:
        ConfigError: the database was written by a newer program.
    """
    known = {script.revision for script in ScriptDirectory.from_config(config()).walk_revisions()}
    with writing(engine) as connection:
        if is_postgresql(engine):
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_KEY})")
        here = MigrationContext.configure(connection).get_current_revision()
        if here is not None and here not in known:
            raise ConfigError(f"the hospital's database is at revision {here}, newer than this program; upgrade first")
        upgrade(config(connection), "head")
