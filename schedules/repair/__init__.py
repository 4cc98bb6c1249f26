"""Make-up visits for those that holidays, leave, closed roads and broken vehicles take away."""
