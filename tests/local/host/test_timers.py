"""The timer trigger, through real hosts and a real Azurite."""

import json
import signal
import uuid
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from azure.data.tables.aio import TableClient

from local.azurite import Azurite
from local.host.timers import TABLE, Status, Timers

from .hosts import APPS, HostProcess, more_lines, running_host

WORK = APPS / "work"
EVERY_SECOND = "* * * * * *"
YEARLY = "0 0 0 1 1 *"


def settings(azurite: Azurite, schedule: str, **more: str) -> dict[str, str]:
    """The settings of an app whose only active function is `tick`."""
    return {
        "IN_QUEUE": "unused",
        "Jobs": azurite.connection_string,
        "AzureWebJobsStorage": azurite.connection_string,
        "AzureFunctionsWebHost__hostid": uuid.uuid4().hex,
        "SCHEDULE": schedule,
        **{f"AzureWebJobs.{name}.Disabled": "true" for name in ("work", "bury", "broken")},
        **more,
    }


def ticks(*hosts: HostProcess) -> list[float]:
    """When the timer ran, in order."""
    return sorted(json.loads(line)["tick"] for h in hosts for line in h.matching('"tick"'))


async def test_two_hosts_share_one_timer(azurite: Azurite) -> None:
    """Each tick runs on one of two hosts; the other goes on when one is killed."""
    env = settings(azurite, EVERY_SECOND)
    async with (
        running_host(WORK, "--lease", "1", env=env) as one,
        running_host(WORK, "--lease", "1", env=env) as two,
    ):
        while len(ticks(one, two)) < 4:
            await more_lines(one, two)
        await one.stop(signal.SIGKILL)
        before = len(two.matching('"tick"'))
        await two.line('"tick"', before + 3)
        await two.stop()
    seconds = [int(tick) for tick in ticks(one, two)]
    assert len(seconds) == len(set(seconds))


async def test_runs_never_overlap(azurite: Azurite) -> None:
    """A run that outlasts its interval and its lease delays the next one, on either host."""
    env = settings(azurite, EVERY_SECOND, TICK_SECONDS="1.5")
    async with (
        running_host(WORK, "--lease", "1", env=env) as one,
        running_host(WORK, "--lease", "1", env=env) as two,
    ):
        while len(ticks(one, two)) < 3:
            await more_lines(one, two)
        assert (await one.stop(), await two.stop()) == (0, 0)
    told = [json.loads(line) for h in (one, two) for line in h.matching('"tick"|"tock"')]
    told.sort(key=lambda facts: facts.get("tick") or facts["tock"])
    assert [next(iter(facts)) for facts in told] == ["tick", "tock"] * (len(told) // 2)


@pytest.mark.parametrize("held", [False, True])
async def test_a_missed_run_is_made_up_once(azurite: Azurite, held: bool) -> None:
    """A run that was due while no host was there, or was killed, comes once, as past due."""
    env = settings(azurite, YEARLY)
    past = datetime.now(UTC) - timedelta(days=2)
    host_id = env["AzureFunctionsWebHost__hostid"]
    async with TableClient.from_connection_string(azurite.connection_string, TABLE) as table:
        timers = Timers(table, host_id)
        row = Status(YEARLY, past, held_until=past) if held else Status(YEARLY, past)
        assert await timers.write("tick", row)
        async with running_host(WORK, env=env) as host:
            assert json.loads(await host.line('"tick"'))["past_due"] is True
            assert await host.stop() == 0
        status = await timers.read("tick")
    assert status is not None
    assert status.next > datetime.now(UTC)
    assert len(ticks(host)) == 1


async def test_timers_run_through_the_admin_route(azurite: Azurite) -> None:
    """POST runs a timer now: 202; with Prefer: wait, 200 or 500 after the run."""
    env = settings(azurite, YEARLY, TICK_SECONDS="0.2")
    async with (
        running_host(WORK, "--master-key", "m", env=env) as host,
        aiohttp.ClientSession(headers={"x-functions-key": "m"}) as client,
    ):
        url, wait = host.url + "/admin/functions/", {"Prefer": "wait=9"}
        async with client.post(url + "tick", json={}) as answer:
            assert answer.status == 202
        async with client.post(url + "tick", json={}, headers=wait) as answer:
            assert answer.status == 200
        while len(host.matching('"tock"')) < 2:  # the answer may be quicker than the printed line
            await more_lines(host)
        assert len(host.matching('"tock"')) == 2
        async with client.post(url + "broken", json={}, headers=wait) as answer:
            assert answer.status == 500
            assert "no spring" in await answer.text()
        async with client.post(url + "publish", json={}) as answer:
            assert answer.status == 400
        async with client.post(url + "tick") as answer:
            assert answer.status == 400
