# mypy: disallow-untyped-decorators=False
# (the settings skip azure.functions, so its decorators count as untyped)
"""HTTP functions that show what a function sees and what a client gets."""

import asyncio
import base64
import json

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


def describe(req: func.HttpRequest) -> func.HttpResponse:
    """Everything of the request, as JSON."""
    seen = {
        "method": req.method,
        "url": req.url,
        "headers": dict(req.headers),
        "query": dict(req.params),
        "route": dict(req.route_params),
        "body": base64.b64encode(req.get_body()).decode(),
    }
    return func.HttpResponse(json.dumps(seen), mimetype="application/json")


@app.route("echo/{id:int}/{tab?}", methods=["GET", "POST"])
def echo(req: func.HttpRequest) -> func.HttpResponse:
    """A constrained and an optional parameter."""
    return describe(req)


@app.route("echo/latest", methods=["GET"])
def latest(req: func.HttpRequest) -> str:
    """A literal that a parameter would match, too; the answer is a plain str."""
    return "latest"


@app.route("echo/{name}", methods=["GET"])
async def named(req: func.HttpRequest) -> func.HttpResponse:
    """A free parameter, by an async function."""
    return describe(req)


@app.route("files/{*path}", methods=["GET"])
def files(req: func.HttpRequest) -> func.HttpResponse:
    """A catch-all."""
    return describe(req)


@app.route("cookies", methods=["GET"])
def cookies(req: func.HttpRequest) -> func.HttpResponse:
    """Status, headers and two cookies."""
    answer = func.HttpResponse(status_code=201, headers={"X-One": "1"})
    answer.headers.add("Set-Cookie", "a=1; Path=/")
    answer.headers.add("Set-Cookie", "b=2; HttpOnly")
    return answer


@app.route("fail", methods=["GET"])
def fail(req: func.HttpRequest) -> func.HttpResponse:
    """Raises."""
    raise ValueError("out of cheese")


@app.route("slow/{seconds}", methods=["GET"])
async def slow(req: func.HttpRequest) -> func.HttpResponse:
    """Takes as long as it is told."""
    print("slow begins", flush=True)  # noqa: T201 - the test reads it
    await asyncio.sleep(float(req.route_params["seconds"]))
    return func.HttpResponse("done")


@app.route("guarded", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
def guarded(req: func.HttpRequest) -> str:
    """Takes the function key."""
    return "in"


@app.route("master", methods=["GET"], auth_level=func.AuthLevel.ADMIN)
def master(req: func.HttpRequest) -> str:
    """Takes the master key."""
    return "in"


@app.route("switched-off", methods=["GET"])
def off(req: func.HttpRequest) -> str:
    """Disabled by a setting."""
    return "in"
