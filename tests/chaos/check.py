"""Whether what the service stores and shows is the recount: tells every difference."""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from azure.data.tables.aio import TableServiceClient

from shared.days import month_of
from shared.rebuild import Rebuild
from shared.services import Services
from shared.stores.schema import CLAIMS_TABLE
from tests.chaos.plan import Event
from tests.chaos.recount import KEYS, TOKENS, Numbers, Recount, cost, day_of, numbers, rows
from tests.stack import Answer, Customer

BEFORE, AFTER = timedelta(days=38), timedelta(days=3)  # how far from today the days of a run lie at most
LISTED = timedelta(days=30)  # of single events at once

type Row = Mapping[str, Any]


def compare(what: str, found: object, expected: object) -> Iterator[str]:
    """What to tell if the two are not equal."""
    if found != expected:
        yield f"{what}: {str(found)[:300]} and not {str(expected)[:300]}"


async def check_stores(services: Services, expected: Recount) -> list[str]:
    """Each claim has its event and each event its claim; only months that have not ended are marked."""
    claims = Counter[tuple[str, str]]()
    async with TableServiceClient.from_connection_string(
        services.settings.storage_connection or ""
    ) as tables:
        async for table in tables.list_tables():
            if table.name.startswith(CLAIMS_TABLE):
                entities = tables.get_table_client(table.name).list_entities()
                claims.update([(row["PartitionKey"], row["RowKey"]) async for row in entities])
    told = [*compare("claims without an event", claims - Counter(expected.claims), Counter())]
    told += compare("events without a claim", Counter(expected.claims) - claims, Counter())
    marks = await services.stores.marks.all()
    told += compare("marked days", [(mark.tenant_id, mark.day) for mark in marks], [])
    ended = datetime.now(UTC).date() - timedelta(days=2)
    months = [one for one in await services.stores.marks.months() if month_of(one.day).last < ended]
    return [*told, *compare("marked months that have ended", months, [])]


def check_rejects(listed: Sequence[Row], expected: Recount) -> Iterator[str]:
    """Each bad event and message is listed once, with its reason; nothing else is."""
    found, wanted = Counter(map(_place, listed)), Counter(expected.rejects.keys())
    yield from compare("rejects that are too many", found - wanted, Counter())
    yield from compare("rejects that are missing", wanted - found, Counter())
    for reject in listed:
        field = expected.rejects.get(_place(reject))
        if field not in {None, *(error["field"] for error in reject["errors"])}:
            yield f"reject {reject}: not for {field}"


def _place(reject: Row) -> tuple[str, str]:
    """Batch and index."""
    _, batch, index = reject["id"].split(".")
    return batch, index


async def check_tenant(
    services: Services, customer: Customer, zone: ZoneInfo, expected: Recount
) -> list[str]:
    """Every view of a tenant, as JSON and CSV, and its single events; and the seal finds no difference."""
    today, events = datetime.now(UTC).date(), expected.accepted[customer.id]
    period = {"first": today - BEFORE, "last": today + AFTER}
    told: list[str] = []
    for view in KEYS:
        told += _check_view(view, events, zone, await customer.get(view, limit=1000, **period))
        told += _check_csv(view, events, zone, await customer.ask(f"export/{view}.csv", **period))
    told += _check_summary(customer, expected, await customer.get("summary", **period))
    first, listed = today - BEFORE, list[tuple[str, str, Decimal | None]]()
    while first < today + AFTER:
        last = min(first + LISTED, today + AFTER)
        listed += _listed(await customer.ask("export/events.csv", first=first, last=last))
        first = last + timedelta(days=1)
    wanted = [(one["source"], one["id"], cost(one)) for one in events]
    told += compare("single events", Counter(listed) - Counter(wanted), Counter())
    told += compare("single events that lack", Counter(wanted) - Counter(listed), Counter())
    told += await _recounted(services, customer.id, {day_of(one, zone) for one in events})
    return [f"{customer.id}: {one}" for one in told]


def _check_view(view: str, events: Sequence[Event], zone: ZoneInfo, answer: Row) -> Iterator[str]:
    shown = {_key(view, row): _numbers(row) for row in answer["data"] if row["requests"]}
    yield from compare(view, shown, rows(view, events, zone))
    yield from compare(f"totals of {view}", _numbers(answer["totals"]), numbers(events))


def _check_csv(view: str, events: Sequence[Event], zone: ZoneInfo, answer: Answer) -> Iterator[str]:
    cells = [row for row in _cells(answer) if row["requests"] != "0"]
    yield from compare(
        f"{view}.csv", {_key(view, row): _numbers(row) for row in cells}, rows(view, events, zone)
    )


def _check_summary(customer: Customer, expected: Recount, answer: Row) -> Iterator[str]:
    yield from compare("summary", _numbers(answer["totals"]), numbers(expected.accepted[customer.id]))
    fresh, name = answer["freshness"], customer.id
    yield from compare("duplicates", fresh["duplicates"], expected.duplicates[name])
    yield from compare("rejected", fresh["rejected"], expected.rejected[name])


def _listed(answer: Answer) -> Iterable[tuple[str, str, Decimal | None]]:
    return [
        (row["source"], row["id"], Decimal(row["cost_usd"]) if row["cost_usd"] else None)
        for row in _cells(answer)
    ]


async def _recounted(services: Services, tenant_id: str, days: Iterable[str]) -> Iterator[str]:
    tenant = await services.stores.tenants.find(tenant_id)
    if tenant is None:
        return iter([f"{tenant_id} is no tenant"])
    rebuild = Rebuild(services.stores, tenant, datetime.now(UTC), dry_run=True)
    found = {day: await rebuild.day(date.fromisoformat(day)) for day in days}
    return compare("days beside their segments", found, dict.fromkeys(found, "equal"))


def _cells(answer: Answer) -> list[dict[str, str]]:
    assert answer.status == 200, answer
    return list(csv.DictReader(answer.raw.decode().splitlines()))


def _key(view: str, row: Row) -> tuple[str | None, ...]:
    return tuple(row[column] or None for column in KEYS[view][0])


def _numbers(row: Row) -> Numbers:
    """The figures of a row of JSON or CSV."""
    usd = None if row["cost_usd"] in (None, "") else Decimal(row["cost_usd"])
    tokens = tuple(int(row[name]) for name in TOKENS)
    return Numbers(int(row["requests"]), tokens, usd, int(row["unpriced_requests"]))
