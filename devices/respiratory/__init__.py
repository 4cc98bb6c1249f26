"""Drivers of respiratory devices, one file a model or protocol."""
