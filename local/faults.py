"""What an operator's command may run into: told in one line, with exit code 1, instead of a traceback."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from azure.core.exceptions import AzureError

from shared.config import MissingSetting
from shared.errors import UsageError

FAULTS = (MissingSetting, UsageError, AzureError, OSError, ExceptionGroup)


@contextmanager
def told(command: str) -> Iterator[None]:
    """Ends the command with one line when it fails."""
    logging.getLogger("azure").setLevel(logging.CRITICAL)  # the clients raise what they give up
    try:
        yield
    except FAULTS as error:
        sys.exit(f"{command}: {line_of(error)}")


def line_of(error: Exception) -> str:
    """The first line of what the error says; of a group, how many failed and what the first one was."""
    if isinstance(error, ExceptionGroup):
        return f"{error.message}: {line_of(error.exceptions[0])}"
    lines = str(error).splitlines()
    known = isinstance(error, FAULTS)
    return lines[0] if lines and known else f"{type(error).__name__} {lines[0] if lines else ''}".rstrip()
