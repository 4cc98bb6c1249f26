"""One sealed blob and what opens it; for children too, which need no database: it would be 10 MiB and 0.1 s more."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from clinic_records.errors import NotFound
from clinic_records.ids import BlobHash
from sync.stream import PlainReader, Source

AAD: Final = b"mobile-clinic/blob/v1"


class BlobFile(msgspec.Struct, frozen=True):
    """Where a blob lies and what opens it; all a child process needs."""

    sha256: BlobHash
    size: int
    path: str
    key: bytes

    @contextmanager
    def plain(self) -> Iterator[Source]:
        """A reader of the original bytes; they never touch the disk. Reading raises BadFrame where it is damaged.

        Raises:
            NotFound: the file is gone.
        """
        if not Path(self.path).exists():
            raise NotFound(f"blob {self.sha256}: its file is gone from the blob folder")
        with Path(self.path).open("rb") as handle:
            yield PlainReader(handle, self.key, AAD)
