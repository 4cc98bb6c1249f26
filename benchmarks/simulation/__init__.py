"""Whole fleets on the real core and the real stores, in simulated time, from one seed: faults, kills, planted bugs."""
