"""Which stores an operator's command works on."""

from pathlib import Path

import pytest

from local.env import write_env
from local.operator import connect
from shared.config import MissingSetting

AZURITE = (
    "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;TableEndpoint=http://127.0.0.1:10002/a;"
    "QueueEndpoint=http://127.0.0.1:10001/a"
)
HERE = {
    "USAGE_STORAGE": AZURITE,
    "COSMOS_ENDPOINT": "http://127.0.0.1:8081",
    "COSMOS_KEY": "a2V5",
    "OPERATOR_KEY_SHA256": "0" * 64,
}
AZURE = {
    "USAGE_STORAGE__tableServiceUri": "https://tables.example/",
    "USAGE_STORAGE__queueServiceUri": "https://queues.example/",
    "COSMOS_ENDPOINT": "https://cosmos.example/",
    "OPERATOR_KEY_SHA256": "0" * 64,
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """What `make run` has written."""
    write_env(HERE, tmp_path / "demo.env")
    return tmp_path / "demo.env"


async def test_beside_a_running_stack_its_stores_are_meant(file: Path) -> None:
    """They take keys, and nobody signs in."""
    services = connect({}, file)
    assert services.settings.cosmos_endpoint == HERE["COSMOS_ENDPOINT"]
    assert services.identity is None
    await services.close()


async def test_azure_is_meant_where_the_environment_says_so(file: Path) -> None:
    """Nothing of the stack beside it is mixed in: neither its storage nor its key."""
    services = connect(AZURE, file)
    assert services.settings.storage_connection is None
    assert services.settings.cosmos_key is None
    assert services.tables.url == "https://tables.example"
    assert type(services.identity).__name__ == "AzureCliCredential"
    await services.close()


async def test_half_of_azure_is_refused(file: Path) -> None:
    """The missing half does not come from the file."""
    with pytest.raises(MissingSetting, match="USAGE_STORAGE__tableServiceUri"):
        connect({"COSMOS_ENDPOINT": AZURE["COSMOS_ENDPOINT"]}, file)
