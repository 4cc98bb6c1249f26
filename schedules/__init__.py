"""Monthly plans of visits: load, check, versions."""
