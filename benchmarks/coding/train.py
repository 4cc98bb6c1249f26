"""Make a dictionary of sync/coding/dictionaries: `python -m benchmarks.coding.train NUMBER FILE`.

Only for a new number: one that was released is never made again (another zstd would make other bytes).
"""

import sys
from pathlib import Path
from typing import Final

import zstandard

from benchmarks.coding.records import SEED, made_up

SIZE: Final = 16 * 1024
"""Bytes of a dictionary: twice as much saves under 1 % more of our records."""
RECORDS: Final = 4000


def main(number: str, target: str) -> None:
    """Train and write it."""
    trained = zstandard.train_dictionary(SIZE, [*made_up(SEED, RECORDS)], dict_id=int(number))
    Path(target).write_bytes(trained.as_bytes())


if __name__ == "__main__":
    main(*sys.argv[1:3])
