"""Curves as SVG in real millimetres."""
