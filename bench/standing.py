"""What the views' benchmark tells: how long everybody takes, and how we stand against the goals."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bench.contenders import Timed
from bench.ours import OURS
from bench.report import median, ms, table, text

FIRST = "ours, first time"
MARKED = "ours, newly marked"
GOALS = ((30_000_000, 100), (3_000_000, 20))  # by-feature: so many events, so many times ahead
GOAL_OF = "ClickHouse"
FRONT = "ahead of all"

type Cell = tuple[str, int, str]
"""A tenant, a number of days and a view."""


@dataclass(slots=True)
class Timings:
    """Answers by question and contender; how many events are behind a question; seconds of the floor."""

    answers: dict[Cell, dict[str, list[Timed]]] = field(default_factory=dict)
    events: dict[Cell, int] = field(default_factory=dict)
    health: list[float] = field(default_factory=list)
    one_day: list[float] = field(default_factory=list)

    def of(self, cell: Cell, name: str) -> list[Timed]:
        """The answers of one contender, to add to."""
        return self.answers.setdefault(cell, {}).setdefault(name, [])

    def took(self, cell: Cell, name: str) -> float:
        """The median over HTTP."""
        return median([one.took for one in self.of(cell, name)])

    def alone(self, cell: Cell, name: str) -> float:
        """The median of the query alone."""
        return median([one.query for one in self.of(cell, name) if one.query is not None])

    def names(self, cell: Cell) -> list[str]:
        """Who was asked beside us."""
        return [name for name in self.answers[cell] if name not in (OURS, FIRST, MARKED)]


def tell(timings: Timings, names: Sequence[str]) -> None:
    """Prints the tables, and how we stand against the goals."""
    text(
        "Milliseconds over HTTP, the median of up to 35 answers, five in a row in seven turns; those of the",
        "first 0.2 s of a turn (two at least) do not count, as they find the processor's caches full of the",
        "others' data. In brackets how many times ours it takes. Everybody is asked by the same client, one",
        "question at a time, and answers JSON with names from a process of its own. In ours are the key",
        "check, the names and emails of users, and the local Cosmos endpoint. The databases stand behind a",
        "server that checks nothing: ClickHouse and DuckDB are embedded in it, PostgreSQL is asked over a",
        "socket. Their tables have codes for names, which are cheaper to group; the server looks the names",
        "up in a list. All answers are equal.",
    )
    table(("view", "events a day", "events", FIRST, MARKED, OURS, *names), _over_http(timings, names))
    text(
        "A *first time* is that of a host that has not read these days before; later it keeps what sealed",
        "days add up to. *Newly marked*: today is marked before each answer, as each event does, so that the",
        "host reads the state of each day, today and what is not folded. A host that has seen the same marks",
        "for ten seconds keeps what it reads, for five minutes, and then reads the marks alone: that is",
        "*ours*; the databases have no new events then either. With 2,000 events a day one comes every 43",
        "seconds; with 100,000 there is always a new one. The daily rollup is two tables of days, with users",
        "(for by-user) and without; the others group raw events. A dash: not loaded, it would take too long;",
        "there the months before repeat thirty days.",
    )
    text(
        "Milliseconds of the query alone, from SQL to rows, in these same answers; ours is the whole answer:"
    )
    table(("view", "events", OURS, *names), _alone(timings, names))
    for line in goals(timings):
        print(f"- {line}")
    print()
    text(
        f"The floor under ours: {ms(median(timings.health))} ms for an answer that needs no store (HTTP,",
        f"host, worker library), {ms(median(timings.one_day))} ms for by-feature of one day that has been",
        "kept (its marks are read).",
    )


def goals(timings: Timings) -> Iterator[str]:
    """How we stand against what was asked for: a line each."""
    for cell in timings.answers:
        _, _, view = cell
        if view == "by-feature" and GOAL_OF in timings.names(cell):
            yield from _features(timings, cell)
        if view == "by-user" and timings.names(cell):
            yield from _users(timings, cell)
    features = [timings.took(cell, OURS) for cell in timings.answers if cell[2] == "by-feature"]
    yield f"by-feature flat in events: {ms(min(features))} to {ms(max(features))} ms over all sizes"


def _features(timings: Timings, cell: Cell) -> Iterator[str]:
    us, events = timings.took(cell, OURS), timings.events[cell]
    over_http, alone = timings.took(cell, GOAL_OF) / us, timings.alone(cell, GOAL_OF) / us
    for wanted in [times for least, times in GOALS if events >= least][:1]:
        verdict = "met" if over_http >= wanted else "not met"
        found = f"{over_http:.1f}x over HTTP, {alone:.1f}x of its query alone, **{verdict}**"
        yield f"by-feature of {events:,} events {wanted}x ahead of {GOAL_OF}: {found}"


def _users(timings: Timings, cell: Cell) -> Iterator[str]:
    us, events = timings.took(cell, OURS), f"by-user of {timings.events[cell]:,} events"
    place = _place(timings, cell, us)
    verdict = "**met**" if place == FRONT else f"**not met**, {place}"
    alone = {name: timings.alone(cell, name) for name in timings.names(cell)}
    quicker = [f"{name} ({ms(took)} ms)" for name, took in alone.items() if took < us]
    more = f"; quicker than our whole answer is the query alone of {', '.join(quicker)}" if quicker else ""
    yield f"{events} {FRONT} over HTTP: {verdict}{more}"
    marked = timings.took(cell, MARKED)
    yield f"{events} newly marked: {ms(marked)} ms, {_place(timings, cell, marked)}"


def _place(timings: Timings, cell: Cell, us: float) -> str:
    """Whom we are behind over HTTP if our answer takes so long."""
    sooner = [name for name in timings.names(cell) if timings.took(cell, name) < us]
    return f"behind {', '.join(sooner)}" if sooner else FRONT


def _over_http(timings: Timings, names: Sequence[str]) -> Iterator[list[str]]:
    for cell, answers in timings.answers.items():
        (traffic, days, view), us = cell, timings.took(cell, OURS)
        others = [timings.took(cell, name) if name in answers else None for name in names]
        cells = ["-" if other is None else f"{ms(other)} ({other / us:.1f}x)" for other in others]
        own = [ms(timings.took(cell, name)) for name in (FIRST, MARKED, OURS)]
        yield [f"{view}, {days} days", traffic, f"{timings.events[cell]:,}", *own, *cells]


def _alone(timings: Timings, names: Sequence[str]) -> Iterator[list[str]]:
    for cell, answers in timings.answers.items():
        _, days, view = cell
        if timings.names(cell):
            cells = [ms(timings.alone(cell, name)) if name in answers else "-" for name in names]
            yield [
                f"{view}, {days} days",
                f"{timings.events[cell]:,}",
                ms(timings.took(cell, OURS)),
                *cells,
            ]
