"""Doing the same for many, so that what fails for one keeps none of the others from being done."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from itertools import batched


async def each[T, R](items: Iterable[T], work: Callable[[T], Awaitable[R]], at_once: int = 1) -> list[R]:
    """Works on all items, some at once; gives the results in order.

    Raises an ExceptionGroup of everything that failed, when all has been tried.
    """
    done: list[R] = []
    errors: list[Exception] = []
    for some in batched(items, at_once, strict=False):
        for result in await asyncio.gather(*map(work, some), return_exceptions=True):
            if isinstance(result, Exception):
                errors.append(result)
            elif isinstance(result, BaseException):
                raise result
            else:
                done.append(result)
    if errors:
        raise ExceptionGroup(f"{len(errors)} of {len(errors) + len(done)} failed", errors)
    return done
