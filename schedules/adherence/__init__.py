"""How the plan was kept: check-ins beside visits."""
