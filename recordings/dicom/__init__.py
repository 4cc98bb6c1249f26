"""DICOM objects: waveforms, images, reports and documents, each bounded before it is read."""
