"""Envelopes in: parts made durable, whole files opened, applied once and answered by a signed receipt."""
