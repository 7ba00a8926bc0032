"""The directory of a tenant's users: the newest name and email of each, in shards by a hash of the id."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.errors import Busy
from shared.ports import Document, Usage

SHARDS = 16
ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Person:
    """What is shown of a user; `seen` says (in milliseconds since 1970) how new that is."""

    name: str | None
    email: str | None
    seen: int


type People = Mapping[str, Person]


async def load(usage: Usage, tenant_id: str) -> dict[str, Person]:
    """Everybody known so far."""
    people: dict[str, Person] = {}
    for shard in await usage.directory(tenant_id):
        people |= _people(shard)
    return people


def newest(*sources: People) -> dict[str, Person]:
    """One entry a user: the name and the email seen last."""
    people: dict[str, Person] = {}
    for source in sources:
        for user, person in source.items():
            older, newer = sorted((people.get(user, person), person), key=lambda one: one.seen)
            people[user] = Person(newer.name or older.name, newer.email or older.email, newer.seen)
    return people


def of_segments(segments: Sequence[Document]) -> dict[str, Person]:
    """The people that segments name."""
    return newest(*(_people(segment) for segment in segments))


async def learn(usage: Usage, tenant_id: str, segments: Sequence[Document]) -> None:
    """Keeps what the segments say of people. Done before the fold commits: nothing named is forgotten."""
    news = of_segments(segments)
    for _ in range(ATTEMPTS):
        if not news or await _learn(usage, tenant_id, news):
            return
    raise Busy(f"the directory of {tenant_id} could not be written: others kept changing it")


async def _learn(usage: Usage, tenant_id: str, news: People) -> bool:
    shards = {shard["id"]: shard for shard in await usage.directory(tenant_id)}
    done = True
    for number in sorted({_shard(user) for user in news}):
        part = {user: person for user, person in news.items() if _shard(user) == number}
        old = shards.get(f"directory|{number}")
        known = _people(old) if old else {}
        after = newest(known, part)
        if all(user in known and _same(known[user], after[user]) for user in part):
            continue
        done &= await usage.commit(_document(tenant_id, number, after), old["_etag"] if old else None)
    return done


def _same(one: Person, other: Person) -> bool:
    return (one.name, one.email) == (other.name, other.email)


def _shard(user: str) -> int:
    return zlib.crc32(user.encode()) % SHARDS


def _people(document: Document) -> dict[str, Person]:
    return {user: Person(**person) for user, person in document["people"].items()}


def _document(tenant_id: str, number: int, people: People) -> Document:
    return {
        "id": f"directory|{number}",
        "tenantId": tenant_id,
        "kind": "directory",
        "people": {
            user: {"name": person.name, "email": person.email, "seen": person.seen}
            for user, person in people.items()
        },
    }
