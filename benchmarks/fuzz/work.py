"""`python -m benchmarks.fuzz.work CORPORA NAME FIRST COUNT SECONDS`: one range in a process of its own.

The outcome is one JSON object on stdout. A parser that hangs inside a library, or takes its process down, is seen by
who started it.
"""

import json
import pickle
import sys
import time
import warnings
from dataclasses import asdict
from pathlib import Path

from benchmarks.fuzz.run import run_range
from benchmarks.fuzz.targets import targets


def main(corpora: Path, name: str, first: int, count: int, seconds: float) -> None:
    """Run and tell."""
    warnings.simplefilter("ignore")  # libraries say what is odd in hostile bytes; we look at what escapes
    until = time.monotonic() + seconds
    corpus = pickle.loads(corpora.read_bytes())[name]  # noqa: S301  written by our own parent process
    outcome = run_range(name, targets()[name], corpus, range(first, first + count), lambda: time.monotonic() < until)
    json.dump(asdict(outcome), sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]))
