"""The delivery log and the outbox on real tables and a real queue."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from azure.storage.queue.aio import QueueClient

from shared.alerts.notification import Notification, read_notification
from shared.alerts.ports import Alerting, Attempt, Delivery
from shared.days import Period
from shared.services import Services, build_alerting
from shared.stores.schema import NOTIFICATIONS_QUEUE
from tests.channels.cast import FIRING, MAIL, NOW, TICKET, hook, note

SECOND = timedelta(seconds=1)


@pytest.fixture
def alerting(services: Services) -> Alerting:
    """The stores of alerts as the service builds them."""
    return build_alerting(services)


@pytest.fixture
async def queue(services: Services) -> AsyncIterator[QueueClient]:
    """The queue itself, empty."""
    connection = services.settings.storage_connection or ""
    async with QueueClient.from_connection_string(connection, NOTIFICATIONS_QUEUE) as client:
        await client.clear_messages()
        yield client


def told(tenant_id: str, name: str = "f", first: date = date(2026, 11, 1)) -> Notification:
    """A notification of this tenant, of a firing of this name and month."""
    period = Period(first, first + timedelta(days=27))
    return note(MAIL, firing=replace(FIRING, id=name * 32, tenant_id=tenant_id, period=period))


async def saved(alerting: Alerting, delivery: Delivery) -> Delivery:
    """Saves what nobody else changes."""
    found = await alerting.deliveries.save(delivery)
    assert found
    return found


async def test_a_delivery_comes_back_as_it_was(alerting: Alerting, tenant_id: str) -> None:
    """Every attempt, time and digit, in each of its states; before the first attempt there is none."""
    exact = replace(
        FIRING, tenant_id=tenant_id, value=Decimal("80.420000001"), rule_name="Größe 東京 \N{ROCKET}"
    )
    what = note(hook("https://h.example.com/a?b=1"), "undelivered", exact, failed=TICKET, reason="It broke.")
    assert await alerting.deliveries.find(what) is None
    first = await saved(alerting, Delivery(what, NOW, busy_until=NOW + SECOND))
    assert await alerting.deliveries.find(what) == replace(first, attempts=[])
    attempts = [Attempt(NOW + SECOND / 3, False, None, "It broke.", 7), Attempt(NOW, True, 200, "", 0)]
    left = replace(first.notification, left=("bo@example.com",))
    changed = replace(
        first, notification=left, attempts=attempts, busy_until=None, next_at=NOW, state="failed"
    )
    second = await saved(alerting, changed)
    assert await alerting.deliveries.find(what) == second
    assert second.etag != first.etag


async def test_of_two_who_change_a_delivery_one_comes_first(alerting: Alerting, tenant_id: str) -> None:
    """Both when it is created and later; the other one is told."""
    what = told(tenant_id)
    claims = [Delivery(what, NOW + SECOND * number) for number in range(5)]
    created = await asyncio.gather(*map(alerting.deliveries.save, claims))
    (first,) = [one for one in created if one]
    changes = [replace(first, next_at=NOW + SECOND * number) for number in range(5)]
    changed = await asyncio.gather(*map(alerting.deliveries.save, changes))
    assert len([one for one in changed if one]) == 1
    assert await alerting.deliveries.save(replace(first, state="failed")) is None


async def test_a_write_whose_answer_was_lost_is_known_again(alerting: Alerting, tenant_id: str) -> None:
    """The client repeats it and meets what it wrote itself: that is no lost race."""
    delivery = Delivery(told(tenant_id), NOW)
    first, again = await saved(alerting, delivery), await saved(alerting, delivery)
    assert first.etag == again.etag
    changed = replace(first, state="failed")
    assert (await saved(alerting, changed)).etag == (await saved(alerting, changed)).etag != first.etag


async def test_the_log_of_a_rule_has_the_newest_first(alerting: Alerting, tenant_id: str) -> None:
    """By period, then by when it began; other rules and tenants have their own."""
    october, november = date(2026, 10, 1), date(2026, 11, 1)
    for name, first, minute in (
        ("a", october, 5),
        ("b", november, 1),
        ("c", november, 3),
        ("d", november, 2),
    ):
        await saved(alerting, Delivery(told(tenant_id, name, first), NOW + timedelta(minutes=minute)))
    other = told(tenant_id, "e")
    await saved(alerting, Delivery(replace(other, firing=replace(other.firing, rule_id="r2")), NOW))
    await saved(alerting, Delivery(told(f"{tenant_id}-2"), NOW))

    async def names(limit: int) -> str:
        found = await alerting.deliveries.of_rule(tenant_id, "r1", limit)
        return "".join(one.notification.firing.id[0] for one in found)

    assert [await names(limit) for limit in (1, 2, 3, 4, 50)] == ["c", "cd", "cdb", "cdba", "cdba"]


async def test_a_delivery_is_found_by_its_id_in_its_rule_only(alerting: Alerting, tenant_id: str) -> None:
    """Not under another rule, not by another tenant, and not by an id that means something to a query."""
    what = told(tenant_id)
    kept = await saved(alerting, Delivery(what, NOW))
    find = alerting.deliveries.by_id
    assert await find(tenant_id, "r1", what.id) == replace(kept, attempts=[])
    wrong = [(tenant_id, "r2", what.id), ("other", "r1", what.id), (tenant_id, "r1", "' or RowKey ne '")]
    assert [await find(*one) for one in wrong] == [None] * 3


async def test_a_message_is_what_was_put(alerting: Alerting, queue: QueueClient) -> None:
    """Whatever is in it, also what XML has no place for; it never expires."""
    odd = "Größe 東京 \N{ROCKET} \ufffe\uffff\x85 <&]]>\\ \"'"
    what = note(
        hook("https://h.example.com/?a=1&b=<2>"), firing=replace(FIRING, rule_name=odd), left=("a@b.c",)
    )
    await alerting.outbox.put(what)
    message = await queue.receive_message()
    assert message
    assert read_notification(message.content) == what
    assert message.expires_on
    assert message.expires_on.year == 9999


async def test_a_message_is_not_seen_before_its_time(alerting: Alerting, queue: QueueClient) -> None:
    """Parts of a second count as a whole one."""
    await alerting.outbox.put(note(MAIL), timedelta(milliseconds=1))
    await alerting.outbox.put(note(MAIL), timedelta(hours=24))
    assert await queue.receive_message() is None
    assert (await queue.get_queue_properties()).approximate_message_count == 2


async def test_the_largest_notification_fits_a_message_and_a_row(
    alerting: Alerting, queue: QueueClient, tenant_id: str
) -> None:
    """A rule has 16,000 bytes at most; escaped they are three times as many."""
    large = replace(told(tenant_id), failed=hook("https://h.example.com/" + "ü" * 1_900), reason="x" * 300)
    large = replace(large, firing=replace(large.firing, filter="ü" * 6_000))
    await alerting.outbox.put(large)
    assert await queue.receive_message()
    made = [Attempt(NOW, False, 500, "x" * 300, 1)] * 20
    await saved(alerting, Delivery(large, NOW, attempts=made))
