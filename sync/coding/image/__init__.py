"""Lossless coding of uncompressed DICOM pixels. Heavy libraries: only for child processes."""
