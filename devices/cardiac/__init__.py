"""Drivers of cardiac devices, one file a model or protocol."""
