"""A press counts once: the answer to an idempotency key is remembered and given again for the same key.

Holds for double taps and for a browser that posts again after a lost answer, while the server lives.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

T = TypeVar("T")
REMEMBERED: Final = 2000


class Once(Generic[T]):
    """Answers by key, the latest `limit` of them."""

    def __init__(self, limit: int = REMEMBERED) -> None:
        self._limit = limit
        self._answers: OrderedDict[str, asyncio.Future[T]] = OrderedDict()

    async def do(self, key: str, act: Callable[[], Awaitable[T]]) -> T:
        """The result of `act`, run once for a key; an act that raised is forgotten, so that it can be tried again.

        An empty key is nobody's: the act just runs.
        """
        if not key:
            return await act()
        known = self._answers.get(key)
        if known is not None:
            return await asyncio.shield(known)
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._answers[key] = answer
        while len(self._answers) > self._limit:
            self._answers.popitem(last=False)
        try:
            result = await act()
        except BaseException as error:
            self._answers.pop(key, None)
            answer.set_exception(error if isinstance(error, Exception) else asyncio.CancelledError())
            answer.exception()  # marks it as seen: a lone press has nobody else waiting for it
            raise
        answer.set_result(result)
        return result
