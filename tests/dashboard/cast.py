"""A tenant whose usage is known, counted here in plain Python; its names are hostile."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from tests.stack import Api, Customer, Event, ago

HOSTILE = "<img src=x onerror=\"document.title='owned'\">"
EVIL_MODEL = "\"><script>document.title='owned'</script>{{7*7}}"
USERS = 57  # more than a page of 50
FEATURES = {
    "ticket-suggest": "psa",
    "playground": "ai-platform",
    "enrichment": "crm",
    "call-recap": "voice",
    "patch-analysis": "rmm",
}
PROVIDERS = ("azure.ai.openai", "anthropic", "azure.ai.inference", "a-very-own.provider")
UNITS = ("ai.image", "voice.room", "phone.call", "phone.sms", "web.crawl", "email.send", "governance.scan")


@dataclass(frozen=True, slots=True)
class Known:
    """The tenant and everything that it used."""

    customer: Customer
    key: str
    events: Sequence[Event]

    def sums(self, field: str) -> dict[str, tuple[int, int, Decimal | None]]:
        """Requests, tokens and the cost in USD of each value of a field, as far as it is priced."""
        found: dict[str, tuple[int, int, Decimal | None]] = {}
        for event in self.events:
            value = name_of(event) if field == "user" else event[field]
            requests, tokens, cost = found.get(value, (0, 0, None))
            paid = event.get("cost_usd")
            found[value] = (
                requests + 1,
                tokens + event.get("input_tokens", 0) + event.get("output_tokens", 0),
                cost if paid is None else (cost or Decimal(0)) + Decimal(paid),
            )
        return found


def name_of(event: Event) -> str:
    """What the page calls the user of an event."""
    user = event["user"]
    return str(user.get("name") or user.get("email") or user["id"])


def noon() -> str:
    """A time zone in which it is noon now, so that no test meets midnight."""
    return f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"


async def known(api: Api) -> Known:
    """The tenant, new."""
    customer = await api.customer(
        name=HOSTILE,
        time_zone=noon(),
        tier={"name": HOSTILE, "daily_tokens": 20_000, "monthly_tokens": 100_000, "monthly_budget_usd": "5"},
    )
    chats = (_chat(customer, number) for number in range(140))
    events = [*chats, *_other(customer), _unpriced(customer)]
    answer = await customer.post(*events)
    assert answer.json["accepted"] == len(events)
    return Known(customer, await api.new_key(customer.id, "read", "alerts"), events)


def _chat(customer: Customer, number: int) -> Event:
    """A chat; each ninth has no known price. They reach back 23 days, so that a week has one before it."""
    feature, product = list(FEATURES.items())[number % len(FEATURES)]
    return customer.event(
        user=_user(number % USERS),
        feature=feature,
        product=product,
        provider=PROVIDERS[number % 7 % len(PROVIDERS)],
        model=EVIL_MODEL if number % 9 == 0 else "gpt-4o-mini",
        input_tokens=100 + 7 * number,
        output_tokens=number,
        cost_usd=None if number % 9 == 0 else f"0.0{number:03}00001",
        time=ago(hours=4 * number, minutes=1),
    )


def _user(number: int) -> dict[str, str]:
    """Some have a name, some only an email, some neither; one name is markup, one is Hebrew."""
    names = {0: HOSTILE, 1: "אביגיל לוי", 2: "W" * 128}
    user = {"id": f"user-{number:02}"}
    if number % 5:
        user["email"] = f"user-{number:02}@contoso.example"
    if number % 3 == 0 or number in names:
        user["name"] = names.get(number, f"Person {number:02}")
    return user


def _unpriced(customer: Customer) -> Event:
    """The one use of its feature and product, whose cost nobody knows."""
    return customer.event(user=_user(3), feature="invoice-explanation", product="books", model=EVIL_MODEL)


def _other(customer: Customer) -> list[Event]:
    nothing = {"model": None, "provider": None, "input_tokens": None, "output_tokens": None}
    return [
        customer.event(primitive=primitive, quantity="2.5" if primitive in UNITS[1:3] else "3",
                       user=_user(3), feature="call-recap", product="voice", cost_usd="0.25",
                       time=ago(days=2), **nothing)
        for primitive in UNITS
    ]  # fmt: skip
