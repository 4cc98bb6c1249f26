"""Spirometry recordings: one device's session record, standard waveform files and curves made by formula."""
