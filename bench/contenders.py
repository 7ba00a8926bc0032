"""Who is asked over HTTP, and how: everybody in the same way, by the same client."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol

import aiohttp
import orjson

from bench.engines import KEYS, Question

TIMING = "Server-Timing"

type Answer = dict[str, tuple[int, ...]]
"""By feature, user or day: requests, input and output tokens, and the cost in nano-dollars."""


@dataclass(frozen=True, slots=True)
class Timed:
    """A body, the seconds that it took, and those of the query alone if the server tells."""

    body: bytes
    took: float
    query: float | None


class Contender(Protocol):
    """Somebody who answers questions over HTTP."""

    @property
    def name(self) -> str:
        """What the report calls it."""
        ...

    async def ask(self, question: Question) -> Timed:
        """An answer as it comes."""
        ...

    def answer(self, question: Question, body: bytes) -> Answer:
        """The numbers of a body, to compare."""
        ...


@dataclass(frozen=True, slots=True)
class Database:
    """One of those behind `bench.service`."""

    name: str
    session: aiohttp.ClientSession
    url: str

    async def ask(self, question: Question) -> Timed:
        """An answer."""
        asked = f"engine={self.name}&tenant={question.tenant}&first={question.first}&last={question.last}"
        return await get(self.session, f"{self.url}/{question.view}?{asked}")

    def answer(self, question: Question, body: bytes) -> Answer:
        """The numbers of a body."""
        return {
            row[KEYS[question.view]]: (
                row["requests"],
                row["input_tokens"],
                row["output_tokens"],
                row["cost"],
            )
            for row in orjson.loads(body)["data"]
        }


async def get(session: aiohttp.ClientSession, url: str, headers: Mapping[str, str] | None = None) -> Timed:
    """An answer, uncompressed. Raises RuntimeError with what a server says that does not give one."""
    asked = {"Accept-Encoding": "identity", **(headers or {})}
    started = time.perf_counter()
    async with session.get(url, headers=asked) as response:
        body = await response.read()
    took = time.perf_counter() - started
    if response.status != HTTPStatus.OK:
        raise RuntimeError(f"{url}: {body.decode()}")
    return Timed(body, took, _seconds(response.headers.get(TIMING)))


def timing(seconds: float) -> str:
    """The value of the header that tells how long the query alone took."""
    return f"query;dur={seconds * 1000:.3f}"


def _seconds(header: str | None) -> float | None:
    return float(header.rpartition("=")[2]) / 1000 if header else None
