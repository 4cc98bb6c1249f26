"""Alembic's entry: our connection is passed in, so there is no configuration file and no second transaction."""

from alembic import context

from cloud_hospital.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
