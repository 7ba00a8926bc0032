"""The directory of a tenant's users: the newest name and email of each, in shards by a hash of the id.

A user can be erased. The name and the email leave the directory, which from then on keeps a hash of the
id and a random pseudonym. Whatever is read of users passes `pseudonyms`, as `shared.reading` does, so
that usage already counted and usage to come are shown under the pseudonym and no total changes. The id
itself stays, shown nowhere, in rollups and claims. Segments keep it too, and the name and email that
events came with, until they expire after 40 days; those of imported history do not expire. So do events
that were rejected, whose payload the operator can read.

A shard has room for some seven thousand users. Once it is full it takes no more names and none that are
longer: these users are shown without, a warning is logged, and usage is counted as ever.
"""

import hashlib
import json
import logging
import secrets
import zlib
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from shared.columns import Value
from shared.errors import Busy, Conflict
from shared.ports import Document, ShardName, Stores, Usage

SHARDS = 16
MAX_SHARD = 1_000_000  # bytes of names; the rest of the 2 MB of a document is for who is erased
ATTEMPTS = 5
log = logging.getLogger("usage.directory")


@dataclass(frozen=True, slots=True)
class Person:
    """What is shown of a user; `seen` says (in milliseconds since 1970) how new that is."""

    name: str | None
    email: str | None
    seen: int


type People = Mapping[str, Person]


@dataclass(frozen=True, slots=True, eq=False)
class Known(Mapping[str, Person]):
    """Everybody but those erased, each looked up when asked for: a page shows few of many.

    `shards` are those of the directory; `named` are others, whom segments name.
    """

    shards: Sequence[Document]
    stored: Mapping[str, Document]
    named: People
    shown: Callable[[Value], Value]
    erased: Collection[str]

    def __getitem__(self, user: str) -> Person:
        if self.shown(user) != user or user in self.erased:
            raise KeyError(user)
        stored = self.stored.get(_shard_id(_number(user)), {}).get(user)
        if stored is None:
            return self.named[user]
        return _both(Person(**stored), self.named[user]) if user in self.named else Person(**stored)

    def __iter__(self) -> Iterator[str]:
        users = dict.fromkeys(chain(*self.stored.values(), self.named))
        return (user for user in users if user in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


async def shards(stores: Stores, tenant_id: str, heads: Sequence[Document]) -> list[Document]:
    """The shards of these states. They are large and seldom change: this process keeps those it has read."""
    kept = kept_shards(stores, shard_names(tenant_id, heads))
    if kept is not None:
        return kept
    found = await stores.usage.directory(tenant_id)
    for name, shard in zip(shard_names(tenant_id, found), found, strict=True):
        stores.shards.put(name, shard)
    return found


def kept_shards(stores: Stores, names: Sequence[ShardName]) -> list[Document] | None:
    """The shards of these names; None if one of them is not kept, or two are states of the same shard."""
    kept = {shard["id"]: shard for name in names if (shard := stores.shards.get(name))}
    return [*kept.values()] if len(kept) == len({*names}) else None


def shard_names(tenant_id: str, shards: Sequence[Document]) -> list[ShardName]:
    """What tells each state of a shard from any other."""
    return [(tenant_id, shard["id"], shard["_etag"]) for shard in shards]


async def load(usage: Usage, tenant_id: str) -> People:
    """Everybody known so far."""
    return people(await usage.directory(tenant_id), {})


def people(shards: Sequence[Document], named: People) -> Known:
    """Everybody whom the directory names, and these others, but for those that are erased."""
    stored = {shard["id"]: shard["people"] for shard in shards}
    return Known(shards, stored, named, pseudonyms(shards), set(_erased(shards).values()))


def pseudonyms(shards: Sequence[Document]) -> Callable[[Value], Value]:
    """What stands for each user, by the tenant's directory: the id, or the pseudonym of one erased."""
    erased = _erased(shards)
    if not erased:
        return lambda user: user
    tenant_id = shards[0]["tenantId"]
    return lambda user: user if user is None else erased.get(_hash(tenant_id, user), user)


def newest(*sources: People) -> dict[str, Person]:
    """One entry a user: the name and the email seen last."""
    people: dict[str, Person] = {}
    for source in sources:
        for user, person in source.items():
            people[user] = _both(people[user], person) if user in people else person
    return people


def of_segments(segments: Sequence[Document]) -> dict[str, Person]:
    """The people that segments name."""
    return newest(*(_people(segment) for segment in segments))


async def learn(usage: Usage, tenant_id: str, segments: Sequence[Document]) -> None:
    """Keeps what the segments say of people. Done before the fold commits: nothing named is forgotten."""
    news = of_segments(segments)

    async def attempt() -> bool:
        shards = await usage.directory(tenant_id)
        known = people(shards, news)
        return await _tell(usage, tenant_id, shards, {user: known[user] for user in news if user in known})

    if news:
        await _insist(tenant_id, attempt)


async def update(stores: Stores, tenant_id: str, user: str, person: Person) -> Person:
    """Puts a name and an email in place of those known; an absent one stays. Gives what is known then.

    Raises Conflict when the user is erased, or the directory full.
    """

    async def attempt() -> Person | None:
        shards = await stores.usage.directory(tenant_id)
        if pseudonyms(shards)(user) != user or user in _erased(shards).values():
            raise Conflict("This user has been erased.")
        old = _shard(shards, _number(user))
        known = _people(old).get(user, person)
        seen = max(person.seen, known.seen)
        after = Person(person.name or known.name, person.email or known.email, seen)
        entries = _fitting(old, {user: _entry(after)})
        if not entries:
            raise Conflict("The directory of users is full.")
        document = {**old, "people": {**old["people"], **entries}}
        return after if await _commit(stores.usage, tenant_id, document) else None

    known = await _insist(tenant_id, attempt)
    await stores.marks.mark_tenant(tenant_id)
    return known


async def erase(stores: Stores, tenant_id: str, user: str) -> str:
    """Erases a user, who need not be known; gives the pseudonym, the same one each time."""

    async def attempt() -> str | None:
        shards = await stores.usage.directory(tenant_id)
        shown, erased = pseudonyms(shards)(user), _erased(shards)
        if shown != user or user in erased.values():
            return shown
        pseudonym = _pseudonym(erased.values())
        old = _shard(shards, _number(user))
        document = {
            **old,
            "people": {one: entry for one, entry in old["people"].items() if one != user},
            "erased": {**old["erased"], _hash(tenant_id, user): pseudonym},
        }
        return pseudonym if await _commit(stores.usage, tenant_id, document) else None

    pseudonym = await _insist(tenant_id, attempt)
    await stores.marks.mark_tenant(tenant_id)  # also if erased before: that run may have ended before this
    return pseudonym


async def _tell(usage: Usage, tenant_id: str, shards: Sequence[Document], news: People) -> bool:
    """Writes the shards in which these entries are news; False if others came first."""
    done = True
    for number in sorted({_number(user) for user in news}):
        part = {user: person for user, person in news.items() if _number(user) == number}
        old = _shard(shards, number)
        known = _people(old)
        new = {user for user, person in part.items() if user not in known or not _same(known[user], person)}
        if not new:
            continue
        entries = _fitting(old, {user: _entry(person) for user, person in part.items()})
        if missing := new - entries.keys():
            log.warning("no room for the names of %d users of %s", len(missing), tenant_id)
        if new & entries.keys():
            done &= await _commit(usage, tenant_id, {**old, "people": {**old["people"], **entries}})
    return done


def _fitting(shard: Document, entries: Mapping[str, Document]) -> dict[str, Document]:
    """Those of the entries for which the shard has room; one that takes no more than before always fits."""
    people, fitting, room = shard["people"], dict[str, Document](), MAX_SHARD - _size(shard["people"])
    for user, entry in entries.items():
        more = _size({user: entry}) - (_size({user: people[user]}) if user in people else 0)
        if more <= max(room, 0):
            fitting[user] = entry
            room -= more
    return fitting


def _size(value: Document) -> int:
    """How many bytes the client sends for it."""
    return len(json.dumps(value))


async def _insist[T](tenant_id: str, attempt: Callable[[], Awaitable[T | None]]) -> T:
    """The result of the first attempt that has one. Raises Busy when none of a few has."""
    for _ in range(ATTEMPTS):
        if result := await attempt():
            return result
    raise Busy(f"the directory of {tenant_id} could not be written: others kept changing it")


def _both(one: Person, other: Person) -> Person:
    """What the newer of the two says, and what only the older one does."""
    older, newer = sorted((one, other), key=lambda each: each.seen)
    return Person(newer.name or older.name, newer.email or older.email, newer.seen)


def _same(one: Person, other: Person) -> bool:
    return (one.name, one.email) == (other.name, other.email)


def _erased(shards: Sequence[Document]) -> dict[str, str]:
    """The pseudonyms by the hashes of ids."""
    return {key: name for shard in shards for key, name in shard.get("erased", {}).items()}


def _hash(tenant_id: str, user: str) -> str:
    return hashlib.sha256(f"{tenant_id}|{user}".encode()).hexdigest()[:32]


def _pseudonym(taken: Iterable[str]) -> str:
    """A new one: it tells nothing of the user."""
    name = f"erased-{secrets.token_hex(4)}"
    return _pseudonym(taken) if name in taken else name


def _number(user: str) -> int:
    return zlib.crc32(user.encode()) % SHARDS


def _shard_id(number: int) -> str:
    return f"directory|{number}"


def _people(document: Document) -> dict[str, Person]:
    return {user: Person(**person) for user, person in document["people"].items()}


def _entry(person: Person) -> Document:
    return {"name": person.name, "email": person.email, "seen": person.seen}


def _shard(shards: Sequence[Document], number: int) -> Document:
    """The shard of that number as it is stored, or an empty one."""
    name = _shard_id(number)
    found: Document = next((one for one in shards if one["id"] == name), {"people": {}})
    return {"id": name, "erased": {}, **found}


async def _commit(usage: Usage, tenant_id: str, shard: Document) -> bool:
    own = {key: value for key, value in shard.items() if not key.startswith("_")}
    document = {**own, "tenantId": tenant_id, "kind": "directory"}
    return await usage.commit(document, shard.get("_etag"))
