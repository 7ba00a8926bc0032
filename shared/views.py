"""The views: one question of an API client each, answered with data, totals, period and freshness."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.catalogue import PROVIDER_NAMES
from shared.days import Period, billing_month, day_of
from shared.figures import by_feature, by_user, distinct_users, figures, percent, providers, top
from shared.ports import Stores
from shared.reading import Reading, read
from shared.table import Page, Table
from shared.tenants import Tenant

type Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class View:
    """A list view: how a reading becomes its table, and in which order it stands by default."""

    table: Callable[[Reading], Table]
    sort: str = "-tokens"
    users: bool = False


VIEWS = {
    "by-feature": View(lambda reading: by_feature(reading.cube())),
    "by-user": View(lambda reading: by_user(reading.cube(), reading.people), users=True),
}


@dataclass(frozen=True, slots=True)
class Question:
    """Whose usage, of which days, asked when."""

    tenant: Tenant
    period: Period
    now: datetime


async def list_view(stores: Stores, name: str, question: Question, page: Page) -> Answer:
    """One page of a view. Totals are those of all rows, whatever the page."""
    view = VIEWS[name]
    reading = await read(stores, question.tenant.id, question.period, users=view.users)
    table = view.table(reading)
    rows = table.order(page.sort or view.sort)[page.offset : page.offset + page.limit]
    return {
        "data": table.rows(rows),
        "pagination": {"limit": page.limit, "offset": page.offset, "total": len(table)},
        **_frame(question, reading),
    }


async def summary(stores: Stores, question: Question) -> Answer:
    """The key metrics of the billing month and of today, beside the totals of the chosen period."""
    tenant, today = question.tenant, day_of(question.now, question.tenant.zone)
    billing = billing_month(today, tenant.billing_day)
    so_far = Period(billing.first, today)
    month, chosen = await asyncio.gather(
        read(stores, tenant.id, so_far, users=True), read(stores, tenant.id, question.period)
    )
    requests_today = month.cube(Period(today, today)).totals()["requests"]
    return {
        "data": {**_month(tenant, billing, month), "requests_today": requests_today},
        **_frame(question, chosen),
    }


def _month(tenant: Tenant, billing: Period, reading: Reading) -> Answer:
    cube = reading.cube()
    total = figures(cube.totals())
    limit = tenant.tier.monthly_tokens
    return {
        "billing_period": {"from": str(billing.first), "to": str(billing.last)},
        "tier": tenant.tier.name,
        "tokens_this_month": total["tokens"],
        "token_limit": limit,
        "tokens_percent": percent(total["tokens"], limit) if limit else None,
        "cost_this_month_usd": total["cost_usd"],
        "unpriced_requests_this_month": total["unpriced_requests"],
        "active_users_this_month": distinct_users(cube),
        "top_feature": top(cube, (), "feature", "tokens").get(()),
        "providers": providers(cube, PROVIDER_NAMES),
    }


def _frame(question: Question, reading: Reading) -> Answer:
    totals = reading.cube().totals()
    return {
        "totals": figures(totals),
        "period": {
            "from": str(question.period.first),
            "to": str(question.period.last),
            "time_zone": question.tenant.time_zone,
        },
        "freshness": {
            "complete_through": question.now.isoformat(timespec="milliseconds"),
            "unpriced": totals["unpriced"],
            "rejected": reading.rejected,
            "duplicates": reading.duplicates,
        },
    }
