"""The ground: errors, ids, units, clock and the frozen types of the domain."""
