"""MFER, medical waveform format encoding rules (ISO 22077-1, formerly ISO/TS 11073-92001): decoding and encoding."""
