"""Events are priced and sorted many at a time, to the same end as one by one."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.columns import encode_dimension
from shared.days import day_of
from shared.event_columns import NONE, EventColumns, in_columns
from shared.pricing import Price, PriceBook
from shared.segment import make_segment
from shared.sorting import Window, grouped, priced
from tests.events import CONTOSO, FABRIKAM, event, good, rows
from tests.fakes import NOW

TENANTS = {one.id: one for one in (CONTOSO, FABRIKAM)}
WINDOW = Window(NOW - timedelta(days=3), NOW, "is too old")
DEAR = Price(
    primitive="ai.chat", model="dear", valid_from=NOW.date() - timedelta(days=9),
    input_usd=Decimal(10_000), output_usd=Decimal("0.0015"),
)  # fmt: skip
CHEAP = Price(
    primitive="ai.chat", model="cheap", valid_from=NOW.date() - timedelta(days=1),
    input_usd=Decimal("0.0125"), output_usd=Decimal("0.01"), cache_read_usd=Decimal("0.0005"),
)  # fmt: skip
BOOK = PriceBook([DEAR, CHEAP], lambda *_: None)
EVENTS = st.lists(
    st.builds(
        lambda n, minutes, more: event(
            str(n), time=(NOW + timedelta(minutes=minutes)).astimezone(UTC).isoformat(), **more
        ),
        st.integers(0, 5),
        st.integers(-4 * 24 * 60, 60),
        st.fixed_dictionaries(
            {
                "tenant_id": st.sampled_from([*TENANTS, "nobody"]),
                "model": st.sampled_from(["dear", "cheap", "unknown"]),
                "input_tokens": st.sampled_from([10, 1_001, 100_000_000]),
            },
            optional={"cost_usd": st.just("0.25"), "cache_read_input_tokens": st.just(5)},
        ),
    ),
    min_size=1,
    max_size=8,
)


def columns(*events: dict[str, Any]) -> EventColumns:
    """The events as ingest has them."""
    return in_columns([good(one) for one in events])


@given(EVENTS)
def test_a_batch_costs_what_its_events_cost(events: list[dict[str, Any]]) -> None:
    """Each is priced or refused as it would be alone, for the same reason."""
    together, refused = priced(columns(*events), TENANTS, BOOK, WINDOW)
    for row, one in enumerate(events):
        alone, reason = priced(columns(one), TENANTS, BOOK, WINDOW)
        assert refused.get(row) == reason.get(0)
        if row not in refused:
            assert together.costs[row] == alone.costs[0]


@given(EVENTS)
def test_each_event_is_in_the_group_of_its_day(events: list[dict[str, Any]]) -> None:
    """In order, once; an event that is there twice is with the first of its name."""
    sent = columns(*events)
    priced_events, refused = priced(sent, TENANTS, BOOK, WINDOW)
    expected: dict[Any, list[object]] = {}
    first_days: dict[Any, Any] = {}
    for row, one in enumerate(events):
        if row not in refused:
            moment = datetime.fromisoformat(one["time"])
            day = day_of(moment, TENANTS[one["tenant_id"]].zone)
            day = first_days.setdefault(sent.name(row), day)
            expected.setdefault((one["tenant_id"], day), []).append(rows(priced_events)[row])
    groups = grouped(priced_events, TENANTS, refused)
    assert {key: rows(group.events) for key, group in groups.items()} == expected
    assert all((group.tenant.id, group.day) == key for key, group in groups.items())


def test_what_is_refused_is_told_in_order() -> None:
    """The sender reads the reasons event by event, whatever they are."""
    dear, nobodys, old = event("a", model="dear", input_tokens=100_000_000), event("b"), event("c")
    nobodys["tenant_id"], old["time"] = "nobody", (NOW - timedelta(days=4)).isoformat()
    for batch in ((dear, old, nobodys), (old, dear, nobodys), (nobodys, old, dear)):
        assert [*priced(columns(*batch), TENANTS, BOOK, WINDOW)[1]] == [0, 1, 2]


@given(EVENTS)
def test_a_segment_has_the_form_of_other_columns(events: list[dict[str, Any]]) -> None:
    """What is worked out once a kind is stored as if it were once an event; also of none."""
    sent, refused = priced(columns(*events), TENANTS, BOOK, WINDOW)
    for some in (NONE, *(group.events for group in grouped(sent, TENANTS, refused).values())):
        stored = make_segment("contoso", NOW.date(), "b", some)
        told = stored["cube"]["dimensions"] | {"sources": stored["sources"]}
        for name in ("feature", "product", "provider", "model", "primitive", "sources"):
            column = getattr(some.kinds, name if name == "sources" else f"{name}s")
            assert told[name] == encode_dimension([*some.of_kind(column)])


def test_a_segment_names_nothing_of_another_tenant() -> None:
    """Of a batch of two tenants each has its own part only, in every column."""
    mine, other = event("a"), event(
        "b", tenant_id="fabrikam", source="theirs", feature="secret-feature", product="psa", model="secret"
    )  # fmt: skip
    groups = grouped(*_priced(mine, other))
    segment = make_segment("contoso", NOW.date(), "b", groups["contoso", NOW.date()].events)
    assert "secret" not in str(segment)
    assert "theirs" not in str(segment)


def _priced(*events: dict[str, Any]) -> Any:  # noqa: ANN401
    sent, refused = priced(columns(*events), TENANTS, BOOK, WINDOW)
    return sent, TENANTS, refused
