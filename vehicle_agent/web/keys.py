"""Idempotency keys: one a form, so that two presses are one act."""

import hashlib
import json
import secrets
from collections.abc import Mapping


def fresh_key() -> str:
    """A key for one form as it was shown."""
    return secrets.token_urlsafe(12)


def act_key(typed: Mapping[str, str]) -> str:
    """What makes two posts of a form the same act: its key and all that was typed; "" for a form without a key.

    A form changed and sent again, as after the browser's way back, is another act: answering it with the first one's
    result would show one person's page for what was typed of another.
    """
    if not typed.get("key"):
        return ""
    return hashlib.sha256(json.dumps(sorted(typed.items())).encode()).hexdigest()
