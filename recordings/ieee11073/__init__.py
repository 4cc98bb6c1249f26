"""IEEE 11073-20601 personal health devices: APDUs, configurations, reports, and what they measure."""
