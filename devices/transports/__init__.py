"""The wires to devices: one door, `open_transport(url)`, and transports that misbehave on purpose."""
