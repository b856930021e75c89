"""How fast a training goes, and what share of its time it waits for cells."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")


@dataclass(kw_only=True, slots=True)
class Speed:
    """Steps that this process took; those before it was killed are not among them."""

    tokens: int = 0
    """Genes read."""

    seconds: float = 0.0
    """Time from the first step to the last, looks at the held-out loss not counted."""

    waiting_s: float = 0.0
    """Part of it that went by until cells were there."""

    @property
    def tokens_per_s(self) -> float | None:
        """Genes read in a second; None before the first step."""
        return self.tokens / self.seconds if self.seconds else None

    @property
    def utilisation(self) -> float | None:
        """Share of the time in which cells were there to be computed on, from 0 to 1."""
        return 1 - self.waiting_s / self.seconds if self.seconds else None

    @contextmanager
    def step(self) -> Iterator[None]:
        """Count the time of a block as that of a step."""
        start = time.perf_counter()
        yield
        self.seconds += time.perf_counter() - start

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count the time of a block, inside a step, as spent waiting."""
        start = time.perf_counter()
        yield
        self.waiting_s += time.perf_counter() - start


@contextmanager
def read_ahead(read: Callable[[int], Item]) -> Iterator[Callable[[int], Item]]:
    """Yield the same function, whose next number is read while the caller is busy with this one.

    Parameters
    ----------
    read
        Called in one other thread, in the order of the calls.
    """
    waiting: dict[int, Future[Item]] = {}
    with ThreadPoolExecutor(1) as thread:

        def take(number: int) -> Item:
            found = waiting.pop(number, None) or thread.submit(read, number)
            for left in waiting.values():
                left.cancel()
            waiting.clear()
            waiting[number + 1] = thread.submit(read, number + 1)
            return found.result()

        yield take
