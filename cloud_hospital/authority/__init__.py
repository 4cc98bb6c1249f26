"""The hospital's own certificate authority: for the broker, for its workers, for the vehicles."""
