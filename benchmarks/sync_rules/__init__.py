"""The 26 rules of sync: what keeps each, and the test that fails when it is switched off."""
