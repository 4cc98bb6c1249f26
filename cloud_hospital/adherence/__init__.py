"""How the vehicles keep the published schedule, from the records they send."""
