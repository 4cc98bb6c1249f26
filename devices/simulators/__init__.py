"""Devices that speak the true protocol over a pty or socket, for tests, the demo and a table without devices."""
