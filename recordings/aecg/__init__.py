"""HL7 annotated ECG (PORT_MT020001, HL7 v3, release of 2003-12), as the FDA and many ECG carts write it."""
