"""Twelve devices talking at once to one vehicle, one shaken loose every few seconds: nothing lost, nothing misbound."""
