"""The box's own keys: they work without anybody logged in."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class DeviceKeys:
    """Signing key of the origin, X25519 key of the way down, and the secret that PIN slots are mixed with."""

    @classmethod
    def create(cls, path: Path) -> "DeviceKeys":
        """Make new keys at `path` (mode 600); refuses to replace existing ones (StoreError)."""
        raise NotImplementedError

    @classmethod
    def load(cls, path: Path) -> "DeviceKeys":
        """Read them.

        Raises:
            ConfigError: missing, damaged, or readable by others.
        """
        raise NotImplementedError
