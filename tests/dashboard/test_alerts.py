"""Alerts from the form to the mailbox: what is clicked together here is told there."""

from typing import Any

import aiohttp
from playwright.async_api import expect

from tests.dashboard.conftest import Visitor
from tests.dashboard.visit import Visit
from tests.stack import Api, Customer

NAME = 'Spend "of" <b>psa</b>'


class Told:
    """A tenant of its own, somebody who visits its alerts, and what arrives outside."""

    def __init__(self, customer: Customer, key: str, visit: Visit) -> None:
        self.customer, self.key, self.visit = customer, key, visit
        self.mail = f"ann@{customer.id}.example"

    async def arrived(self, room: str) -> list[dict[str, Any]]:
        """What arrived in a room of the outside world for this tenant."""
        url = f"{self.customer.api.stack.outside}/{room}.json"
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            return [one for one in (await response.json())["data"] if self.customer.id in str(one)]

    async def rules(self) -> list[dict[str, Any]]:
        """The tenant's rules as the API has them."""
        answer = await self.customer.api.ask("GET", "usage/alerts", self.key)
        return list(answer.json["data"])

    async def create(self) -> str:
        """Makes a rule with the form, which tells by mail; gives its id."""
        page = self.visit.page
        await self.visit.open()
        await page.locator("#alerts").click()
        await page.locator("#new-alert").click()
        await page.get_by_label("Metric").select_option("monthly_spend_usd")
        await page.get_by_label("Threshold in US dollars").first.fill("12.5")
        await page.locator("#add-email").click()
        await page.get_by_label("Email addresses").last.fill(self.mail)
        await page.get_by_label("Name", exact=True).fill(NAME)
        await page.locator("#save").click()
        await expect(page.locator("#test")).to_be_visible()
        (rule,) = [one for one in await self.rules() if one["name"] == NAME]
        return str(rule["id"])


async def told(api: Api, visitor: Visitor) -> Told:
    """Somebody who may change the alerts of a new tenant."""
    customer = await api.customer()
    key = await api.new_key(customer.id, "read", "alerts")
    return Told(customer, key, await visitor(key))


async def test_an_alert_is_made_tested_and_told(api: Api, visitor: Visitor) -> None:
    """The form makes the rule; a mail and a signed call of the webhook arrive; the history has both."""
    one = await told(api, visitor)
    page, rule_id = one.visit.page, await one.create()
    (rule,) = [rule for rule in await one.rules() if rule["id"] == rule_id]
    assert (rule["metric"], rule["thresholds"]) == ("monthly_spend_usd", [12.5])
    await page.locator("#edit").click()
    await page.locator("#add-webhook").click()
    hook = f"{api.stack.outside}/hooks/{one.customer.id}/{rule_id}"
    await page.get_by_label("URL of the webhook").fill(hook)
    await page.locator("#save").click()
    await page.locator("#test").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_text("Delivered")).to_have_count(2, timeout=30_000)
    (mail,), (call,) = await one.arrived("mails"), await one.arrived("webhooks")
    assert mail["to"] == [one.mail]
    assert NAME in mail["subject"]
    assert "<b>psa</b>" not in mail["html"]
    assert call["is_verified"]
    await dialog.get_by_role("button", name="Close").click()
    await expect(one.visit.content).to_contain_text(one.mail)


async def test_a_wrong_form_says_what_is_wrong(api: Api, visitor: Visitor) -> None:
    """Beside the field, before and after the API is asked; nothing is made, and what was typed stays."""
    one = await told(api, visitor)
    page, visit = one.visit.page, one.visit
    visit.forgive("status of 400")
    await visit.open("alerts", id="new")
    threshold = page.get_by_label("Threshold in percent").first
    await threshold.fill("-1")
    await page.locator("#save").click()
    await expect(visit.content).to_contain_text("Enter a number above zero.")
    await expect(threshold).to_be_focused()
    await threshold.fill("80")
    await page.locator("#add-email").click()
    await page.get_by_label("Email addresses").last.fill("no address")
    await page.locator("#save").click()
    await expect(page.locator("[data-field=channels] [aria-invalid=true]")).to_be_visible()
    await expect(page.get_by_label("Email addresses").last).to_have_value("no address")
    assert [rule["is_default"] for rule in await one.rules()] == [True]


async def test_an_alert_is_switched_off_and_deleted(api: Api, visitor: Visitor) -> None:
    """The API has it so at once; a deletion asks first."""
    one = await told(api, visitor)
    page, rule_id = one.visit.page, await one.create()
    await one.visit.open("alerts")
    switch = page.locator(f"#switch-{rule_id}")
    await switch.click()
    await expect(switch).to_have_attribute("aria-checked", "false")
    (rule,) = [rule for rule in await one.rules() if rule["id"] == rule_id]
    assert rule["enabled"] is False
    await page.locator(f"#alert-{rule_id}").click()
    await page.locator("#delete").click()
    await page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    await page.locator("#delete").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(page.locator("#new-alert")).to_be_visible()
    assert rule_id not in {rule["id"] for rule in await one.rules()}


async def test_a_key_that_may_only_read_is_told_so(api: Api, visitor: Visitor) -> None:
    """In words that name the scope that it lacks."""
    customer = await api.customer()
    visit = await visitor(await api.new_key(customer.id, "read"))
    visit.forgive("status of 403")
    await visit.open("alerts")
    await expect(visit.content).to_contain_text("This key may not see alerts")
