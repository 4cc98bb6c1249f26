"""Rules over a plan laid out on its days: one module a subject, each a function from Calendar to findings."""
