"""The broker process the hospital starts: its ports, its users, its configuration."""
