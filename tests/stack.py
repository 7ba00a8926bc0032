"""The running service as tests meet it: an operator and customers over HTTP, publishers on the queue."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from time import monotonic
from typing import Any
from uuid import uuid4

import aiohttp

from local.stack import MASTER_KEY, OPERATOR_KEY, Stack
from shared.publisher import Publisher, queue_of

type Event = dict[str, Any]

DEADLINE = 30.0  # seconds: generous, as only a failing test waits for it
NUMBERS = count(1)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - any JSON
        """The body; numbers with a point are exact decimals."""
        return json.loads(self.raw, parse_float=Decimal)

    @property
    def fields(self) -> list[str]:
        """The fields that problem details name."""
        return [error["field"] for error in self.json["errors"]]


class Api:
    """The service of one stack."""

    def __init__(self, stack: Stack, session: aiohttp.ClientSession) -> None:
        self.stack = stack
        self._session = session

    async def ask(
        self,
        method: str,
        path: str,
        key: str | None = None,
        *,
        body: object = None,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """A request to a path under `/api`, with a JSON body or bytes."""
        given = dict(headers or {}) | ({"Authorization": f"Bearer {key}"} if key else {})
        url = f"{self.stack.url}/api/{path}"
        async with self._session.request(method, url, headers=given, json=body, data=data) as response:
            return Answer(response.status, response.headers, await response.read())

    async def operate(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - any JSON
        """A request of the operator that succeeds; its answer."""
        answer = await self.ask(method, f"operator/{path}", OPERATOR_KEY, body=body)
        assert answer.status < 300, answer
        return answer.json if answer.raw else None

    async def customer(self, tenant_id: str | None = None, **settings: Any) -> "Customer":  # noqa: ANN401
        """A new tenant with a key that may read and ingest."""
        name = tenant_id or f"tenant-{uuid4().hex[:12]}"
        await self.operate("PUT", f"tenants/{name}", {"name": "A customer", **settings})
        return Customer(self, name, await self.new_key(name, "read", "ingest"))

    async def new_key(self, tenant_id: str, *scopes: str, **settings: Any) -> str:  # noqa: ANN401 - any JSON
        """A new key of the tenant."""
        asked = {"scopes": scopes, **settings}
        return str((await self.operate("POST", f"tenants/{tenant_id}/keys", asked))["key"])

    async def send(self, *messages: str) -> None:
        """Puts messages into the queue, each as it is."""
        async with queue_of(self.stack.storage) as queue:
            for message in messages:
                await queue.send_message(message)

    async def waiting(self) -> int:
        """How many messages are in the queue, hidden ones included."""
        async with queue_of(self.stack.storage) as queue:
            return (await queue.get_queue_properties()).approximate_message_count or 0

    async def publish(self, *events: Event, max_events: int = 500) -> None:
        """Sends events as a product does."""
        async with (
            queue_of(self.stack.storage) as queue,
            Publisher(queue, max_events=max_events) as publisher,
        ):
            await publisher.publish_many(events)

    async def run_timer(self, function: str) -> None:
        """Runs a timer function now and waits for its end."""
        url = f"{self.stack.url}/admin/functions/{function}"
        headers = {"x-functions-key": MASTER_KEY, "Prefer": "wait=30"}
        async with self._session.post(url, headers=headers, json={}) as response:
            assert response.status == 200, await response.text()

    async def refused(self, method: str, path: str, body: object = None) -> Answer:
        """A request of the operator that does not succeed; its answer."""
        answer = await self.ask(method, f"operator/{path}", OPERATOR_KEY, body=body)
        assert answer.status >= 400, answer
        assert answer.json["status"] == answer.status
        return answer

    async def rejects(self, **given: object) -> list[dict[str, Any]]:
        """What the operator reads of rejects."""
        query = "&".join(f"{name}={value}" for name, value in given.items())
        found: list[dict[str, Any]] = (await self.operate("GET", f"rejects?{query}"))["data"]
        return found

    async def fault(self, **rule: Any) -> None:  # noqa: ANN401 - any JSON
        """Puts a fault of the Cosmos endpoint in force."""
        async with self._session.post(f"{self.stack.cosmos}/_local/faults", json=rule) as response:
            assert response.status == 204

    async def no_faults(self) -> None:
        """Ends all faults of the Cosmos endpoint."""
        async with self._session.delete(f"{self.stack.cosmos}/_local/faults") as response:
            assert response.status == 204


@dataclass(frozen=True, slots=True)
class Customer:
    """A tenant, and its key that may read and ingest."""

    api: Api
    id: str
    key: str

    def event(self, **fields: Any) -> Event:  # noqa: ANN401 - any JSON
        """A chat request of ten tokens, a minute ago; a field given as None is left out."""
        whole = {
            "id": f"e{next(NUMBERS)}",
            "source": "psa/tickets",
            "tenant_id": self.id,
            "time": ago(minutes=1),
            "user": {"id": "ann"},
            "feature": "ticket-suggest",
            "primitive": "ai.chat",
            "provider": "azure.ai.openai",
            "model": "gpt-4o-mini",
            "input_tokens": 7,
            "output_tokens": 3,
            **fields,
        }
        return {name: value for name, value in whole.items() if value is not None}

    async def ask(self, view: str, **given: object) -> Answer:
        """A question about the tenant's usage; `first` and `last` stand for `from` and `to`."""
        names = {"first": "from", "last": "to"}
        query = "&".join(f"{names.get(name, name)}={value}" for name, value in given.items())
        return await self.api.ask("GET", f"usage/{view}?{query}", self.key)

    async def get(self, view: str, **given: object) -> Any:  # noqa: ANN401 - any JSON
        """The answer to a question that is answered."""
        answer = await self.ask(view, **given)
        assert answer.status == 200, answer
        return answer.json

    async def requests(self, **given: object) -> int:
        """How many requests are counted in the period."""
        return int((await self.get("summary", **given))["totals"]["requests"])

    async def counts(self, **given: object) -> tuple[int, int, int]:
        """Requests, duplicates and rejects of the period."""
        answer = await self.get("summary", **given)
        fresh = answer["freshness"]
        return answer["totals"]["requests"], fresh["duplicates"], fresh["rejected"]

    async def everything(self, **given: object) -> dict[str, Any]:
        """Rows and totals of every view: what must not change when usage is folded."""
        views = {view: await self.get(view, limit=1000, **given) for view in ("by-feature", "by-user")}
        views["summary"] = await self.get("summary", **given)
        return {view: (answer["data"], answer["totals"]) for view, answer in views.items()}

    async def post(self, *events: object) -> Answer:
        """Sends events over HTTP."""
        return await self.api.ask("POST", "usage/events", self.key, body={"events": events})


@asynccontextmanager
async def api_of(stack: Stack) -> AsyncIterator[Api]:
    """A client of the stack."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
        yield Api(stack, session)


async def eventually[T](probe: Callable[[], Awaitable[T]], expected: T, seconds: float = DEADLINE) -> None:
    """Asks again and again until the answer is the expected one; at the deadline it has to be."""
    deadline = monotonic() + seconds
    while (found := await probe()) != expected:
        assert monotonic() < deadline, f"{found!r} and never {expected!r}"
        await asyncio.sleep(0.05)


def ago(**distance: float) -> str:
    """A moment before now, as events tell it."""
    return (datetime.now(UTC) - timedelta(**distance)).isoformat()
