"""Every real device file: what we make of it, and whether independent readers say the same."""
