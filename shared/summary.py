"""The overview: the key metrics of the billing month and of today, beside the totals of a period."""

from typing import Any

from shared.answers import PeriodAnswer, ProviderShare, SummaryAnswer, SummaryData
from shared.catalogue import PROVIDER_NAMES
from shared.columns import DAY, USER
from shared.cube import Cube
from shared.days import Period, before, billing_month, day_of
from shared.figures import distinct_users, figures, keys, percent, top
from shared.ports import Stores
from shared.query import SummaryQuery
from shared.reading import Wanted, read_all
from shared.table import Question, compared, frame, period_answer

MONTH_NEEDS = (USER, "feature", "provider")


async def summary(stores: Stores, question: Question, query: SummaryQuery) -> SummaryAnswer:
    """The key metrics of the billing month and of today, and the totals of the chosen period."""
    tenant, filters = question.tenant, query.filters()
    today = day_of(question.now, tenant.zone)
    billing = billing_month(today, tenant.billing_day)
    earlier = before(question.period)
    wanted: list[Wanted] = [
        (Period(billing.first, today), (*MONTH_NEEDS, *filters)),
        (Period(today, today), (DAY, *filters)),
        (question.period, filters),
    ]
    if query.compare:
        wanted.append((earlier, filters))
    month, day, chosen, *then = await read_all(stores, tenant.id, wanted)
    chosen = chosen.filter(filters)
    metrics = _month(question, period_answer(billing, tenant), month.filter(filters).cube)
    metrics["requests_today"] = day.filter(filters).cube.totals()["requests"]
    old = then[0].filter(filters).cube.totals() if then else None
    totals = compared(chosen.cube.totals(), old)
    answer: SummaryAnswer = {"data": metrics, **frame(question, chosen, totals)}
    if old is not None:
        answer["previous_period"] = period_answer(earlier, tenant)
    return answer


def _month(question: Question, billing: PeriodAnswer, cube: Cube) -> SummaryData:
    total, tier = figures(cube.totals()), question.tenant.tier
    return {
        "billing_period": billing,
        "tier": tier.name,
        "tokens_this_month": total["tokens"],
        "token_limit": tier.monthly_tokens,
        "tokens_percent": percent(total["tokens"], tier.monthly_tokens or 0),
        "cost_this_month_usd": total["cost_usd"],
        "unpriced_requests_this_month": total["unpriced_requests"],
        "requests_today": 0,
        "active_users_this_month": distinct_users(cube),
        "top_feature": top(cube, (), "feature", "tokens").get(()),
        "providers": _providers(cube),
    }


def _providers(cube: Cube) -> list[ProviderShare]:
    """The share of each provider in the requests that name one; the known ones always stand there."""
    grouped = cube.listing("provider", tuple(PROVIDER_NAMES)).group_by("provider")
    requests: list[int] = grouped.measures["requests"].tolist()
    counts: dict[Any, int] = dict(
        zip((key for (key,) in keys(grouped, ("provider",))), requests, strict=True)
    )
    counts.pop(None, None)
    whole = sum(counts.values())
    return [
        {
            "provider": provider,
            "name": PROVIDER_NAMES.get(provider, provider),
            "requests": count,
            "percent": percent(count, whole),
        }
        for provider, count in sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    ]
