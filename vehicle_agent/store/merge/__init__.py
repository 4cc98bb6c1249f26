"""What becomes of a record that came down: one rule a kind."""
