"""What arrived: mails, calls of webhooks and tickets. The newest of each kind are kept."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter

KEPT = 200  # of each kind


def _unicode(text: str) -> str:
    """The text, with a mark for each byte from outside that was none."""
    return text.encode(errors="replace").decode()


type Text = Annotated[str, BeforeValidator(_unicode)]


class Thing(BaseModel):
    """What all have: a number, which counts all kinds, and when it came. The rest came from outside."""

    model_config = ConfigDict(frozen=True)

    number: int
    at: AwareDatetime
    headers: list[tuple[Text, Text]]

    def header(self, wanted: str) -> str:
        """The first header of that name; empty without one."""
        return next((value for name, value in self.headers if name.lower() == wanted.lower()), "")


class Mail(Thing):
    """A mail: sender and recipients of its envelope, and its body as text and as HTML."""

    kind: Literal["mail"] = "mail"
    sender: Text
    to: list[Text]
    subject: Text
    text: Text
    html: Text


class Posted(Thing):
    """A request that was posted here."""

    body: Text

    @property
    def text(self) -> str:
        """What its description says to people; empty without one."""
        return str(self.fields().get("description", ""))

    def fields(self) -> Mapping[str, Any]:
        """The fields of the body; none where it is no JSON object."""
        try:
            found = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return {}
        return found if isinstance(found, dict) else {}


class Webhook(Posted):
    """A call of a rule's webhook. `verdict` says in words whether its signature is right."""

    kind: Literal["webhook"] = "webhook"
    path: Text
    answered: int
    is_verified: bool
    verdict: str


class Ticket(Posted):
    """A ticket; requests that repeat its idempotency key are counted, and change nothing else."""

    kind: Literal["ticket"] = "ticket"
    key: Text
    requests: int = 1


ARRIVAL: TypeAdapter[Thing] = TypeAdapter(Annotated[Mail | Webhook | Ticket, Field(discriminator="kind")])


class Arrivals:
    """The newest arrivals, in memory and, given a folder, as a file each."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._kept: dict[type[Thing], dict[int, Any]] = {Mail: {}, Webhook: {}, Ticket: {}}
        self._last = 0
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
            for file in sorted(folder.glob("*.json")):
                self._take(ARRIVAL.validate_json(file.read_bytes()))

    def next(self) -> int:
        """The number of the next arrival."""
        return self._last + 1

    def put(self, thing: Thing) -> None:
        """Keeps an arrival, or its new state; of more than there is room for the oldest goes."""
        self._take(thing)
        if self._folder:
            _write(self._file(self._folder, thing.number), ARRIVAL.dump_json(thing))
        kept = self._kept[type(thing)]
        if len(kept) > KEPT:
            oldest = kept.pop(next(iter(kept)))
            if self._folder:
                self._file(self._folder, oldest.number).unlink(missing_ok=True)

    def newest[T: Thing](self, kind: type[T]) -> list[T]:
        """The arrivals of a kind, the newest first."""
        return list(reversed(self._kept[kind].values()))

    def find[T: Thing](self, kind: type[T], number: int) -> T | None:
        """The arrival of that kind and number, if it is still kept."""
        return self._kept[kind].get(number)

    def _take(self, thing: Thing) -> None:
        self._kept[type(thing)][thing.number] = thing
        self._last = max(self._last, thing.number)

    def _file(self, folder: Path, number: int) -> Path:
        return folder / f"{number:09}.json"


def _write(file: Path, data: bytes) -> None:
    """Replaces the file as a whole: one that is killed half-way leaves none that cannot be read."""
    new = file.with_suffix(".new")
    new.write_bytes(data)
    new.replace(file)
