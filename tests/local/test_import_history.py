"""The import of history, as its command, into the running service."""

import asyncio
import csv
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import orjson
import pytest

from local.env import FOLDER
from tests.stack import Api, Customer, Event, ago, eventually

ROOT = FOLDER.parent
YEAR = {"first": str(datetime.now(UTC).date() - timedelta(days=500))}


async def start(api: Api, file: Path, tenant_id: str, **settings: str) -> asyncio.subprocess.Process:
    """The command, at work."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "local.import_history", str(file), "--tenant", tenant_id,
        cwd=ROOT, env=os.environ | api.stack.environment | settings,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def run(api: Api, file: Path, tenant_id: str, **settings: str) -> tuple[int | None, str, str]:
    """The command's exit code and what it said, without the progress bar."""
    process = await start(api, file, tenant_id, **settings)
    said, complained = await process.communicate()
    return process.returncode, said.decode(), complained.decode().replace("\r", "\n")


def json_lines(folder: Path, rows: Sequence[object]) -> Path:
    """A JSON Lines file of the rows; text is written as it is."""
    file = folder / "history.jsonl"
    lines = (row if isinstance(row, str) else orjson.dumps(row).decode() for row in rows)
    file.write_text("".join(f"{line}\n" for line in lines))
    return file


def comma_separated(folder: Path, rows: Sequence[Event]) -> Path:
    """A CSV file of the events."""
    file = folder / "history.CSV"
    flat = [
        {f"user_{key}": text for key, text in row.get("user", {}).items()}
        | {name: value for name, value in row.items() if name not in ("user", "tenant_id")}
        for row in rows
    ]
    columns = sorted({name for row in flat for name in row})
    with file.open("w", newline="", encoding="utf-8-sig") as lines:
        writer = csv.DictWriter(lines, columns)
        writer.writeheader()
        writer.writerows(flat)
    return file


def history(customer: Customer) -> list[Event]:
    """Usage before and inside the window that the queue reaches, of chats and of other primitives."""
    ann = {"user": {"id": "ann", "name": 'Ann "Ö", Jr.', "email": "ann@example.test"}, "tenant_id": None}
    bare = {"provider": None, "model": None, "input_tokens": None, "output_tokens": None, "tenant_id": None}
    sms = {"primitive": "phone.sms", "feature": "sms-reminders", "quantity": "2.5", "cost_usd": "0.000000001"}
    return [
        customer.event(**ann, time=ago(days=450), input_tokens=1_000, cost_usd="0.25"),
        customer.event(**ann, time=ago(days=100), model="nobody-knows-it"),
        customer.event(**{**bare, **sms}, time=ago(days=99), user=None),
        customer.event(**{**bare, **sms}, time=ago(days=9)),
        customer.event(**ann, time=ago(days=1), cost_usd="0.5"),
    ]


@pytest.mark.parametrize("write", [json_lines, comma_separated])
async def test_history_is_counted_as_if_it_had_come_in_time(api: Api, tmp_path: Path, write: object) -> None:
    """Both formats give exact numbers on their days, and a second run of the file changes nothing."""
    assert callable(write)
    customer = await api.customer()
    file = write(tmp_path, history(customer))
    for counted in ("5 accepted, 0 duplicates", "0 accepted, 5 duplicates"):
        code, said, bar = await run(api, file, customer.id)
        assert (code, said) == (0, f"{counted}, 0 rejected\n")
        assert "100%" in bar
        totals = (await customer.get("by-user", **YEAR))["totals"]
        assert (totals["requests"], totals["tokens"], totals["unpriced_requests"]) == (5, 1_003 + 20, 1)
        assert totals["cost_usd"] == Decimal("0.750000002")
        assert await customer.counts(**YEAR) == (5, 0, 0)
    rows = {row["user_id"]: row for row in (await customer.get("by-user", **YEAR))["data"]}
    assert (rows["ann"]["requests"], rows["ann"]["name"]) == (4, 'Ann "Ö", Jr.')
    assert await customer.requests(period="30d") == 2
    assert [one.name for one in tmp_path.iterdir()] == [file.name]  # noqa: ASYNC240 - a small folder


async def test_what_the_queue_delivered_is_not_counted_again(api: Api, tmp_path: Path) -> None:
    """Events that came through the queue are duplicates of the import, and the other way round."""
    customer = await api.customer()
    events = [customer.event(time=ago(days=day)) for day in (40, 20, 10, 1)]
    await api.publish(*events[2:])
    await eventually(customer.counts, (2, 0, 0))
    file = json_lines(tmp_path, [*events, events[0]])
    assert (await run(api, file, customer.id))[1] == "2 accepted, 3 duplicates, 0 rejected\n"
    assert await customer.requests(**YEAR) == 4
    await api.publish(events[1], customer.event())
    await eventually(lambda: customer.requests(**YEAR), 5)
    await eventually(api.waiting, 0)
    assert (await customer.get("summary", **YEAR))["freshness"]["duplicates"] == 1


async def test_bad_rows_are_reported_line_by_line(api: Api, tmp_path: Path) -> None:
    """The good rows are counted; each bad one is in the report with its line, its reasons and its content."""
    customer = await api.customer()
    rows = [
        customer.event(time=ago(days=60)),
        '{"id": "cut off',
        customer.event(primitive="ai.magic", time="yesterday"),
        "",
        customer.event(tenant_id="another"),
        customer.event(time="2014-12-31T23:59:59Z"),
        customer.event(time=ago(days=-1)),
        customer.event(time=ago(days=59)),
    ]
    code, said, _ = await run(api, json_lines(tmp_path, rows), customer.id)
    report = tmp_path / "history.jsonl.rejected.jsonl"
    assert code == 0
    assert said.splitlines() == [
        "2 accepted, 0 duplicates, 5 rejected",
        f"The rejected rows and their reasons: {report}",
    ]
    found = {row["line"]: row for row in map(json.loads, report.read_text().splitlines())}
    assert {line: [error.split(":")[0] for error in row["errors"]] for line, row in found.items()} == {
        2: ["event"],
        3: ["time", "primitive"],
        5: ["tenant_id"],
        6: ["time"],
        7: ["time"],
    }
    assert found[2]["event"] == '{"id": "cut off\n'
    assert found[3]["event"] == rows[2]
    assert found[6]["errors"] == ["time: is before 2015"]
    assert found[7]["errors"] == ["time: lies in the future"]
    assert await customer.requests(**YEAR) == 2


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
async def test_an_interrupted_import_is_completed_by_the_next(
    api: Api, tmp_path: Path, number: signal.Signals
) -> None:
    """However it ends in the middle, the next run ends as one run would have."""
    customer = await api.customer()
    rows = [customer.event(time=ago(days=15 + n // 100), user={"id": f"u{n % 5}"}) for n in range(8_000)]
    file = json_lines(tmp_path, rows)
    await api.fault(operations=["create"], delay_ms=500, times=None)  # time to interrupt it
    process = await start(api, file, customer.id)
    while await customer.requests(**YEAR) == 0:
        assert process.returncode is None
    process.send_signal(number)
    _, complained = await process.communicate()
    await api.no_faults()
    stored = await customer.requests(**YEAR)
    assert 0 < stored < 8_000
    if number == signal.SIGINT:
        assert process.returncode == 1
        assert b"\nimport: interrupted" in complained
        assert b"Traceback" not in complained

    for least in (stored, 8_000):  # what was stored at the very end nobody has been told of
        code, said, _ = await run(api, file, customer.id)
        accepted, duplicates, rejected = map(int, re.findall(r"\d+", said))
        assert (code, accepted + duplicates, rejected) == (0, 8_000, 0)
        assert least <= duplicates
        assert await customer.counts(**YEAR) == (8_000, 0, 0)
    users = (await customer.get("by-user", **YEAR))["data"]
    assert {row["user_id"]: row["tokens"] for row in users} == {f"u{n}": 16_000 for n in range(5)}


async def test_an_import_that_cannot_begin_is_one_clear_line(api: Api, tmp_path: Path) -> None:
    """An unknown tenant and a missing or unreadable file are told, with exit code 1 and nothing else."""
    file = json_lines(tmp_path, [])
    assert await run(api, file, "nobody") == (1, "", "import: There is no tenant 'nobody'.\n")
    missing = tmp_path / "none.jsonl"
    complaint = f"import: [Errno 2] No such file or directory: '{missing}'\n"
    assert await run(api, missing, "nobody") == (1, "", complaint)
    wide = tmp_path / "wide.csv"
    wide.write_text("id\n" + "x" * (csv.field_size_limit() + 1))
    complaint = f"import: line 2: field larger than field limit ({csv.field_size_limit()})\n"
    assert await run(api, wide, "nobody") == (1, "", complaint)


async def test_an_import_that_fails_is_one_clear_line(api: Api, tmp_path: Path) -> None:
    """While it stores and while it seals; the next run completes it."""
    customer = await api.customer()
    file = json_lines(tmp_path, [customer.event(time=ago(days=day)) for day in (60, 61, 90)])
    for prefix in ("seg|", "totals|"):
        await api.fault(operations=["create"], id_prefix=prefix, status=403, times=None)
        code, said, complained = await run(api, file, customer.id)
        await api.no_faults()
        assert (code, said) == (1, "")
        *_, last = complained.splitlines()
        assert last.startswith("import: ")
        assert "Traceback" not in complained
    assert (await run(api, file, customer.id))[1] == "0 accepted, 3 duplicates, 0 rejected\n"
    assert await customer.requests(**YEAR) == 3


async def test_stores_that_do_not_answer_are_one_clear_line(api: Api, tmp_path: Path) -> None:
    """As when `make run` is not up."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # not listening, so that it refuses
        cosmos = f"http://127.0.0.1:{closed.getsockname()[1]}"
        customer = await api.customer()
        file = json_lines(tmp_path, [customer.event(time=ago(days=60))])
        code, said, complained = await run(api, file, customer.id, COSMOS_ENDPOINT=cosmos)
    assert (code, said) == (1, "")
    assert complained.splitlines()[-1].startswith("import: ")
    assert "Traceback" not in complained


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        (["replay"], "FILE=… is needed"),
        (["import"], "FILE=… and TENANT=… are needed"),
        (["import", "FILE=x"], "TENANT=… is needed"),
        (["rebuild", "TENANT=x"], "FROM=… and TO=… are needed"),
    ],
)
def test_make_names_the_arguments_that_are_missing(given: list[str], missing: str) -> None:
    """In one line, before anything is done."""
    environment = {"PATH": os.environ["PATH"]}
    done = subprocess.run(  # noqa: S603 - our own Makefile
        [str(shutil.which("make")), "--dry-run", *given],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert missing in line
