"""Laboratory messages by ASTM E1394 (LIS2-A2) and the frames of E1381 (LIS1-A) they travel in."""
