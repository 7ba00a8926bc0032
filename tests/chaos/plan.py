"""What a chaos run sends, and what of it is bad: the seed decides it all."""

import gzip
import hashlib
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from shared.catalogue import FEATURES

type Event = dict[str, Any]
type Breaks = Callable[[Event], tuple[object, str]]

ZONES = (
    "UTC", "Europe/Berlin", "America/New_York", "America/St_Johns",
    "Asia/Kathmandu", "Pacific/Apia", "America/Santiago", "Australia/Lord_Howe",
)  # fmt: skip
SOURCES = ("psa/tickets", "crm/mail")
MOST = 200  # events of a message
BAD, COPIED, REPEATED, POSTED, GARBAGE = 0.02, 0.05, 0.06, 0.15, 0.02
YOUNGEST, OLDEST = timedelta(hours=28), timedelta(days=33)  # of what is posted: the hosts' clocks are wrong


@dataclass(frozen=True, slots=True)
class Bad:
    """What has to be rejected: an event, or a whole message (no index), because of a field.

    `tenant_id` is the tenant in whose figures it is counted, if there is one.
    """

    index: int | None
    field: str
    tenant_id: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it is sent: through the queue, or posted by a client.

    `id` names its rejects: the same bytes have the same ones.
    """

    id: str
    wire: bytes
    good: Sequence[Event] = ()
    bad: Sequence[Bad] = ()
    client: str | None = None

    @property
    def events(self) -> int:
        """How many events it holds; garbage counts as one."""
        return len(self.good) + len(self.bad)


@dataclass(frozen=True, slots=True)
class Plan:
    """All messages in the order in which they are sent, and the tenants' time zones."""

    zones: dict[str, ZoneInfo]
    messages: list[Message]


def make_plan(seed: int, start: datetime, events: int, tenants: int) -> Plan:
    """The plan of a seed: so many events, of them about 10 % duplicates and 2 % bad."""
    writer = Writer(Random(seed), start, [f"tenant-{n:02}" for n in range(tenants)])
    placed: list[tuple[float, int, Message]] = []

    def place(at: float, message: Message) -> int:
        placed.append((at, len(placed), message))
        return message.events

    left, most = events, min(MOST, events // 40)  # small plans have small messages, but not few
    while left > events * REPEATED:
        left -= place(len(placed), writer.message(min(left, writer.random.randint(1, most))))
    originals = list(placed)
    while left:
        at, _, message = writer.random.choice(originals)
        late = writer.random.choice((1, 20, len(originals)))  # at once, soon, or long after
        if writer.random.random() < 0.5 and message.events <= left:
            left -= place(at + late, message)
        elif message.good and not message.client:
            left -= place(at + late, writer.reordered(message.good, left))
    return Plan(writer.zones, [message for *_, message in sorted(placed, key=lambda one: one[:2])])


@dataclass(slots=True)
class Writer:
    """Writes events and messages, as chance has it."""

    random: Random
    start: datetime
    tenants: Sequence[str]
    count: int = 0
    sent: list[Event] = field(default_factory=list)

    @property
    def zones(self) -> dict[str, ZoneInfo]:
        """The time zone of each tenant."""
        return {name: ZoneInfo(ZONES[n % len(ZONES)]) for n, name in enumerate(self.tenants)}

    def message(self, size: int) -> Message:
        """A new message of that size."""
        random = self.random
        if random.random() < GARBAGE:
            return self.garbage()
        client = random.choice(self.tenants) if random.random() < POSTED else None
        chosen = [client] if client else random.sample(self.tenants, min(3, len(self.tenants)))
        late = client or random.random() < 0.15
        around = self.start - random.uniform(YOUNGEST / OLDEST if late else 0, 1) * (
            OLDEST if late else timedelta(days=2)
        )
        good: list[Event] = []
        bad: list[Bad] = []
        sent: list[object] = []
        for index in range(size):
            event = self.event(random.choice(chosen), around)
            kind = random.random()
            if kind < BAD:
                raw, reason = random.choice(BROKEN if client is None else BROKEN_BY_CLIENTS)(event)
                sent.append(raw)
                bad.append(Bad(index, reason, client or self._counted(raw)))
                continue
            if kind < BAD + COPIED and self.sent and not client:
                event = random.choice(self.sent[-5000:])
            good.append(event)
            sent.append(event)
        self.sent += good
        return self.packed(sent, good, bad, client)

    def reordered(self, good: Sequence[Event], most: int) -> Message:
        """Events that have been sent already, in another batch and order."""
        again = self.random.sample(good, min(len(good), most))
        return self.packed(again, again, [], None)

    def packed(
        self, sent: Sequence[object], good: Sequence[Event], bad: Sequence[Bad], client: str | None
    ) -> Message:
        """The message of these events, in one of the forms that are taken."""
        self.count += 1
        document: object = {"batch_id": f"batch-{self.count}", "events": sent}
        if self.random.random() < 0.2:
            document = [cloud_event(one, f"{self.count}-{n}") for n, one in enumerate(sent)]
        text = orjson.dumps(document)
        wire = gzip.compress(text, mtime=0) if self.random.random() < 0.7 or len(text) > 40_000 else text
        if not client and (wire != text or self.random.random() < 0.5):
            wire = b64encode(wire)
        name = hashlib.sha256(text).hexdigest()[:32]
        if client:  # rejects of a client are its own, whoever else sends the same bytes
            name = hashlib.sha256(f"{client} {name}".encode()).hexdigest()[:32]
        return Message(name, wire, good, bad, client)

    def garbage(self) -> Message:
        """A message without a single event to speak of."""
        self.count += 1
        wire = self.random.choice((
            b"no message %d", b'{"events": [{"id": "%d"', b'{"events": [], "n": %d}', b"[NaN, %d]", b'"%d"',
        )) % self.count  # fmt: skip
        bad = [Bad(None, "message")]
        return Message(hashlib.sha256(wire).hexdigest()[:32], wire, (), bad)

    def event(self, tenant: str, around: datetime) -> Event:
        """A new event; every third one is unpriced, or brings its own cost."""
        random = self.random
        self.count += 1
        moment = around - timedelta(seconds=random.randint(0, 1800), microseconds=random.randrange(10**6))
        event: Event = {
            "id": f"{self.count // 2}",  # unique only in its source
            "source": SOURCES[self.count % 2],
            "tenant_id": tenant,
            "time": moment.astimezone(self.zones[tenant]).isoformat(),
            "feature": random.choice(sorted(FEATURES)),
            "model": random.choice(("priced", "unheard-of")),
            **random.choice(USES)(random),
        }
        if random.random() < 0.9:
            event["user"] = {"id": f"user-{int(random.expovariate(0.1)) % 40}"}
        if random.random() < 0.8:
            event["provider"] = random.choice(("azure.ai.openai", "anthropic"))
        if random.random() < 0.33:
            event["cost_usd"] = f"{random.randrange(10**10)}e-9"
        return event

    def _counted(self, raw: object) -> str | None:
        named = raw.get("tenant_id") if isinstance(raw, dict) else None
        return named if named in self.tenants else None


def chat(random: Random) -> Event:
    """A chat request."""
    tokens, cached, out = random.randrange(10**5), random.random(), random.randrange(10**4)
    return {
        "primitive": "ai.chat",
        "input_tokens": tokens,
        "output_tokens": out,
        "cache_read_input_tokens": int(tokens * cached),
        "reasoning_output_tokens": out // 2,
    }


def embed(random: Random) -> Event:
    """An embedding request."""
    return {"primitive": "ai.embed", "input_tokens": random.randrange(10**4), "quantity": 1}


def sms(random: Random) -> Event:
    """Some text messages."""
    return {"primitive": "phone.sms", "quantity": f"{random.randint(1, 9000)}e-3"}


USES = (chat, chat, chat, embed, sms)


def cloud_event(raw: object, number: str) -> object:
    """The same event as CloudEvents 1.0 JSON; what is no event at all stays as it is."""
    if not isinstance(raw, dict):
        return raw
    named = {name: raw[name] for name in ("id", "source", "time")}
    data = {name: value for name, value in raw.items() if name not in named}
    return {"specversion": "1.0", "type": f"usage.{number}", **named, "data": data}


def changed(reason: str, **fields: object) -> Breaks:
    """Breaks an event by other fields."""
    return lambda event: ({**event, **fields}, reason)


def aged(days: int) -> Breaks:
    """Breaks an event by another time: so many days earlier."""

    def breaks(event: Event) -> tuple[object, str]:
        moment = datetime.fromisoformat(event["time"]) - timedelta(days=days)
        return {**event, "time": moment.isoformat()}, "time"

    return breaks


def without(name: str) -> Breaks:
    """Breaks an event by leaving out a field."""
    return lambda event: ({key: value for key, value in event.items() if key != name}, name)


BROKEN_BY_CLIENTS: Sequence[Breaks] = (
    changed("input_tokens", input_tokens=-1),
    changed("cost_usd", cost_usd="-0.1"),
    changed("colour", colour="blue"),
    changed("primitive", primitive="ai.magic"),
    changed("time", time="2026-01-01T00:00:00"),
    changed("tenant_id", tenant_id="nobody"),
    aged(70),
    aged(-70),
    without("feature"),
    lambda _: (7, "event"),
)
BROKEN = (*BROKEN_BY_CLIENTS, without("tenant_id"))
