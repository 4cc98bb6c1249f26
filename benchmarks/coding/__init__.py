"""Coders of the wire, measured: size and speed on the generated day, on real frames and on made-up records."""
