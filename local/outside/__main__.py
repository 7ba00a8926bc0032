"""Run it: `python -m local.outside --smtp 1025 --http 8025`."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from local.outside.server import Outside


async def _serve(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with Outside(options.folder, smtp=options.smtp, http=options.http) as outside:
        print(f"Mails for {outside.smtp} are shown at {outside.url}", flush=True)
        await stop.wait()


def main() -> None:
    """Parse the command line and serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="local.outside", description=__doc__)
    parser.add_argument("--smtp", type=int, default=1025, help="port for mails; 0 for a free one")
    parser.add_argument("--http", type=int, default=8025, help="port for the rest; 0 for a free one")
    parser.add_argument("--folder", type=Path, help="where arrivals are kept (default: in memory)")
    try:
        asyncio.run(_serve(parser.parse_args()))
    except OSError as error:
        sys.exit(f"local.outside: {error}")


if __name__ == "__main__":
    main()
