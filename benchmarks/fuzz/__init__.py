"""Mutated device bytes against every parser and every framing: no escaped exception, no hang, no swelling."""
