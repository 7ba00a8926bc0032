"""For the operator: the directory of a tenant's users."""

from typing import Annotated, TypedDict

import azure.functions as func
from pydantic import BaseModel, ConfigDict, Field

from functions._api import operation
from functions._http import answer, body_of, now, operator, parameters
from functions.operator import the_tenant
from shared import directory
from shared.answers import Moment, Pagination
from shared.directory import Person
from shared.event import Text128, Text256, milliseconds
from shared.services import services
from shared.views import moment

users = func.Blueprint()
USERS = "operator/tenants/{tenant_id}/users"


class UserQuery(BaseModel):
    """Which page."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=1_000, description="Users of a page.")] = 50
    offset: Annotated[int, Field(ge=0, le=10_000_000, description="Users before the page.")] = 0


class UserSettings(BaseModel):
    """What is shown of a user; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[Text256 | None, Field(examples=["Ann Lee"])] = None
    email: Annotated[Text256 | None, Field(examples=["ann@contoso.example"])] = None


class OneUserQuery(BaseModel):
    """Which user. An id may hold any character, so that it stands in the query, not in the path."""

    model_config = ConfigDict(extra="forbid")

    user_id: Text128


class KnownUser(TypedDict):
    """A user of the directory."""

    user_id: str
    name: str | None
    email: str | None
    as_of: Annotated[Moment, Field(description="When they were last told of.")]


class KnownUsers(TypedDict):
    """One page of the directory."""

    data: list[KnownUser]
    pagination: Pagination


class ErasedUser(TypedDict):
    """The user is erased."""

    pseudonym: Annotated[
        str, Field(description="Stands in place of the id from now on.", examples=["erased-5f0c93d1"])
    ]


@operation(users, "GET", USERS, caller="operator", query=UserQuery, answer=KnownUsers)
async def list_users(req: func.HttpRequest) -> func.HttpResponse:
    """The users of whom events or the operator told a name or email, by id; none that is erased."""
    await operator(req)
    asked = parameters(req, UserQuery)
    tenant = await the_tenant(req)
    known = sorted((await directory.load(services().stores.usage, tenant.id)).items())
    page = known[asked.offset : asked.offset + asked.limit]
    pages = {"limit": asked.limit, "offset": asked.offset, "total": len(known)}
    return answer({"data": [shown(user, person) for user, person in page], "pagination": pages})


@operation(users, "PUT", USERS, caller="operator", query=OneUserQuery, body=UserSettings, answer=KnownUser)
async def put_user(req: func.HttpRequest) -> func.HttpResponse:
    """Says who a user is, in place of what events said before; later events may change it again."""
    await operator(req)
    user, tenant = parameters(req, OneUserQuery).user_id, await the_tenant(req)
    given = body_of(req, UserSettings)
    person = Person(given.name, given.email, milliseconds(now()))
    return answer(shown(user, await directory.update(services().stores, tenant.id, user, person)))


@operation(users, "DELETE", USERS, caller="operator", query=OneUserQuery, answer=ErasedUser)
async def delete_user(req: func.HttpRequest) -> func.HttpResponse:
    """Erases a user: a pseudonym stands in place of the id everywhere, past and to come, with no name.

    Sums stay what they are. It cannot be undone; done again it gives the same pseudonym.
    """
    await operator(req)
    user, tenant = parameters(req, OneUserQuery).user_id, await the_tenant(req)
    return answer({"pseudonym": await directory.erase(services().stores, tenant.id, user)})


def shown(user: str, person: Person) -> KnownUser:
    """A user as the operator reads it."""
    return {
        "user_id": user,
        "name": person.name,
        "email": person.email,
        "as_of": moment(person.seen),
    }
