"""Pure functions on Readings; every result is a suggestion."""
