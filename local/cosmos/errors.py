"""The one error of this package: a status, and the message that the service would send."""


class CosmosError(Exception):
    """A request that fails with `status`; `charge` is in request units, as for any answer."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        substatus: int = 0,
        charge: float = 1.0,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.substatus = substatus
        self.charge = charge
        self.headers = headers or {}


def refused(what: str) -> CosmosError:
    """The 400 for everything that the service can do and this endpoint cannot."""
    return CosmosError(400, f"not implemented here: {what}")


def not_found(what: str, substatus: int = 0) -> CosmosError:
    """The 404 for a database, container or item that does not exist."""
    return CosmosError(404, f"Resource Not Found: {what} does not exist", substatus=substatus)


def conflict() -> CosmosError:
    """The 409 for an id that is taken."""
    return CosmosError(409, "Resource with specified id or name already exists.")
