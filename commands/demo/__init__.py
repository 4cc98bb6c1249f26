"""One clinic day on this machine, told as it happens."""
