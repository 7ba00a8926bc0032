"""How the projection of the quota moved: a snapshot a day, of which the last one of the day stays."""

from datetime import date, datetime

from shared.answers import QuotaHistoryAnswer, SnapshotRow
from shared.each import each
from shared.ports import Snapshot, Snapshots, Stores
from shared.quota import Quota, dollars, month_to_date, quota
from shared.table import Question, period_answer


async def take_snapshots(stores: Stores, snapshots: Snapshots, now: datetime) -> int:
    """Keeps the quota of each tenant with news in its billing month; gives of how many.

    Raises an ExceptionGroup of what failed, when all have been tried.
    """
    news: dict[str, set[date]] = {}
    for mark in await stores.marks.all():
        news.setdefault(mark.tenant_id, set()).add(mark.day)

    async def take(tenant_id: str) -> bool:
        tenant = await stores.tenants.find(tenant_id)
        if tenant is None or news[tenant_id].isdisjoint(month_to_date(tenant, now)):
            return False
        await snapshots.save(tenant_id, snapshot_of(await quota(stores, tenant, now)))
        return True

    return sum(await each(news, take))


def snapshot_of(quota: Quota) -> Snapshot:
    """What is kept of a quota, under the tenant's day."""
    month, spend = quota.month, quota.spend
    return Snapshot(
        day=quota.clock.today,
        as_of=quota.clock.now,
        tokens=month.used or 0,
        projected_tokens=month.projected,
        token_limit=month.limit,
        spend=spend.used,
        projected_spend=spend.projected,
        budget=spend.limit,
    )


async def history(snapshots: Snapshots, question: Question) -> QuotaHistoryAnswer:
    """The snapshots of a period, in the order of days."""
    found = await snapshots.of_period(question.tenant.id, question.period)
    return {
        "data": [_row(one) for one in found],
        "period": period_answer(question.period, question.tenant),
        "freshness": {"complete_through": question.now.isoformat(timespec="milliseconds")},
    }


def _row(snapshot: Snapshot) -> SnapshotRow:
    return {
        "day": str(snapshot.day),
        "as_of": snapshot.as_of.isoformat(timespec="milliseconds"),
        "used_tokens": snapshot.tokens,
        "projected_tokens": snapshot.projected_tokens,
        "token_limit": snapshot.token_limit,
        "spend_usd": dollars(snapshot.spend),
        "projected_spend_usd": dollars(snapshot.projected_spend),
        "budget_usd": dollars(snapshot.budget),
    }
