"""A prefecture's evening: 64 vehicles come home at once, to one hospital on PostgreSQL with 1 and with 4 workers."""
