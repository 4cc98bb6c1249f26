"""POCT1-A messages (CLSI POCT1-A2, device messaging layer): XML of point-of-care devices."""
