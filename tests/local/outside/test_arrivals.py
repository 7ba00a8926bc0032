"""What is kept of what arrived."""

from datetime import UTC, datetime
from pathlib import Path

from local.outside.arrivals import KEPT, Arrivals, Mail, Thing, Ticket

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def ticket(number: int, requests: int = 1) -> Ticket:
    """A ticket of this number."""
    return Ticket(number=number, at=NOW, headers=[("a", "b")], body="{}", key="k", requests=requests)


def mail(number: int) -> Mail:
    """A mail of this number."""
    return Mail(number=number, at=NOW, headers=[], sender="", to=[], subject="", text="", html="")


def test_the_newest_of_each_kind_are_kept(tmp_path: Path) -> None:
    """The oldest goes, from the folder as well; other kinds are left alone."""
    arrivals = Arrivals(tmp_path)
    arrivals.put(mail(1))
    for number in range(2, KEPT + 4):
        arrivals.put(ticket(number))
    assert [one.number for one in arrivals.newest(Ticket)] == list(range(KEPT + 3, 3, -1))
    assert arrivals.find(Ticket, 3) is None
    assert arrivals.newest(Mail) == [mail(1)]
    assert len(list(tmp_path.iterdir())) == KEPT + 1


def test_a_restart_loses_nothing(tmp_path: Path) -> None:
    """All is there again, the latest state of each, and numbers go on."""
    before = Arrivals(tmp_path)
    things: list[Thing] = [mail(1), ticket(2), ticket(2, requests=2)]
    for thing in things:
        before.put(thing)
    (tmp_path / "000000003.new").write_text("{half")  # killed while it wrote
    after = Arrivals(tmp_path)
    assert after.newest(Mail) == [mail(1)]
    assert after.newest(Ticket) == [ticket(2, requests=2)]
    assert after.next() == 3
