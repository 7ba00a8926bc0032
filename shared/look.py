"""What a process saw of a tenant when it last read, so that its next reading need not wait for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from shared.days import Period
from shared.ports import Marking
from shared.rollup import Rollup
from shared.saved import Saved

RECENT = 30  # seconds: beside a state of that age few segments are waiting
CAUGHT_UP = 10  # seconds after which no replica lacks what is marked (sealing, which forgets, waits a minute)


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen; times are those of this process.

    `since` is when the marks were seen like this first. `states` has the saved states of some of the marked
    days, each with the time at which it was asked for. `split` are whole months that were not merged: their
    days are worth asking for at once.
    """

    marking: Marking
    since: float
    states: Mapping[date, tuple[float, Rollup]] = field(default_factory=dict)
    split: frozenset[Period] = frozenset()

    @property
    def size(self) -> int:
        """How many days and segments it names."""
        return (
            1
            + len(self.marking.days)
            + len(self.split)
            + sum(len(one.folded) for _, one in self.states.values())
        )

    def has_caught_up(self, at: float) -> bool:
        """Whether all that is marked can be read at that time, from whichever replica."""
        return at - self.since >= CAUGHT_UP

    def known(self, at: float) -> dict[date, Rollup]:
        """The states that are recent at that time."""
        return {day: state for day, (asked_at, state) in self.states.items() if at - asked_at < RECENT}

    def with_marking(self, marking: Marking, at: float) -> "Look":
        """With the marks as they are at that time."""
        marking, since = (self.marking, self.since) if marking == self.marking else (marking, at)
        states = {day: self.states[day] for day in self.known(at) if day in marking.days}
        return Look(marking, since, states, self.split)

    def with_saved(self, saved: Saved, at: float) -> "Look":
        """With the states and months that were found when they were asked for at that time."""
        states = {**self.states, **{state.day: (at, state) for state in saved.states}}
        split = (self.split - saved.whole) | (saved.whole - saved.merged)
        return Look(self.marking, self.since, states, split)
