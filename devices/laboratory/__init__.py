"""Analysers of the vehicle's laboratory that have a line."""
