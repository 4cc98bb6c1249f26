"""Where one thing a device says ends and the next begins: bytes in, frames out, no I/O."""
