"""Changes by hand of single visits: where one may go, and what the plan then says of it."""
