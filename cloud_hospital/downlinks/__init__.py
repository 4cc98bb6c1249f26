"""What the hospital makes for its vehicles: lists, answers, prescriptions, slices of its people."""
