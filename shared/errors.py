"""What can go wrong in the domain. Nothing here knows HTTP; `functions/_http.py` maps each to a status."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with the input: the field by its path, and why."""

    field: str
    reason: str

    def __str__(self) -> str:
        return f"{self.field}: {self.reason}"


class UsageError(Exception):
    """The base of every domain error; its text is meant for the caller."""


class InvalidInput(UsageError):
    """The input breaks the contract; `errors` names every field at fault."""

    def __init__(self, errors: Sequence[FieldError], detail: str = "The input is not valid.") -> None:
        super().__init__(detail)
        self.errors = list(errors)

    @classmethod
    def of(cls, field: str, reason: str) -> "InvalidInput":
        """The error of a single field."""
        return cls([FieldError(field, reason)])


class Undecodable(UsageError):
    """A message whose bytes are no usage events at all."""


class TooLarge(UsageError):
    """A message beyond the bounds of size or count."""


class NotAuthenticated(UsageError):
    """No key or token, or one that is unknown, expired or revoked."""


class NotAllowed(UsageError):
    """A good key or token that lacks the scope."""


class NotFound(UsageError):
    """The named thing does not exist for this caller."""


class Conflict(UsageError):
    """The request contradicts what is stored."""


class Outdated(UsageError):
    """The caller means to change another version than the one that is stored."""


class TooMany(UsageError):
    """The caller has done this as often as it may for now."""


class Busy(UsageError):
    """Others kept changing the same thing; trying again later helps."""


class Unavailable(UsageError):
    """A service that is needed does not answer; trying again later helps."""
