"""The account, databases, containers and partition key ranges over HTTP."""

from local.cosmos import values
from local.cosmos.errors import refused
from local.cosmos.store import Container, Store
from local.cosmos.values import Document, Json
from local.cosmos.wire import Answer, Call


def answer(store: Store, call: Call, url: str) -> Answer:
    """Answer a request that is no item operation; CosmosError when it fails."""
    done = None
    if call.method == "GET":
        done = _read(store, call, url)
    elif call.method == "POST" and not _is_query(call):
        done = _create(store, call)
    elif call.method == "DELETE":
        done = _delete(store, call)
    if done is None:
        raise refused(f"{call.method} {_described(call)}")
    return done


def _read(store: Store, call: Call, url: str) -> Answer | None:
    match call.segments:
        case []:
            return Answer.of(_account(url))
        case ["dbs"]:
            return _feed("Databases", store.databases())
        case ["dbs", database]:
            return _resource(store.database(database))
        case ["dbs", database, "colls"]:
            return _feed("DocumentCollections", store.containers(database))
        case ["dbs", database, "colls", container]:
            return _resource(store.container(database, container).properties)
        case ["dbs", database, "colls", container, "pkranges"]:
            return _partition_key_ranges(store.container(database, container), call)
    return None


def _create(store: Store, call: Call) -> Answer | None:
    match call.segments:
        case ["dbs"]:
            return _resource(store.create_database(values.document(call.body)), 201)
        case ["dbs", database, "colls"]:
            return _resource(store.create_container(database, values.document(call.body)), 201)
    return None


def _delete(store: Store, call: Call) -> Answer | None:
    match call.segments:
        case ["dbs", database]:
            store.delete_database(database)
        case ["dbs", database, "colls", container]:
            store.delete_container(database, container)
        case _:
            return None
    return Answer(204)


def _is_query(call: Call) -> bool:
    return call.headers.get("content-type") == "application/query+json"


def _described(call: Call) -> str:
    if call.method == "PATCH":
        return "of an item (patch)"
    if "A-IM" in call.headers:
        return "of the change feed"
    if _is_query(call):
        return "of a query plan, or a query over databases or containers"
    return f"on /{'/'.join(call.segments)}"


def _resource(properties: Document, status: int = 200) -> Answer:
    return Answer.of(properties, status, str(properties["_etag"]))


def _feed(name: str, resources: list[Json]) -> Answer:
    return Answer.of({"_rid": "", name: resources, "_count": len(resources)})


def _partition_key_ranges(container: Container, call: Call) -> Answer:
    """The one range that holds every partition; the client asks until it is told 304."""
    etag = '"1"'
    if call.headers.get("If-None-Match") == etag:
        return Answer(304, headers={"etag": etag})
    only: Document = {
        "_rid": container.rid,
        "id": "0",
        "_etag": etag,
        "minInclusive": "",
        "maxExclusive": "FF",
        "ridPrefix": 0,
        "_self": f"{container.link}pkranges/0/",
        "throughputFraction": 1,
        "status": "online",
        "parents": [],
        "_ts": container.properties["_ts"],
    }
    ranges: Document = {"_rid": container.rid, "PartitionKeyRanges": [only], "_count": 1}
    return Answer.of(ranges, etag=etag)


def _account(url: str) -> Document:
    here: Json = [{"name": "Local", "databaseAccountEndpoint": url}]
    return {
        "_self": "",
        "id": "local",
        "_rid": "local",
        "media": "//media/",
        "addresses": "//addresses/",
        "_dbs": "//dbs/",
        "writableLocations": here,
        "readableLocations": here,
        "enableMultipleWriteLocations": False,
        "userConsistencyPolicy": {"defaultConsistencyLevel": "Session"},
        "queryEngineConfiguration": "{}",
    }
