"""Read a coordinator's files into rows that still know their place."""
