"""Idempotency keys: one a form, so that two presses are one act."""

import secrets


def fresh_key() -> str:
    """A key for one form as it was shown."""
    return secrets.token_urlsafe(12)
