"""One range in a process of its own, so that a parser that hangs inside a library, or takes its process down, is seen.

The processes are forked from one that has loaded every parser.
"""

import multiprocessing
import pickle
import time
import warnings
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from benchmarks.fuzz.run import Outcome, run_range
from benchmarks.fuzz.targets import targets

SLACK_S: Final = 60.0
"""A range that takes so much longer than it was given hangs where no alarm reaches it."""
_FORKING: Final = multiprocessing.get_context("forkserver")
_FORKING.set_forkserver_preload([__name__])


def work(corpora: Path, name: str, first: int, count: int, seconds: float) -> dict[str, Any]:
    """The outcome of one range; a process that hung or died is a finding of its own.

    Args:
        corpora: file with the pickled corpora by target; written by us.
        name: the target.
        first: first seed.
        count: how many seeds, where `seconds` allow.
        seconds: time to feed them.
    """
    receiver, sender = _FORKING.Pipe(duplex=False)
    process = _FORKING.Process(target=_work, args=(sender, corpora, name, first, count, seconds))
    with receiver:
        process.start()
        sender.close()
        is_heard = receiver.poll(seconds + SLACK_S)
        try:
            outcome: dict[str, Any] | None = receiver.recv() if is_heard else None
        except EOFError:
            outcome = None
    if not is_heard:
        process.kill()
    process.join()
    if outcome is not None:
        return outcome
    end = f"exit {process.exitcode}" if is_heard else f"no end after {seconds + SLACK_S:.0f} s"
    return asdict(Outcome(name, first, first + count, findings=[f"{name} seeds from {first}: {end}"]))


def _work(
    teller: "Connection[dict[str, Any], Any]", corpora: Path, name: str, first: int, count: int, seconds: float
) -> None:
    warnings.simplefilter("ignore")  # libraries say what is odd in hostile bytes; we look at what escapes
    until = time.monotonic() + seconds
    corpus = pickle.loads(corpora.read_bytes())[name]  # noqa: S301  written by our own parent process
    outcome = run_range(name, targets()[name], corpus, range(first, first + count), lambda: time.monotonic() < until)
    teller.send(asdict(outcome))
