"""GDT files: what German-made spirometers, ECG devices and gas analysers write for a practice's program."""
