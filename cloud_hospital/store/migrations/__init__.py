"""Alembic revisions of the hospital's database, run at `init` and at every start."""
