"""The events that the views are measured with: believable, vectorised, the same in every run."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from local.demo_cast import ROLES
from shared.catalogue import FEATURES
from shared.columns import BY_PRICES, COST_SOURCE, DIMENSIONS, LAST_USED, MEASURES, SUMS, USER
from shared.cube import Cube, Dimension
from shared.event import EPOCH

type Column = NDArray[np.int64]

SEED = 7
DAY_MS = 86_400_000
SLOTS = 6  # features that one user works with
CHAT_MODELS = (
    ("azure.ai.openai", "gpt-4o-mini"),
    ("azure.ai.openai", "gpt-4o"),
    ("anthropic", "claude-sonnet-4"),
    ("azure.ai.inference", "own-model"),
)
UNPRICED_MODEL = "own-model"
OTHERS = {  # features that no chat model serves
    "knowledge-search": "ai.embed",
    "transcription": "voice.room",
    "meeting-rooms": "voice.room",
    "outbound-calls": "phone.call",
    "sms-reminders": "phone.sms",
    "ticket-notify": "email.send",
    "policy-scan": "governance.scan",
    "content-safety": "safety.moderate",
}
SHARES = (0.6, 0.25, 0.15)  # of the three models that serve a feature
NAMES = [name.split() for names in ROLES.values() for name in names]


def _kinds() -> list[tuple[str | None, ...]]:
    """What an event can be, three of them a feature: its value of each of `columns.DIMENSIONS`."""
    kinds: list[tuple[str | None, ...]] = []
    for number, (feature, product) in enumerate(FEATURES.items()):
        for slot in range(len(SHARES)):
            if feature in OTHERS:
                kinds.append((feature, product, None, None, OTHERS[feature]))
            else:
                kinds.append((feature, product, *CHAT_MODELS[(number + slot) % len(CHAT_MODELS)], "ai.chat"))
    return list(dict.fromkeys(kinds))


KINDS = _kinds()
KINDS_OF = [[code for code, kind in enumerate(KINDS) if kind[0] == feature] for feature in FEATURES]
KIND_OF = np.array([[own[slot % len(own)] for slot in range(len(SHARES))] for own in KINDS_OF])
IS_UNPRICED = np.array([kind[3] == UNPRICED_MODEL for kind in KINDS])
IS_CHAT = np.array([kind[4] == "ai.chat" for kind in KINDS])


def values_of(name: str) -> list[str | None]:
    """The distinct values of a dimension; the columns of `kind_column` are indexes into them."""
    place = DIMENSIONS.index(name)
    return list(dict.fromkeys(kind[place] for kind in KINDS))


def kind_column(name: str) -> Column:
    """The value of a dimension, as its index, for each kind of event."""
    values, place = values_of(name), DIMENSIONS.index(name)
    return np.array([values.index(kind[place]) for kind in KINDS], dtype=np.int64)


@dataclass(frozen=True)
class Traffic:
    """A tenant: so many events a day by so many people. Its name is its id."""

    name: str
    events: int
    people: int

    @property
    def users(self) -> list[str]:
        """Their ids."""
        return users_of(self.people)

    @cached_property
    def habits(self) -> Column:
        """For each user the features that they work with, the favourite first."""
        random = np.random.default_rng([SEED, self.people, 1])
        return random.integers(0, len(FEATURES), (self.people, SLOTS))

    def day(self, number: int, day: date) -> "Day":
        """The events of a day, in the order of time; they follow from its number."""
        random, count = np.random.default_rng([SEED, self.events, number]), self.events
        user = _zipf(random, self.people, count)
        feature = self.habits[user, _zipf(random, SLOTS, count)]
        kind = KIND_OF[feature, np.searchsorted(np.cumsum(SHARES)[:-1], random.random(count))]
        return Day(self, day, user, kind, _measures(random, kind, day))


@dataclass(frozen=True, slots=True)
class Day:
    """The events of a tenant-day in columns: who, what (an index into KINDS), and the measures."""

    traffic: Traffic
    day: date
    user: Column
    kind: Column
    measures: Mapping[str, Column]

    def cube(self) -> Cube:
        """What a fold of these events would save: one row a user and kind."""
        key, room = self.user * len(KINDS) + self.kind, self.traffic.people * len(KINDS)
        rows = np.flatnonzero(np.bincount(key, minlength=room))
        sums = {  # sums of a day are far below 2**53, where doubles are exact
            name: np.bincount(key, self.measures[name], room)[rows].astype(np.int64) for name in SUMS
        }
        newest = np.zeros(room, dtype=np.int64)
        np.maximum.at(newest, key, self.measures[LAST_USED])
        user, kind = np.divmod(rows, len(KINDS))
        dimensions = {name: Dimension(values_of(name), kind_column(name)[kind]) for name in DIMENSIONS}
        dimensions[USER] = Dimension(self.traffic.users, user)
        dimensions[COST_SOURCE] = Dimension([BY_PRICES], np.zeros(len(rows), dtype=np.int64))
        return Cube(len(rows), dimensions, {**sums, LAST_USED: newest[rows]})


@cache
def users_of(people: int) -> list[str]:
    """The ids of a tenant's users, as Entra ID makes them; their codes are indexes into them."""
    random = np.random.default_rng([SEED, people])
    texts = [row.tobytes().hex() for row in random.integers(0, 256, (people, 16), dtype=np.uint8)]
    return [f"{one[:8]}-{one[8:12]}-{one[12:16]}-{one[16:20]}-{one[20:]}" for one in texts]


def person(number: int) -> tuple[str, str]:
    """The name and the email of a user: names come again, emails do not."""
    first, last = NAMES[number % len(NAMES)][0], NAMES[number // len(NAMES) % len(NAMES)][-1]
    return f"{first} {last}", f"{first}.{last}.{number}@contoso.example".lower()


def start_of(day: date) -> int:
    """The UTC midnight in milliseconds since 1970."""
    return int((datetime.combine(day, datetime.min.time(), UTC) - EPOCH).total_seconds()) * 1000


def _zipf(random: np.random.Generator, ranks: int, count: int) -> Column:
    """So many ranks, of which the first is drawn most."""
    weights = np.cumsum(1 / np.arange(1, ranks + 1))
    return np.searchsorted(weights / weights[-1], random.random(count), side="right").clip(0, ranks - 1)


def _measures(random: np.random.Generator, kind: Column, day: date) -> dict[str, Column]:
    count, is_chat, unpriced = len(kind), IS_CHAT[kind], IS_UNPRICED[kind]
    measures: dict[str, Column] = {name: np.zeros(count, dtype=np.int64) for name in MEASURES}
    measures["requests"] += 1
    measures["input_tokens"] = (random.exponential(1_500, count) + 20).astype(np.int64) * is_chat
    measures["output_tokens"] = (random.exponential(300, count) + 5).astype(np.int64) * is_chat
    measures["cache_read_input_tokens"] = measures["input_tokens"] // 3 * (random.random(count) < 0.4)
    measures["reasoning_output_tokens"] = measures["output_tokens"] // 2 * (random.random(count) < 0.2)
    tokens = measures["input_tokens"] + measures["output_tokens"]
    measures["quantity"] = np.where(is_chat, tokens, random.integers(1, 60, count)) * 1_000
    priced = measures["input_tokens"] * 150 + measures["output_tokens"] * 600 + ~is_chat * 4_000_000
    measures["cost"] = priced * ~unpriced
    measures["unpriced"] = unpriced.astype(np.int64)
    measures[LAST_USED] = start_of(day) + np.arange(count) * DAY_MS // count
    return measures
