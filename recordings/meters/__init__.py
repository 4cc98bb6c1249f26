"""Meters that are asked for their memory: one record each, decoded; the packets and layouts beside it."""
