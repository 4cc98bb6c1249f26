"""From a device to a Reading: transports, framing, drivers, simulators."""
