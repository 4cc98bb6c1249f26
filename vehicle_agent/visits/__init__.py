"""What a visit is made of: stops, patients, encounters, arming and binding."""
