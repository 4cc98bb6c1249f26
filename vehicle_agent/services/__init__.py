"""Long-running tasks of the agent, each owned by the supervisor."""
