"""Executors of the product's stores without threads: what is put aside is done at once, in order, so a seed repeats."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import ExitStack, contextmanager
from typing import ParamSpec, TypeVar
from unittest.mock import patch

from cloud_hospital.intake import counter, parts

A = TypeVar("A")
P = ParamSpec("P")
T = TypeVar("T")


class InlineExecutor(Executor):
    """What the intake uses of `concurrent.futures.ThreadPoolExecutor`, in the caller's thread."""

    def __init__(self, *_: object) -> None:
        pass

    def submit(self, act: Callable[P, T], /, *said: P.args, **named: P.kwargs) -> "Future[T]":
        """Done on return."""
        done: Future[T] = Future()
        try:
            done.set_result(act(*said, **named))
        except Exception as error:  # noqa: BLE001  # the future's owner is to hear of it
            done.set_exception(error)
        return done


@contextmanager
def without_threads() -> Iterator[None]:
    """Inside the block the intake writes and opens files one after the other."""
    with ExitStack() as stack:
        for module in (counter, parts):
            stack.enter_context(patch.object(module, "ThreadPoolExecutor", InlineExecutor, create=True))
        yield
