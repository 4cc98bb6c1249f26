"""ASTM E1381-95 / CLSI LIS1-A, the low-level protocol of laboratory analysers: both ends of it, sans-I/O."""
