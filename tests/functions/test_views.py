"""The views over HTTP: pages, order, periods, and what is refused."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from local.stack import Stack
from shared.days import Period
from shared.rollup import fold_marked
from shared.services import build
from tests.stack import Api, Customer, ago, eventually

USERS = 23
TODAY = datetime.now(UTC).date()
WEEK = Period(TODAY - timedelta(days=6), TODAY)


@pytest_asyncio.fixture(scope="module")
async def customer(api: Api) -> Customer:
    """A tenant whose users have 1 to 23 requests, of 10 tokens each, over the last days."""
    one = await api.customer()
    events = [
        one.event(user={"id": f"user-{user:02}"}, time=ago(days=number % 4), cost_usd="0.1")
        for user in range(1, USERS + 1)
        for number in range(user)
    ]
    await api.publish(*events, max_events=40)
    await eventually(one.requests, USERS * (USERS + 1) // 2)
    return one


async def users(customer: Customer, **given: object) -> list[str]:
    """The users of a page."""
    return [row["user_id"] for row in (await customer.get("by-user", **given))["data"]]


@pytest.mark.parametrize("size", [1, 5, 23, 1000])
async def test_each_row_is_on_one_page(customer: Customer, size: int) -> None:
    """Whatever the size of pages, they hold each user once, and each the same totals over all rows."""
    found: list[str] = []
    seen: list[Any] = []
    for offset in range(0, USERS, size):
        page = await customer.get("by-user", limit=size, offset=offset, sort="requests")
        found += [row["user_id"] for row in page["data"]]
        seen.append(page["totals"])
        assert page["pagination"]["total"] == USERS
        assert (page["pagination"]["limit"], page["pagination"]["offset"]) == (size, offset)
    assert found == [f"user-{user:02}" for user in range(1, USERS + 1)]
    assert seen == [(await customer.get("summary"))["totals"]] * len(seen)
    assert await users(customer, limit=size, offset=USERS) == []


@pytest.mark.parametrize("sort", ["requests", "tokens", "cost_usd", "user_id"])
async def test_rows_are_sorted_as_asked(customer: Customer, sort: str) -> None:
    """By any column, either way; a page is cut from the sorted whole."""
    rising = await users(customer, sort=sort)
    assert rising == [f"user-{user:02}" for user in range(1, USERS + 1)]
    assert await users(customer, sort=f"-{sort}", limit=3) == rising[:-4:-1]


async def test_the_largest_come_first_by_default(customer: Customer) -> None:
    """Without a sort the rows with the most tokens stand first, fifty at most."""
    page = await customer.get("by-user")
    assert page["data"][0]["user_id"] == "user-23"
    assert page["pagination"]["limit"] == 50


async def test_a_period_is_its_days(customer: Customer) -> None:
    """Ranges that adjoin add up to the whole; the answer tells the days that it is about."""
    today = datetime.now(UTC).date()
    days = [str(today - timedelta(days=distance)) for distance in range(3, -1, -1)]
    each = [await customer.requests(first=day, last=day) for day in days]
    assert all(each)
    assert sum(each) == await customer.requests(first=days[0], last=days[-1]) == await customer.requests()
    assert await customer.requests(first=days[1], last=days[2]) == each[1] + each[2]
    period = (await customer.get("by-feature", period="7d"))["period"]
    assert (period["from"], period["to"]) == (str(today - timedelta(days=6)), str(today))
    assert period["time_zone"] == "UTC"


@pytest.mark.parametrize("period", ["7d", "30d", "3m", "12m"])
async def test_every_period_has_the_last_days(customer: Customer, period: str) -> None:
    """All four periods end today and hold the usage of the last four days."""
    assert await customer.requests(period=period) == USERS * (USERS + 1) // 2


@pytest.mark.parametrize(
    ("view", "given", "field"),
    [
        ("by-user", {"period": "8d"}, "period"),
        ("summary", {"period": "7d", "first": "2026-01-01"}, "period"),
        ("summary", {"first": "2026-02-30"}, "from"),
        ("summary", {"first": "2026-1-1T00"}, "from"),
        ("by-feature", {"last": "2026-01-01"}, "from"),
        ("by-feature", {"first": "2026-01-02", "last": "2026-01-01"}, "to"),
        ("by-feature", {"first": "2001-01-01", "last": "2026-01-01"}, "from"),
        ("by-user", {"limit": "0"}, "limit"),
        ("by-user", {"limit": "1001"}, "limit"),
        ("by-user", {"limit": "ten"}, "limit"),
        ("by-user", {"limit": "9" * 100}, "limit"),
        ("by-user", {"offset": "-1"}, "offset"),
        ("by-user", {"sort": "colour"}, "sort"),
        ("by-feature", {"sort": "--tokens"}, "sort"),
        ("by-feature", {"colour": "red"}, "colour"),
        ("summary", {"sort": "tokens"}, "sort"),
    ],
)
async def test_a_bad_parameter_is_named(
    customer: Customer, view: str, given: dict[str, str], field: str
) -> None:
    """400 with the name of the parameter; nothing is defaulted in silence."""
    answer = await customer.ask(view, **given)
    assert (answer.status, answer.fields) == (400, [field])
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_folding_changes_no_number(api: Api, stack: Stack) -> None:
    """Before and after folds all views say the same, and later events add up."""
    customer = await api.customer()
    events = [
        customer.event(
            user={"id": f"user-{n % 7}", "name": f"User {n % 7}"},
            feature=("ticket-suggest", "rca-generation", "playground")[n % 3],
            time=ago(hours=n),
            cost_usd=None if n % 5 == 0 else f"0.{n:09}",
            model=None if n % 5 == 0 else "gpt-4o-mini",
        )
        for n in range(100)
    ]
    await api.publish(*events, max_events=10)
    await eventually(customer.counts, (100, 0, 0))
    before = await customer.everything()
    await api.run_timer("fold_days")
    assert await customer.everything() == before
    stores = (services := build(stack.service_settings)).stores
    assert await stores.usage.heads(customer.id, WEEK)  # the timer has folded

    await api.publish(customer.event(), events[3])
    await eventually(customer.counts, (101, 1, 0))
    added = await customer.everything()
    assert await fold_marked(stores.usage, stores.marks, datetime.now(UTC) + timedelta(minutes=11))
    await services.close()
    assert await customer.everything() == added
    assert await customer.counts() == (101, 1, 0)


async def test_the_summary_compares_its_period_with_the_one_before(api: Api) -> None:
    """Totals of as many days before stand beside those of the period, with the change."""
    customer = await api.customer()
    now = datetime.now(UTC) - timedelta(minutes=1)
    times = [now - timedelta(days=1), now, now]
    await customer.post(*(customer.event(time=one.isoformat()) for one in times))
    day = now.date()
    answer = await customer.get("summary", first=day, last=day, compare="previous")
    totals = answer["totals"]
    compared = totals["requests"], totals["previous_requests"], totals["requests_change_percent"]
    assert compared == (2, 1, 100)
    assert answer["previous_period"]["to"] == str(day - timedelta(days=1))
    assert "previous_requests" not in (await customer.get("summary"))["totals"]
