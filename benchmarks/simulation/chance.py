"""Every random number of a simulated world from its seed: tokens, ids, keys and the encapsulation of content keys."""

import hmac
import random
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final
from unittest.mock import patch

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sync.keys import OriginKeys, RecipientKey, RecipientPrivate

_KEM: Final = b"KEM\x00\x20"
_HPKE: Final = b"HPKE\x00\x20\x00\x01\x00\x02"
"""Suite ids of DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM (RFC 9180, sections 4.1, 5.1, 7)."""


def _extract(suite: bytes, salt: bytes, label: bytes, key: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + key, "sha256")


def _expand(suite: bytes, key: bytes, label: bytes, info: bytes, size: int) -> bytes:
    labelled = size.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return hmac.digest(key, labelled + b"\x01", "sha256")[:size]  # one block: 32 bytes are the most anybody asks


def wrap_with(ephemeral: bytes, recipient: bytes, secret: bytes, info: bytes) -> bytes:
    """What `RecipientKey.wrap` makes when `ephemeral` is the key it draws (RFC 9180, sections 4.1, 5.1 and 6.1)."""
    private = X25519PrivateKey.from_private_bytes(ephemeral)
    shown = private.public_key().public_bytes_raw()
    shared = private.exchange(X25519PublicKey.from_public_bytes(recipient))
    prk = _extract(_KEM, b"", b"eae_prk", shared)
    shared = _expand(_KEM, prk, b"shared_secret", shown + recipient, 32)
    context = b"\x00" + _extract(_HPKE, b"", b"psk_id_hash", b"") + _extract(_HPKE, b"", b"info_hash", info)
    schedule = _extract(_HPKE, shared, b"secret", b"")
    key = _expand(_HPKE, schedule, b"key", context, 32)
    nonce = _expand(_HPKE, schedule, b"base_nonce", context, 12)
    return shown + AESGCM(key).encrypt(nonce, secret, b"")


@contextmanager
def seeded(seed: str) -> Iterator[random.Random]:
    """All randomness of the product follows from `seed` inside the block; gives the world's own generator."""
    of_product = random.Random(f"product/{seed}")  # noqa: S311  # to be repeated, no secret

    def wrap(self: RecipientKey, secret: bytes, info: bytes) -> bytes:
        return wrap_with(of_product.randbytes(32), self.raw, secret, info)

    changes = (
        patch.object(secrets, "_sysrand", of_product),  # token_bytes, token_hex, token_urlsafe, randbelow
        patch.object(secrets, "randbits", of_product.getrandbits),
        patch.object(OriginKeys, "generate", lambda: OriginKeys.from_bytes(of_product.randbytes(32))),
        patch.object(RecipientPrivate, "generate", lambda: RecipientPrivate.from_bytes(of_product.randbytes(32))),
        patch.object(RecipientKey, "wrap", wrap),
    )
    with ExitStack() as stack:
        for change in changes:
            stack.enter_context(change)
        yield random.Random(f"world/{seed}")  # noqa: S311  # as above
