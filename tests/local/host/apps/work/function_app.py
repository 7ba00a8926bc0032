# mypy: disallow-untyped-decorators=False
# (the settings skip azure.functions, so its decorators count as untyped)
"""Queue and timer functions that print what they do, one JSON object a line."""

import asyncio
import base64
import json
import os
import time
from typing import List  # noqa: UP035 - the worker refuses list[str]

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


def say(**facts: object) -> None:
    """Tell the test."""
    print(json.dumps(facts), flush=True)  # noqa: T201 - the test reads it


@app.queue_trigger(arg_name="message", queue_name="%IN_QUEUE%", connection="Jobs")
async def work(message: func.QueueMessage) -> None:
    """Does what the message says: fail, or take some time."""
    body = message.get_body()
    say(
        work=base64.b64encode(body).decode(),
        id=message.id,
        tries=message.dequeue_count,
        inserted=message.insertion_time and message.insertion_time.isoformat(),
        receipt=message.pop_receipt,
    )
    if body.startswith(b"fail"):
        raise ValueError("told to fail")
    if body.startswith(b"slow"):
        await asyncio.sleep(float(body.split()[1]))
    say(done=message.id)


@app.queue_trigger(arg_name="message", queue_name="%IN_QUEUE%-poison", connection="Jobs")
def bury(message: func.QueueMessage) -> None:
    """Never succeeds."""
    say(bury=message.id, tries=message.dequeue_count)
    raise ValueError("no grave")


@app.route("publish", methods=["POST"])
@app.queue_output(arg_name="jobs", queue_name="%IN_QUEUE%", connection="Jobs")
def publish(req: func.HttpRequest, jobs: func.Out[List[str]]) -> str:  # noqa: UP006
    """Sends each line of the body as a message."""
    jobs.set(req.get_body().decode().split("\n"))
    return "sent"


@app.timer_trigger(arg_name="timer", schedule="%SCHEDULE%")
async def tick(timer: func.TimerRequest) -> None:
    """Takes as long as the tests like."""
    say(tick=time.time(), past_due=timer.past_due)
    await asyncio.sleep(float(os.environ.get("TICK_SECONDS", "0")))
    say(tock=time.time())


@app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *")
async def broken(timer: func.TimerRequest) -> None:
    """Never succeeds."""
    raise ValueError("no spring")
