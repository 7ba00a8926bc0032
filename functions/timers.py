"""What happens by the clock."""

import logging
from datetime import timedelta

import azure.functions as func

from functions._http import now
from shared.alerts.evaluate import evaluate, evaluate_each, evaluate_marked
from shared.ingest import LATEST
from shared.rollup import fold_marked
from shared.seal import seal_marked
from shared.services import alerting, services
from shared.snapshots import take_snapshots
from shared.telemetry import FOLDED, OLDEST_MARK, SEAL_DIFFERENCES, traced

timers = func.Blueprint()
log = logging.getLogger("usage.timers")
MARGIN = timedelta(days=7)  # messages may wait in a queue for a week
HISTORY = timedelta(days=396)  # 13 months, in which firings and deliveries can be looked up


@timers.timer_trigger("timer", "0 * * * * *")
@traced
async def fold_days(timer: func.TimerRequest) -> None:
    """Folds the tenant-days for which it pays, and looks at once whether that sets off alerts."""
    stores = services().stores
    folded = await fold_marked(stores.usage, stores.marks, now())
    segments = folded.total()
    FOLDED.add(segments)
    moment = now()
    age = max(((moment - mark.at).total_seconds() for mark in await stores.marks.all()), default=0.0)
    OLDEST_MARK.set(age)
    log.info("folded %d segments", segments, extra={"segments": segments, "oldest_mark_seconds": round(age)})
    if folded:
        _fired(await evaluate_each(stores, alerting(), folded, moment))


@timers.timer_trigger("timer", "0 20 * * * *")
@traced
async def seal_days(timer: func.TimerRequest) -> None:
    """Seals the tenant-days that have ended, once alerts have looked at them, and merges complete months."""
    stores, moment = services().stores, now()
    sealed = await seal_marked(
        stores, moment, before=lambda tenant_id: evaluate(stores, alerting(), tenant_id, moment)
    )
    SEAL_DIFFERENCES.add(len(sealed.repaired))
    counts = {"days": sealed.days, "repaired": len(sealed.repaired), "months": sealed.months}
    log.info("sealed %d days, repaired %d, merged %d months", *counts.values(), extra=counts)


@timers.timer_trigger("timer", "0 */5 * * * *")
@traced
async def snapshot_quotas(timer: func.TimerRequest) -> None:
    """Keeps how the quotas stand, of the tenants with news."""
    taken = await take_snapshots(services().stores, services().snapshots, now())
    log.info("kept the quotas of %d tenants", taken, extra={"tenants": taken})


@timers.timer_trigger("timer", "0 */5 * * * *")
@traced
async def evaluate_alerts(timer: func.TimerRequest) -> None:
    """Holds the alert rules of tenants with news against their usage."""
    _fired(await evaluate_marked(services().stores, alerting(), now()))


@timers.timer_trigger("timer", "0 30 3 * * *")
@traced
async def drop_old(timer: func.TimerRequest) -> None:
    """Drops the claims that no accepted event can need any more, and the history of alerts of long ago."""
    await services().claims.drop_before((now() - LATEST - MARGIN).date())
    last_year = (now() - HISTORY).date()
    firings = await alerting().firings.drop_before(last_year)
    deliveries = await alerting().deliveries.drop_before(last_year)
    counts = {"firings": firings, "deliveries": deliveries}
    log.info("dropped %d firings and %d deliveries", *counts.values(), extra=counts)


def _fired(alerts: int) -> None:
    log.info("%d alerts fired", alerts, extra={"alerts": alerts})
