"""HL7 v2 over MLLP: devices that call us with their results, and our acknowledgements."""
