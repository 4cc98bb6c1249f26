"""Drivers of vital-sign devices on a line: pulse oximeters, blood pressure meters."""
