"""Single events over HTTP: as they were sent, beside the sums that they make."""

from collections.abc import Iterable
from datetime import UTC, datetime

import pytest

from local.stack import Stack
from shared.services import build
from tests.stack import Api, ago


async def test_events_come_back_as_they_were_sent(api: Api) -> None:
    """Newest first, by page, before and after the fold, with the totals of by-feature."""
    customer = await api.customer()
    sent = [
        customer.event(time=ago(hours=hours), user={"id": "ann", "name": "Ann"}, cost_usd=f"0.{hours:09}")
        for hours in (3, 50, 0, 27, 9)
    ]
    for one in sent:
        assert (await customer.post(one)).status == 202
    newest = [one["id"] for one in sorted(sent, key=lambda one: str(one["time"]), reverse=True)]
    for _ in range(2):
        answer = await customer.get("events", period="7d", limit=3, offset=1)
        assert [row["id"] for row in answer["data"]] == newest[1:4]
        assert {row["name"] for row in answer["data"]} == {"Ann"}
        assert answer["pagination"] == {"limit": 3, "offset": 1, "total": 5}
        assert answer["totals"] == (await customer.get("by-feature", period="7d"))["totals"]
        assert answer["complete_from"] < answer["period"]["from"]
        await api.run_timer("fold_days")


async def test_filters_narrow_events_down(api: Api) -> None:
    """Repeated values of one filter widen it, several filters narrow it down."""
    customer = await api.customer()
    users = ["ann", "bob", "cy", None]
    sent = [
        customer.event(user={"id": user} if user else None, feature=feature)
        for user in users
        for feature in ("playground", "enrichment")
    ]
    await customer.post(*sent)
    path = "usage/events?feature=playground&user=ann&user=(none)"
    answer = (await api.ask("GET", path, customer.key)).json
    assert sorted(str(row["user_id"]) for row in answer["data"]) == ["None", "ann"]
    assert {row["feature"] for row in answer["data"]} == {"playground"}
    assert answer["totals"]["requests"] == answer["pagination"]["total"] == 2


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("period=12m", "period"),
        ("from=2026-01-01&to=2026-02-01", "from"),
        ("limit=1001", "limit"),
        ("offset=100001", "offset"),
        ("sort=time", "sort"),
    ],
)
async def test_a_bad_parameter_is_named(api: Api, query: str, field: str) -> None:
    """400 with its name; a range has 31 days at most."""
    customer = await api.customer()
    answer = await api.ask("GET", f"usage/events?{query}", customer.key)
    assert (answer.status, answer.fields) == (400, [field])


async def test_reading_and_sending_are_two_scopes_of_one_path(api: Api) -> None:
    """A key that may only read does not send, one that may only send does not read."""
    customer = await api.customer()
    reads, sends = await api.new_key(customer.id, "read"), await api.new_key(customer.id, "ingest")
    one = {"events": [customer.event()]}
    assert (await api.ask("POST", "usage/events", reads, body=one)).status == 403
    assert (await api.ask("POST", "usage/events", sends, body=one)).status == 202
    assert (await api.ask("GET", "usage/events", sends)).status == 403
    assert (await api.ask("GET", "usage/events", reads)).json["pagination"]["total"] == 1


async def test_all_segments_of_a_day_are_paged_through(stack: Stack) -> None:
    """The store's pages hold each segment of the tenant-day once, those stored last first."""
    services = build(stack.service_settings)
    usage, today = services.stores.usage, datetime.now(UTC).date()

    def segment(number: int, day: object = today) -> dict[str, object]:
        name = {"id": f"seg|{day}|{number}", "tenantId": "paged", "kind": "segment", "day": str(day)}
        return {**name, "ttl": 600}

    names = [segment(number) for number in range(120)]
    for one in (*names, segment(1, "2026-01-01")):
        await usage.add_segment(one)
    pages = [page async for page in usage.newest_segments("paged", today)]
    await services.close()
    found = [one for page in pages for one in page]
    assert len(pages) > 1
    assert sorted(one["id"] for one in found) == sorted(str(one["id"]) for one in names)
    assert is_falling(one["_ts"] for one in found)


def is_falling(numbers: Iterable[int]) -> bool:
    """Whether no number is larger than one before it."""
    given = list(numbers)
    return given == sorted(given, reverse=True)
