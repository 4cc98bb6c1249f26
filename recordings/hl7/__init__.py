"""HL7 version 2 messages: a tokenizer of our own, and results (ORU, OUL, IHE PCD-01) as recordings."""
