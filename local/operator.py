"""What an operator's command works on, and as whom: the stores of `make run`, or those of Azure."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.env import FILE, read_env
from shared.config import Settings, read_settings
from shared.services import Services, build


def connect(environment: Mapping[str, str] = os.environ, file: Path = FILE) -> Services:
    """The services of the stores that the environment names, or of those that the file names.

    It is all of one or all of the other, so that no command reads here what it writes there. Stores
    that take no key are asked as whoever has signed in by `az login`. Raises MissingSetting.
    """
    named = environment if environment.get("COSMOS_ENDPOINT") else read_env((), environment, file)
    settings = read_settings(named)
    return build(settings, _signed_in(settings))


def _signed_in(settings: Settings) -> Any:  # noqa: ANN401
    if settings.storage_connection and settings.cosmos_key:
        return None
    from azure.identity.aio import AzureCliCredential

    return AzureCliCredential()
