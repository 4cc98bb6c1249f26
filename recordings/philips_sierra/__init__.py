"""Philips Sierra ECG / Philips ECG XML (versions 1.03, 1.04, 1.04.01, 1.04.02)."""
