"""The quota as it is read from the stores, and its daily snapshots."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

import pytest

from shared.days import Period
from shared.ingest import ingest
from shared.ports import Snapshot
from shared.quota import quota, quota_view, shown
from shared.rollup import fold_day
from shared.snapshots import history, take_snapshots
from shared.table import Question
from shared.tenants import Tier
from tests.events import CONTOSO, body, event
from tests.fakes import NOW, Cloud


@pytest.mark.parametrize("folded", [False, True])
async def test_the_quota_counts_the_tenants_days(folded: bool) -> None:
    """Today and the month begin at the tenant's midnight, whether usage has been folded or not."""
    limits = Tier(daily_tokens=100, monthly_tokens=1_000)
    berlin = CONTOSO.model_copy(update={"billing_day": 5, "tier": limits})
    cloud = Cloud(tenants={"contoso": berlin})
    times = ("2026-03-10T00:00:00+01:00", "2026-03-09T23:59:59+01:00", "2026-03-05T00:00:00+01:00",
             "2026-03-04T23:59:59+01:00")  # fmt: skip
    events = [event(f"e{n}", time=one, cost_usd="0.000000001") for n, one in enumerate(times)]
    await ingest(cloud.stores(), body(*events), NOW)
    if folded:
        for mark in await cloud.stores().marks.all():
            await fold_day(cloud.stores().usage, "contoso", mark.day, NOW)
    now = NOW.replace(microsecond=123_999)  # shown, and reckoned with, in milliseconds
    found = await quota_view(cloud.stores(), berlin, now)
    assert found["data"]["tokens_today"]["used"] == 10
    assert found["data"]["tokens_this_month"]["used"] == found["totals"]["tokens"] == 30
    assert found["data"]["spend_this_month"]["used_usd"] == Decimal("0.000000003")
    assert found["period"] == {"from": "2026-03-05", "to": "2026-03-10", "time_zone": "Europe/Berlin"}
    assert found["data"]["projection"]["basis"]["as_of"] == found["freshness"]["complete_through"]
    assert shown(await quota(cloud.stores(), berlin, now)) == found["data"]


@dataclass
class FakeSnapshots:
    """`Snapshots` in memory."""

    kept: dict[tuple[str, date], Snapshot] = field(default_factory=dict)

    async def save(self, tenant_id: str, snapshot: Snapshot) -> None:
        """Keeps the snapshot in place of an earlier one of its day."""
        self.kept[tenant_id, snapshot.day] = snapshot

    async def of_period(self, tenant_id: str, period: Period) -> list[Snapshot]:
        """The snapshots of days of the period, in the order of days."""
        return [one for (owner, day), one in sorted(self.kept.items())
                if owner == tenant_id and day in period]  # fmt: skip


async def test_the_last_snapshot_of_a_day_stays() -> None:
    """Each day shows the quota as it stood when it was last looked at; other days have no row."""
    budget = Tier(monthly_tokens=500, monthly_budget_usd=Decimal("9.5"))
    one = CONTOSO.model_copy(update={"tier": budget})
    cloud, snapshots = Cloud(tenants={"contoso": one}), FakeSnapshots()
    for number, hours in enumerate((0, 1, 48)):
        now = NOW + timedelta(hours=hours)
        sent = event(f"e{number}", time=now.isoformat(), cost_usd="0.25")
        await ingest(cloud.stores(), body(sent), now)
        assert await take_snapshots(cloud.stores(), snapshots, now) == 1
    question = Question(one, Period(date(2026, 3, 1), date(2026, 3, 31)), NOW)
    found = await history(snapshots, question)
    limits = {"token_limit": 500, "budget_usd": Decimal("9.5")}
    assert found["data"] == [
        {  # 230 of 743 hours had passed
            "day": "2026-03-10", "as_of": "2026-03-10T13:00:00.000+00:00", **limits,
            "used_tokens": 20, "projected_tokens": 64,
            "spend_usd": Decimal("0.5"), "projected_spend_usd": Decimal("1.615217391"),
        },
        {  # 277 of them
            "day": "2026-03-12", "as_of": "2026-03-12T12:00:00.000+00:00", **limits,
            "used_tokens": 30, "projected_tokens": 80,
            "spend_usd": Decimal("0.75"), "projected_spend_usd": Decimal("2.011732851"),
        },
    ]  # fmt: skip
    assert found["period"] == {"from": "2026-03-01", "to": "2026-03-31", "time_zone": "Europe/Berlin"}


async def test_no_news_is_no_snapshot() -> None:
    """Only tenants with news in their billing month are looked at; an unknown tenant is passed over."""
    cloud, snapshots = Cloud(tenants={"contoso": CONTOSO}), FakeSnapshots()
    stores = cloud.stores()
    await stores.marks.mark("contoso", date(2026, 2, 28))
    await stores.marks.mark("nobody", date(2026, 3, 10))
    assert await take_snapshots(stores, snapshots, NOW) == 0
    assert snapshots.kept == {}
    await stores.marks.mark("contoso", date(2026, 3, 1))
    assert await take_snapshots(stores, snapshots, NOW) == 1
    assert list(snapshots.kept) == [("contoso", date(2026, 3, 10))]
