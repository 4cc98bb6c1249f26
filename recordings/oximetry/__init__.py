"""What pulse oximeters on a line send: one spot measurement, from the finger's coming to its going."""
