"""The coordinator's work on the plan: what comes in, what is changed by hand, what is published, who has it."""
