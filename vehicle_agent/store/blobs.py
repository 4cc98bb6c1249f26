"""Blobs at rest: one sealed file each, named by the SHA-256 of its original bytes, its key in the database."""

from pathlib import Path
from typing import BinaryIO

import msgspec

from clinic_records.ids import BlobHash


class KeptBlob(msgspec.Struct, frozen=True):
    """A durable blob: hash and size in bytes of the original."""

    sha256: BlobHash
    size: int


class Blobs:
    """The blob folder of an open store; `store.blobs`. Safe from any thread."""

    def keep(self, source: bytes | Path) -> KeptBlob:
        """Keep bytes or the content of a file; durable on return, once per distinct content.

        Never call it inside a writer job: it waits for one of its own.

        Raises:
            StoreError: the disk refused.
        """
        raise NotImplementedError

    def read(self, sha256: BlobHash) -> bytes:
        """The original bytes, checked.

        Raises:
            NotFound: never kept.
            StoreError: the file is damaged.
        """
        raise NotImplementedError

    def export(self, sha256: BlobHash, target: Path | BinaryIO) -> None:
        """Write the original bytes out; the caller answers for where. Raises as `read`."""
        raise NotImplementedError
