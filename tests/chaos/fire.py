"""The faults of a chaos run: each one happens again and again, all of them at the same time."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import aiohttp

from local.stack import MASTER_KEY, CannotStart, Process, Stack

HOUR = 3600
PATIENCE = 30  # seconds for a fault to happen at last
CLOCKS = (0, 26 * HOUR, -1.5 * HOUR, 0.5 * HOUR, -10, 7)  # seconds by which the hosts' clocks are off
TIMERS = ("fold_days", "fold_days", "seal_days", "snapshot_quotas", "drop_old")
RULES: dict[str, dict[str, object]] = {
    "Cosmos answers 429": {"operations": ["any"], "status": 429, "retry_after_ms": 20, "times": 8},
    "Cosmos answers 503": {"operations": ["any"], "status": 503, "times": 4},
    "Cosmos writes, answers 503": {"operations": ["write"], "status": 503, "when": "after", "times": 4},
    "Cosmos answers 408": {"operations": ["any"], "status": 408, "times": 4},
    "Cosmos writes, answers 408": {"operations": ["write"], "status": 408, "when": "after", "times": 4},
    "Cosmos writes, answer lost": {"operations": ["write"], "status": 503, "when": "lost", "times": 4},
    "Cosmos reads, answer lost": {"operations": ["read", "query"], "status": 503, "when": "lost"},
    "Cosmos is slow": {"operations": ["any"], "delay_ms": 400, "times": 8},
}
HOST, COSMOS, AZURITE, CLOCK, TIMER = (
    "host killed", "Cosmos killed", "Azurite restarted", "hosts' clock jumped", "timer triggered",
)  # fmt: skip
FAULTS = (HOST, COSMOS, AZURITE, CLOCK, TIMER, *RULES)
SECONDS = {HOST: (1.5, 4), COSMOS: (0.5, 1.5), AZURITE: (4, 12), CLOCK: (1, 4), TIMER: (0.3, 1.2)}


@dataclass(slots=True)
class Fire:
    """Sets a stack on fire, whose data are in `folder`. Two hosts run, but for the one just killed.

    `counts` says how often each fault happened; the seed decides what happens when, and `pace` is by how
    much the pauses between are longer.
    """

    stack: Stack
    session: aiohttp.ClientSession
    folder: Path
    seed: int
    pace: float = 1.0
    hosts: list[Process] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    _out: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def burning(self) -> AsyncIterator[None]:
        """Within it everything fails; after it the stack is whole again."""
        async with asyncio.TaskGroup() as group:
            for name, act in (
                (HOST, self._kill_host), (COSMOS, self._trouble_cosmos), (AZURITE, self._restart_azurite),
                (CLOCK, self._move_clock), (TIMER, self._run_timer),
            ):  # fmt: skip
                group.create_task(self._repeat(name, act))
            try:
                yield
            finally:
                self._out.set()
        self.set_clock(0)

    async def spread(self) -> None:
        """Waits until every fault has happened, or for long enough."""
        for _ in range(PATIENCE):
            if all(self.counts[name] for name in FAULTS):
                return
            await asyncio.sleep(1)

    def set_clock(self, seconds: float) -> None:
        """Lets the hosts' clocks be off by so much."""
        new = self.folder / "clock.new"
        new.write_text(str(seconds))
        new.replace(self.folder / "clock")

    async def _repeat(self, name: str, act: Callable[[Random], Awaitable[None]]) -> None:
        random = Random(f"{self.seed} {name}")
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(random.uniform(*SECONDS[name]) * self.pace):
                    await self._out.wait()
                    return
            await act(random)

    async def _kill_host(self, random: Random) -> None:
        victim = self.hosts.pop(random.randrange(len(self.hosts)))
        await victim.kill()
        self.counts[HOST] += 1
        self.hosts.append(await self._new_host())

    async def _new_host(self) -> Process:
        while True:
            with suppress(CannotStart):  # its storage may be down just now
                return await self.stack.start_host()

    async def _restart_azurite(self, _: Random) -> None:
        await self.stack.restart_azurite()
        self.counts[AZURITE] += 1

    async def _move_clock(self, random: Random) -> None:
        self.set_clock(random.choice(CLOCKS))
        self.counts[CLOCK] += 1

    async def _run_timer(self, random: Random) -> None:
        """Starts a timer function, besides those that run on schedule."""
        name, host = random.choice(TIMERS), random.choice(self.hosts)
        with suppress(aiohttp.ClientError, TimeoutError):
            url, key = f"{host.url}/admin/functions/{name}", {"x-functions-key": MASTER_KEY}
            async with self.session.post(url, headers=key, json={}) as response:
                self.counts[TIMER] += response.status == 202

    async def _trouble_cosmos(self, random: Random) -> None:
        """Some faults for a moment, or the end of the process."""
        url = f"{self.stack.cosmos}/_local/faults"
        unseen = [name for name in RULES if not self.counts[name]]
        chosen = unseen[:4] or random.sample(sorted(RULES), 4)
        for name in chosen:
            skip = random.randrange(3) if self.counts[name] else 0
            await self.session.post(url, json=RULES[name] | {"skip": skip})
        await asyncio.sleep(random.uniform(0.5, 1.5))
        async with self.session.get(url) as response:
            for name, rule in zip(chosen, await response.json(), strict=True):
                self.counts[name] += rule["fired"]
        await self.session.delete(url)
        if random.random() < 0.2 or not self.counts[COSMOS]:
            await self.stack.restart_cosmos()
            self.counts[COSMOS] += 1
