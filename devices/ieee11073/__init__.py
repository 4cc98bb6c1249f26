"""Personal health devices by IEEE 11073-20601: we are the manager, each device is an agent."""
