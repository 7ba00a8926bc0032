"""Single events: the very ones that the views count, newest first, page by page, as long as they live."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from shared import directory, events, export
from shared.catalogue import FEATURES
from shared.days import Period
from shared.errors import InvalidInput
from shared.events import complete_from, events_sheet, list_events
from shared.export import to_csv
from shared.history import Import
from shared.ingest import ingest
from shared.ports import Document
from shared.pricing import Price, PriceBook
from shared.query import EventPageQuery, EventsQuery, ViewQuery
from shared.reprice import Repricing
from shared.rollup import fold_day
from shared.table import Question, list_view
from tests.events import CONTOSO, Event, body, cloud, event
from tests.fake_usage import FakeUsage
from tests.fakes import NOW, Cloud, Process
from tests.shared.test_export import plain, table, told

TODAY = date(2026, 3, 10)
MONTH = Period(TODAY - timedelta(days=29), TODAY)
FILTERS: list[dict[str, Any]] = [
    {},
    {"feature": ["ticket-suggest"]},
    {"user": ["ann", "(none)"]},
    {"product": ["psa", "crm"], "user": ["bob"]},
    {"model": ["nothing"]},
]


def question(now: datetime = NOW, period: Period = MONTH) -> Question:
    """About the last 30 days."""
    return Question(CONTOSO, period, now)


async def ids(cloud: Cloud, asked: Question | None = None, **query: Any) -> list[str]:  # noqa: ANN401
    """The ids of the events of a page."""
    answer = await list_events(cloud.stores(), asked or question(), EventPageQuery(**query))
    return [row["id"] for row in answer["data"]]


def some_events(random: Random, count: int) -> list[Event]:
    """Events of the last days; many at the same time, some without user or price."""
    return [
        event(
            f"e{number}",
            source=random.choice(["a", "b"]),
            time=(NOW - timedelta(minutes=random.choice([0, 1, 500, 1500, 1501, 4000]))).isoformat(),
            user=random.choice([None, {"id": "ann", "name": "Ann"}, {"id": "bob"}]),
            feature=random.choice(["ticket-suggest", "enrichment", "playground"]),
            cost_usd=random.choice([None, "0.000000001", "0.25"]),
        )
        for number in range(count)
    ]


async def stored(random: Random, sent: list[Event]) -> Cloud:
    """These events, in batches of any size, some days folded in between."""
    one = cloud()
    left = random.sample(sent, len(sent))
    while left:
        size = random.randint(1, 5)
        await ingest(one.stores(), body(*left[:size]), NOW)
        left = left[size:]
        one.wait(random.choice([0, 0, 1]))
        if random.random() < 0.2:
            await fold_day(one.stores().usage, "contoso", TODAY - timedelta(days=random.randint(0, 2)), NOW)
    return one


def is_wanted(one: Event, query: dict[str, Any]) -> bool:
    """Whether an event passes the filters."""
    own = {
        "feature": one["feature"],
        "product": FEATURES[one["feature"]],
        "model": one["model"],
        "user": one.get("user", {"id": "(none)"})["id"],
    }
    return all(own[name] in values for name, values in query.items())


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("query", FILTERS, ids=str)
async def test_events_are_those_that_the_views_count(seed: int, query: dict[str, Any]) -> None:
    """Each once, newest first, whatever the page; total and totals are those of by-feature."""
    random = Random(seed)
    sent = some_events(random, 40)
    one = await stored(random, sent)
    wanted = sorted(
        (each for each in sent if is_wanted(each, query)),
        key=lambda each: (-datetime.fromisoformat(each["time"]).timestamp(), each["source"], each["id"]),
    )
    by_feature = await list_view(one.stores(), "by-feature", question(), ViewQuery(**query))
    for size in (1, 7, 1000):
        found: list[str] = []
        for offset in range(0, len(wanted) + 1, size):
            asked = EventPageQuery(**query, limit=size, offset=offset)
            answer = await list_events(one.stores(), question(), asked)
            found += [row["id"] for row in answer["data"]]
            assert answer["pagination"] == {"limit": size, "offset": offset, "total": len(wanted)}
            assert answer["totals"] == by_feature["totals"]
            assert answer["freshness"] == by_feature["freshness"]
        assert found == [each["id"] for each in wanted]
    rows = answer["data"] if size == 1000 else []
    assert sum(row["cost_usd"] or 0 for row in rows) == (by_feature["totals"]["cost_usd"] or 0)
    assert sum(row["cost_usd"] is None for row in rows) == by_feature["totals"]["unpriced_requests"]


async def test_a_row_is_exact() -> None:
    """Every column, with the name seen last, the quantity in units, and null for an unknown price."""
    one = cloud()
    sent = [
        event("1", user={"id": "ann", "name": "Ann", "email": "ann@x"}, input_tokens=90, output_tokens=7,
              cache_read_input_tokens=40, cache_creation_input_tokens=2, reasoning_output_tokens=3,
              time="2026-03-10T11:59:59.987+01:00", cost_usd="0.000000001"),
        event("2", user={"id": "ann", "name": "Ann B"}, feature="sms-reminders", primitive="phone.sms",
              quantity="2.5", provider=None, model=None, input_tokens=None, output_tokens=None),
    ]  # fmt: skip
    await ingest(one.stores(), body(*sent), NOW)
    answer = await list_events(one.stores(), question(), EventPageQuery())
    nobody = dict.fromkeys(
        ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens",
         "reasoning_output_tokens"), 0
    )  # fmt: skip
    assert answer["data"] == [
        {
            "time": "2026-03-10T12:00:00.000+00:00", "id": "2", "source": "psa/tickets",
            "user_id": "ann", "name": "Ann B", "email": "ann@x",
            "feature": "sms-reminders", "product": "voice", "provider": None, "model": None,
            "primitive": "phone.sms", "unit": "messages", "quantity": Decimal("2.5"), **nobody,
            "cost_usd": None,
        },
        {
            "time": "2026-03-10T10:59:59.987+00:00", "id": "1", "source": "psa/tickets",
            "user_id": "ann", "name": "Ann B", "email": "ann@x",
            "feature": "ticket-suggest", "product": "psa", "provider": "azure.ai.openai",
            "model": "gpt-4o-mini", "primitive": "ai.chat", "unit": "tokens", "quantity": Decimal(97),
            "input_tokens": 90, "output_tokens": 7, "cache_read_input_tokens": 40,
            "cache_creation_input_tokens": 2, "reasoning_output_tokens": 3,
            "cost_usd": Decimal("0.000000001"),
        },
    ]  # fmt: skip
    assert answer["complete_from"] == "2026-01-30"


async def test_a_file_has_the_rows_of_the_json() -> None:
    """All pages, cell by cell."""
    random = Random(7)
    one = await stored(random, some_events(random, 40))
    for query in FILTERS:
        answer = told(await list_events(one.stores(), question(), EventPageQuery(**query, limit=1000)))
        header, *rows = table(to_csv(await events_sheet(one.stores(), question(), EventsQuery(**query))))
        assert rows == [[plain(row[column]) for column in header] for row in answer["data"]]


class Watched(FakeUsage):
    """Counts the segments that are read for a list."""

    read = 0

    async def newest_segments(self, tenant_id: str, day: date) -> AsyncIterator[list[Document]]:
        """All segments of the day, in pages."""
        async for page in super().newest_segments(tenant_id, day):
            self.read += len(page)
            yield page


@pytest.mark.parametrize(
    ("asked", "read"), [((1, 0), 2), ((3, 0), 4), ((9, 0), 10), ((4, 6), 6), ((1, 24), 8), ((9, 30), 0)]
)
async def test_no_more_is_read_than_the_page_needs(asked: tuple[int, int], read: int) -> None:
    """Segments stored long before the page's last event, and whole days before the page, stay unread."""
    one = cloud()
    one.now -= timedelta(days=2)
    for number in range(30):  # one an hour: twelve on each of two days, then six
        moment = datetime.fromisoformat("2026-03-08T11:00+00:00") + timedelta(
            days=number // 12, hours=number % 12
        )
        one.now = moment
        await ingest(one.stores(), body(event(f"e{number}", time=moment.isoformat())), moment)
    usage = Watched(one, Process())
    stores = replace(one.stores(), usage=usage)
    limit, offset = asked
    query = EventPageQuery(limit=limit, offset=offset)
    answer = await list_events(stores, question(one.now), query)
    names = [f"e{number}" for number in range(29, -1, -1)]
    assert [row["id"] for row in answer["data"]] == names[offset : offset + limit]
    assert usage.read == read


async def test_late_events_stand_in_their_place() -> None:
    """What was stored last need not be the newest."""
    one = cloud()
    for number, hours in enumerate([0, 5, 1, 9, 3]):
        one.wait(1)
        moment = NOW - timedelta(hours=hours)
        await ingest(one.stores(), body(event(f"{number}", time=moment.isoformat())), NOW)
    assert await ids(one, limit=2) == ["0", "2"]
    assert await ids(one, limit=2, offset=2) == ["4", "1"]


async def test_events_leave_after_forty_days_and_imported_ones_stay() -> None:
    """The page tells from which day on all are there; a file of fewer events than counted is refused."""
    one = cloud()
    old = (NOW - timedelta(days=3)).isoformat()
    importing = Import(one.stores(), CONTOSO, await one.stores().prices.book(), NOW)
    await importing.add([(1, event("imported", time=old))])
    await ingest(one.stores(), body(event("expiring", time=old), event("newer")), NOW)
    for day in (date(2026, 3, 7), TODAY):
        await fold_day(one.stores().usage, "contoso", day, NOW)
    one.wait(40 * 86_400)
    past = question(one.now, Period(date(2026, 3, 1), TODAY))
    assert str(complete_from(past)) == "2026-03-11"
    assert await ids(one, past) == ["imported"]
    assert [await ids(one, past, limit=1, offset=offset) for offset in range(4)] == [[], ["imported"], [], []]
    answer = await list_events(one.stores(), past, EventPageQuery())
    assert answer["pagination"]["total"] == answer["totals"]["requests"] == 3
    with pytest.raises(InvalidInput, match="not valid") as caught:
        await events_sheet(one.stores(), past, EventsQuery())
    assert str(caught.value.errors[0]) == (
        "from: some of these events are kept no longer; from 2026-03-11 on all are"
    )
    only = replace(past, period=Period(date(2026, 3, 11), date(2026, 3, 12)))
    assert len(table(to_csv(await events_sheet(one.stores(), only, EventsQuery())))) == 1


async def test_an_erased_user_is_shown_under_the_pseudonym() -> None:
    """Neither id nor name nor email; the pseudonym finds the events, the id does not."""
    one = cloud()
    sent = event("1", user={"id": "ann", "name": "Ann", "email": "ann@x"})
    await ingest(one.stores(), body(sent, event("2", user={"id": "bob"})), NOW)
    pseudonym = await directory.erase(one.stores(), "contoso", "ann")
    answer = await list_events(one.stores(), question(), EventPageQuery())
    assert [(row["user_id"], row["name"], row["email"]) for row in answer["data"]] == [
        (pseudonym, None, None), ("bob", None, None),
    ]  # fmt: skip
    assert await ids(one, user=[pseudonym]) == ["1"]
    assert await ids(one, user=["ann"]) == []


async def test_repriced_events_have_the_cost_that_the_views_count() -> None:
    """Their sum is the total, before and after."""
    one = cloud()
    await ingest(one.stores(), body(event("1"), event("2", cost_usd="0.5")), NOW)
    price = Price(
        primitive="ai.chat", valid_from=date(2026, 1, 1), input_usd=Decimal(1000), output_usd=Decimal(2000)
    )
    book = PriceBook([price], lambda *_: None)
    costs = []
    for _ in range(2):
        answer = await list_events(one.stores(), question(), EventPageQuery())
        costs.append([row["cost_usd"] for row in answer["data"]])
        assert answer["totals"]["cost_usd"] == sum(cost or 0 for cost in costs[-1])
        await Repricing(one.stores(), CONTOSO, book, NOW).run(MONTH)
    assert costs == [[None, Decimal("0.5")], [Decimal("0.013"), Decimal("0.5")]]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"period": "3m"}, "period"),
        ({"from": "2026-02-07"}, "from"),
        ({"from": "2026-02-07", "to": "2026-03-10"}, "from"),
    ],
)
def test_a_range_is_a_month_at_most(given: dict[str, Any], field: str) -> None:
    """More days are refused, with the parameter at fault; 31 are fine."""
    with pytest.raises(InvalidInput) as caught:
        EventsQuery(**given).days(TODAY)
    assert [one.field for one in caught.value.errors] == [field]
    assert len(EventsQuery(**{"from": "2026-02-08"}).days(TODAY)) == 31
    assert len(EventsQuery().days(TODAY)) == 30


async def test_too_many_events_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file ends somewhere; nothing is left out in silence."""
    one = cloud()
    await ingest(one.stores(), body(event("1"), event("2"), event("3")), NOW)
    for module in (events, export):
        monkeypatch.setattr(module, "MAX_ROWS", 2)
    with pytest.raises(InvalidInput) as caught:
        await events_sheet(one.stores(), question(), EventsQuery())
    assert [one.field for one in caught.value.errors] == ["from"]
