"""Results of laboratory devices that speak a text of their own, not ASTM."""
