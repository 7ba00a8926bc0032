"""Words and numbers for people."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from shared.alerts.firing import Moment
from shared.alerts.rule import Channel, Unit
from shared.channels.wording import amount, channel_text, facts_of, limit_text, period_text
from shared.days import Period
from tests.channels.cast import CONTOSO, FIRING, MAIL, NOW, TICKET, hook, note

EVENING = datetime(2026, 11, 23, 3, tzinfo=UTC)  # of the 22nd in Chicago


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        ("80.4", "percent", "80.4 %"), ("80", "percent", "80 %"), ("100.00", "percent", "100 %"),
        ("1234.5", "percent", "1,234.5 %"), ("0.05", "percent", "0.05 %"), ("99.999", "percent", "99.99 %"),
        ("1234.56", "usd", "$1,234.56"), ("500", "usd", "$500.00"), ("499.999999999", "usd", "$499.99"),
        ("0.004217", "usd", "$0.004217"), ("0.5", "usd", "$0.50"), ("0", "usd", "$0.00"),
        ("0.000000001", "usd", "$0"), ("12000", "count", "12,000"), ("1E+6", "count", "1,000,000"),
        ("1E+2", "percent", "100 %"),
    ],
)  # fmt: skip
def test_amounts_can_be_read(value: str, unit: Unit, text: str) -> None:
    """With separators, never an exponent, and never rounded up to a threshold that was not reached."""
    assert amount(Decimal(value), unit) == text


@pytest.mark.parametrize(
    ("first", "last", "text"),
    [
        (date(2026, 11, 1), date(2026, 11, 30), "1\N{EN DASH}30 November 2026"),
        (date(2026, 11, 22), date(2026, 11, 22), "22 November 2026"),
        (date(2026, 10, 31), date(2026, 11, 29), "31 October \N{EN DASH} 29 November 2026"),
        (date(2026, 12, 15), date(2027, 1, 14), "15 December 2026 \N{EN DASH} 14 January 2027"),
    ],
)
def test_periods_can_be_read(first: date, last: date, text: str) -> None:
    """As short as they are clear."""
    assert period_text(Period(first, last)) == text


@pytest.mark.parametrize(
    ("moment", "title", "headline"),
    [
        ("fired", "[Warning] Stay within the quota: 80.42 %", "Monthly token quota is at 80.42 %"),
        ("resolved", "[Resolved] Stay within the quota: 12.5 %", "Monthly token quota is back at 12.5 %"),
        (
            "test",
            "[Test] Stay within the quota: a test of this alert",
            "This is a test: nothing has happened",
        ),
        (
            "undelivered",
            "[Undelivered] Stay within the quota: webhook to hooks.example.com",
            "An alert could not be delivered",
        ),
    ],
)
def test_each_moment_has_its_words(moment: Moment, title: str, headline: str) -> None:
    """One line to tell them apart in a list, and one to read first."""
    over = replace(FIRING, resolved_at=NOW, resolved_value=Decimal("12.50"))
    failed = hook("https://hooks.example.com/secret-path?token=1")
    facts = facts_of(note(MAIL, moment, over, failed=failed, reason="It broke."), CONTOSO)
    assert (facts.title, facts.headline) == (title, headline)
    assert "Stay within the quota" in facts.summary
    assert "secret-path" not in str(facts)


@pytest.mark.parametrize(
    ("reached_on", "fired_at", "text"),
    [
        (date(2026, 11, 27), NOW, "At this rate the limit is reached on 27 November."),
        (date(2026, 11, 22), NOW, "The limit was reached on 22 November."),
        (date(2026, 11, 23), EVENING, "At this rate the limit is reached on 23 November."),
        (None, NOW, ""),
    ],
)  # fmt: skip
def test_the_outlook_names_the_day(reached_on: date | None, fired_at: datetime, text: str) -> None:
    """The projected one, or the past one, on the tenant's calendar; without one nothing is said."""
    firing = replace(FIRING, reached_on=reached_on, fired_at=fired_at)
    assert facts_of(note(MAIL, firing=firing), CONTOSO).outlook == text


def test_times_are_the_tenants() -> None:
    """With the zone beside them; without a tenant they are in UTC."""
    assert dict(facts_of(note(MAIL), CONTOSO).table)["Fired"] == "22 November 2026, 08:35 (America/Chicago)"
    assert dict(facts_of(note(MAIL), None).table)["Fired"] == "22 November 2026, 14:35 (UTC)"
    assert dict(facts_of(note(MAIL), None).table)["Customer"] == "contoso"


@pytest.mark.parametrize(
    ("metric", "unit", "limit", "text"),
    [
        ("monthly_tokens_percent", "percent", Decimal(1_500_000), "1,500,000 tokens"),
        ("projected_budget_percent", "percent", Decimal("1500.5"), "$1,500.50"),
        ("monthly_spend_usd", "usd", Decimal(100), "$100.00"),
        ("daily_requests", "count", None, ""),
        ("a_metric_of_another_version", "count", Decimal(5), "5"),
    ],
)
def test_a_limit_has_the_unit_that_it_is_set_in(
    metric: str, unit: Unit, limit: Decimal | None, text: str
) -> None:
    """Per cent are of tokens or of dollars."""
    assert limit_text(replace(FIRING, metric=metric, unit=unit, limit=limit)) == text


@pytest.mark.parametrize(
    ("channel", "text"),
    [
        (MAIL, "email to ann@example.com, bo@example.com"),
        (TICKET, "ticket"),
        (hook("https://h.example.com:8443/a"), "webhook to h.example.com:8443"),
        (hook("https://h.example.com?token=1"), "webhook to h.example.com"),
    ],
)
def test_a_channel_is_named_without_secrets(channel: Channel, text: str) -> None:
    """Of a URL only where it leads."""
    assert channel_text(channel) == text


def test_a_firing_may_be_over_without_a_value() -> None:
    """Where the limit was taken away there is none, and the old one is not told as the new."""
    facts = facts_of(note(MAIL, "resolved", replace(FIRING, resolved_at=NOW)), CONTOSO)
    assert facts.title == "[Resolved] Stay within the quota: over"
    assert facts.headline == "The alert on Monthly token quota is over"
    assert dict(facts.table)["Resolved"] == "22 November 2026, 08:35 (America/Chicago)"


def test_a_title_is_one_line() -> None:
    """Also where the rule's name has characters that some programs take for a line break."""
    broken = "".join(map(chr, (0x85, 0x2028, 0x2029)))
    title = facts_of(note(MAIL, firing=replace(FIRING, rule_name=f"A{broken}B")), CONTOSO).title
    assert title == "[Warning] A B: 80.42 %"
    assert len(title.splitlines()) == 1
