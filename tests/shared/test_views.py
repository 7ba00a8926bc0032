"""Figures, tables and views: exact numbers of a hand-made example, whatever the order and the page."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from pydantic import ValidationError

from shared.days import Period
from shared.directory import Person
from shared.figures import percent, top
from shared.ingest import ingest
from shared.order import numbered
from shared.query import ViewQuery
from shared.table import Question, Table, list_view
from shared.tenants import Tenant
from shared.views import VIEWS, Groups, query_of
from tests.events import body, event, usage
from tests.fakes import NOW, Cloud

TENANT = Tenant(
    id="contoso", name="Contoso", time_zone="Europe/Berlin", billing_day=5
)  # fmt: skip
TODAY = date(2026, 3, 10)
WEEK = Period(date(2026, 3, 4), TODAY)
EXAMPLE = [
    event("1", user={"id": "ann", "name": "Ann", "email": "ann@x"}, cost_usd="0.5"),
    event("2", user={"id": "ann"}, feature="call-recap", input_tokens=90, output_tokens=11,
          provider="anthropic"),
    event("3", user={"id": "Bob"}, cost_usd="0.000000001", input_tokens=20, output_tokens=0,
          cache_read_input_tokens=5, cache_creation_input_tokens=6),
    event("4", user=None, time="2026-03-04T00:00:00+01:00", cost_usd=0, output_tokens=6,
          reasoning_output_tokens=6),
    event("5", user=None, time="2026-03-03T23:59:59+01:00", input_tokens=1_000_000),  # before the week
    event("6", user={"id": "cy"}, feature="sms-reminders", primitive="phone.sms", quantity=2, provider=None,
          model=None, input_tokens=None, output_tokens=None),
]  # fmt: skip
SORTS = ("tokens", "-tokens", "cost_usd", "requests")
FIGURES: dict[str, Any] = {
    "requests": 5, "tokens": 144, "input_tokens": 124, "output_tokens": 20,
    "cache_read_input_tokens": 5, "cache_creation_input_tokens": 6, "reasoning_output_tokens": 6,
    "cost_usd": Decimal("0.500000001"), "unpriced_requests": 2,
}  # fmt: skip


async def example() -> Cloud:
    """The example, stored."""
    cloud = Cloud(tenants={"contoso": TENANT})
    await ingest(cloud.stores(), body(*EXAMPLE, event("1"), event("bad", feature=3)), NOW)
    return cloud


def question(period: Period = WEEK, now: datetime = NOW) -> Question:
    """About the example."""
    return Question(TENANT, period, now)


def only(row: dict[str, Any], *names: str) -> tuple[Any, ...]:
    """These cells of a row."""
    return tuple(row[name] for name in names)


async def test_by_feature_is_exact() -> None:
    """One row a feature with its sums, its average and its provider; cost is null where none is known."""
    answer = await list_view((await example()).stores(), "by-feature", question(), ViewQuery())
    columns = ("feature", "requests", "tokens", "cost_usd", "unpriced_requests", "average_tokens", "provider")
    assert [only(row, *columns) for row in answer["data"]] == [
        ("call-recap", 1, 101, None, 1, Decimal(101), "anthropic"),
        ("ticket-suggest", 3, 43, Decimal("0.500000001"), 0, Decimal("14.3"), "azure.ai.openai"),
        ("sms-reminders", 1, 0, None, 1, Decimal(0), None),
    ]
    assert answer["totals"] == FIGURES
    assert answer["pagination"] == {"limit": 50, "offset": 0, "total": 3}
    assert answer["period"] == {"from": "2026-03-04", "to": "2026-03-10", "time_zone": "Europe/Berlin"}


async def test_by_user_is_exact() -> None:
    """One row a user, unattended work among them under no user; names are those last seen."""
    answer = await list_view((await example()).stores(), "by-user", question(), ViewQuery())
    columns = ("user_id", "name", "email", "requests", "tokens", "cost_usd", "top_feature")
    assert [only(row, *columns) for row in answer["data"]] == [
        ("ann", "Ann", "ann@x", 2, 111, Decimal("0.5"), "call-recap"),
        ("Bob", None, None, 1, 20, Decimal("0.000000001"), "ticket-suggest"),
        (None, None, None, 1, 13, Decimal(0), "ticket-suggest"),
        ("cy", None, None, 1, 0, None, "sms-reminders"),
    ]
    assert answer["data"][2]["last_active"] == "2026-03-03T23:00:00.000+00:00"
    assert answer["totals"] == FIGURES


async def test_a_frame_says_what_was_not_counted() -> None:
    """Duplicates, rejects and unpriced requests of the period."""
    answer = await list_view((await example()).stores(), "by-user", question(), ViewQuery())
    assert answer["freshness"] == {
        "complete_through": "2026-03-10T12:00:00.000+00:00", "unpriced": 2, "rejected": 1, "duplicates": 1,
    }  # fmt: skip


@pytest.mark.parametrize("name", VIEWS)
async def test_every_sort_and_page_covers_each_row_once_with_the_same_totals(name: str) -> None:
    """By any column, both ways, empty cells last; a page is a part of the whole."""
    stores = (await example()).stores()
    whole = (await list_view(stores, name, question(), ViewQuery()))["data"]
    for sort in [prefix + name for name in whole[0] if name != "features" for prefix in ("", "-")]:
        column, rows = sort.removeprefix("-"), []
        for offset in range(len(whole) + 1):
            answer = await list_view(stores, name, question(), ViewQuery(limit=1, offset=offset, sort=sort))
            assert len(answer["data"]) == (offset < len(whole))
            assert answer["totals"] == FIGURES
            assert answer["pagination"]["total"] == len(whole)
            rows += answer["data"]
        assert sorted(map(str, rows)) == sorted(map(str, whole))
        cells = [row[column] for row in rows]
        filled = [cell.casefold() if isinstance(cell, str) else cell for cell in cells if cell is not None]
        assert filled == sorted(filled, reverse=sort.startswith("-"))
        assert all(cell is None for cell in cells[len(filled) :])


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("sort", ["-", "colour", "--tokens", "tokens ", "features"])
def test_an_unknown_sort_is_refused(name: str, sort: str) -> None:
    """The error names the columns there are."""
    with pytest.raises(ValidationError, match="'requests', '-requests'"):
        query_of(name, ViewQuery)(sort=sort)


@pytest.mark.parametrize("name", VIEWS)
async def test_a_view_of_nothing_is_empty(name: str) -> None:
    """Zeros, and no row; nothing was used, so that nothing is unpriced."""
    stores = Cloud(tenants={"contoso": TENANT}).stores()
    answer = await list_view(stores, name, question(), ViewQuery())
    assert all(row["requests"] == 0 and row["cost_usd"] == 0 for row in answer["data"])
    assert {**answer["totals"]} == dict.fromkeys(FIGURES, 0)


@pytest.mark.parametrize(
    ("costs", "shown"),
    [
        ([None, None], None),
        ([None, "0"], Decimal(0)),
        (["0", "0"], Decimal(0)),
        ([None, "0.1"], Decimal("0.1")),
    ],
)
async def test_cost_is_null_only_when_every_request_is_unpriced(
    costs: list[Any], shown: Decimal | None
) -> None:
    """Free is zero, unknown is null."""
    cloud = Cloud(tenants={"contoso": TENANT})
    sent = [event(str(n), cost_usd=cost) for n, cost in enumerate(costs)]
    await ingest(cloud.stores(), body(*sent), NOW)
    answer = await list_view(cloud.stores(), "by-feature", question(), ViewQuery())
    assert answer["totals"]["cost_usd"] == answer["data"][0]["cost_usd"] == shown


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [
        (1, 3, "33.33"),
        (2, 3, "66.67"),
        (1, 1, "100"),
        (0, 5, "0"),
        (1, 8, "12.5"),
        (10**15, 3 * 10**15, "33.33"),
    ],
)
def test_percent_has_two_places(part: int, whole: int, shown: str) -> None:
    """And no more digits than it needs."""
    assert f"{percent(part, whole):f}" == shown
    assert percent(0, 0) is None


async def test_the_top_of_equals_is_the_same_whatever_came_first() -> None:
    """Ties do not depend on the order of events; None is never the top."""
    tops = []
    for features in (["playground", "call-recap"], ["call-recap", "playground"]):
        cloud = Cloud(tenants={"contoso": TENANT})
        sent = [event(str(n), feature=feature, provider=None) for n, feature in enumerate(features)]
        await ingest(cloud.stores(), body(*sent), NOW)
        cube = (await usage(cloud.stores(), "contoso", WEEK)).cube
        tops.append((top(cube, (), "feature", "tokens"), top(cube, ("user",), "feature", "tokens")))
        assert top(cube, (), "provider", "requests") == {}
    assert tops[0] == tops[1]


@pytest.mark.parametrize("name", VIEWS)
async def test_the_order_of_equal_rows_does_not_depend_on_how_events_came(name: str) -> None:
    """So that pages that are read one after the other neither repeat nor miss a row."""
    orders = []
    sent = [
        event(str(n), user={"id": user}, feature=feature, model=user)
        for n, (user, feature) in enumerate(product(["b", "A", "a", "B"], ["playground", "call-recap"]))
    ]
    for events in (sent, sent[::-1]):
        cloud = Cloud(tenants={"contoso": TENANT})
        await ingest(cloud.stores(), body(*events), NOW)
        answers = [await list_view(cloud.stores(), name, question(), ViewQuery(sort=sort)) for sort in SORTS]
        orders.append([answer["data"] for answer in answers])
    assert orders[0] == orders[1]


async def test_views_agree_for_any_period() -> None:
    """By feature and by user have the same totals, and their rows add up to them."""
    stores = (await example()).stores()
    for first in range(9):
        period = Period(TODAY - timedelta(days=first), TODAY)
        query = ViewQuery()
        answers = [await list_view(stores, name, question(period), query) for name in VIEWS]
        assert all(answer["totals"] == answers[0]["totals"] for answer in answers)
        for answer in answers:
            for column in ("requests", "tokens", "unpriced_requests"):
                assert sum(row[column] for row in answer["data"]) == answer["totals"][column]


@pytest.mark.parametrize("query", [{}, {"q": "a"}, {"provider": ["anthropic"]}, {"sort": "requests"}])
@pytest.mark.parametrize("name", VIEWS)
async def test_a_row_is_compared_with_the_same_row_of_the_period_before(
    name: str, query: dict[str, Any]
) -> None:
    """Days by their place in the period; a row that was not there had nothing."""
    stores = (await example()).stores()
    period = Period(date(2026, 3, 4), date(2026, 3, 4))
    earlier = Period(date(2026, 3, 3), date(2026, 3, 3))
    asked = ViewQuery(**query)
    plain = (await list_view(stores, name, question(period), asked))["data"]
    then = (await list_view(stores, name, question(earlier), ViewQuery(**query | {"q": None})))["data"]
    answer = await list_view(stores, name, question(period), asked.model_copy(update={"compare": "previous"}))
    own = next(iter(VIEWS[name].columns))
    before = {row[own] if name != "daily" else "2026-03-04": row for row in then}
    compared = [
        only(row, "previous_requests", "previous_tokens", "previous_cost_usd") for row in answer["data"]
    ]
    nothing = {"requests": 0, "tokens": 0, "cost_usd": 0}
    assert compared == [
        only(before.get(row[own], nothing), "requests", "tokens", "cost_usd") for row in answer["data"]
    ]
    assert [{name: row[name] for name in plain[0]} for row in answer["data"]] == plain


async def test_a_page_looks_up_only_the_users_that_it_shows() -> None:
    """However many there are: names are asked for by id."""
    asked: list[str] = []

    class People(dict[str, Person]):
        def get(self, user: str, default: Any = None) -> Any:  # noqa: ANN401 - as of a dict
            asked.append(user)
            return super().get(user, default)

    cloud = Cloud(tenants={"contoso": TENANT})
    sent = [event(str(n), user={"id": f"u{n}"}, input_tokens=n) for n in range(20)]
    await ingest(cloud.stores(), body(*sent), NOW)
    cube = (await usage(cloud.stores(), "contoso", WEEK)).cube
    groups = Groups(cube, cube.group_by("user"), People())
    table = Table(VIEWS["by-user"], groups, numbered(VIEWS["by-user"], groups, "-tokens"), None)
    assert [row["user_id"] for row in table.rows(2, 3)] == ["u17", "u16", "u15"]
    assert asked == ["u17", "u16", "u15"]
