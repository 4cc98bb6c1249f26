"""Drivers of what says who somebody is, and of what weighs and measures them; one file a model or protocol."""
