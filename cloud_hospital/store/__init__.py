"""The hospital's records: tables, engine, migrations and the few queries they need."""
