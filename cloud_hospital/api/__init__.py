"""The hospital's programming interface, guarded by tokens."""
