"""The vehicle's DICOM node: verification, worklist and storage, and what a stored object says."""
