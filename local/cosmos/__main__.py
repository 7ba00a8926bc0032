"""Run the endpoint: `python -m local.cosmos --port 8081 --db FILE`."""

import argparse
import asyncio
import signal
import sys

from local.cosmos.errors import CosmosError
from local.cosmos.server import EMULATOR_KEY, LocalCosmos


async def _serve(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    endpoint = LocalCosmos(options.db, host=options.host, port=options.port, key=options.key)
    async with endpoint:
        print(f"Cosmos endpoint at {endpoint.url}", flush=True)
        await stop.wait()


def main() -> None:
    """Parse the command line and serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="local.cosmos", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8081, help="0 for a free port")
    parser.add_argument("--db", default=":memory:", help="SQLite file (default: in memory)")
    parser.add_argument("--key", default=EMULATOR_KEY, help="master key, base64")
    try:
        asyncio.run(_serve(parser.parse_args()))
    except (OSError, CosmosError) as error:
        sys.exit(f"local.cosmos: {error}")


if __name__ == "__main__":
    main()
