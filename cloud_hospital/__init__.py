"""The cloud hospital: intake, store, feed, pull API and pages."""
