"""What the county pulls: a dense sequence of rows, and what is still missing from it."""
