"""The hospital's processes and the supervisor that keeps them running."""
