"""SCP-ECG records (EN 1064:2005+A1:2007, "SCP" below): decoding and encoding."""
