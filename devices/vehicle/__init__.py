"""Drivers of the vehicle's own instruments: where it is, how cold its fridge is. Nobody is their patient."""
