"""What a vehicle gives back to a hospital that was restored from a backup and forgot that it had sent it."""

import msgspec


class ReturnedDownlink(msgspec.Struct, frozen=True):
    """One envelope of the way down, as it came (sync rule 3).

    The hospital's own signature on it proves that it made it; the content key opens it, because it was sealed to the
    vehicle's box alone.

    Attributes:
        wire: the wire file.
        content_key: 32 bytes.
    """

    wire: bytes
    content_key: bytes
