"""Containers: which properties are accepted, and what an indexing policy can serve."""

import re

from local.cosmos.errors import CosmosError, refused
from local.cosmos.values import Document, Json, Path, document

SYSTEM_PROPERTIES = ("_rid", "_self", "_etag", "_attachments", "_ts")
_ACCEPTED = {"id", "partitionKey", "indexingPolicy", "defaultTtl", *SYSTEM_PROPERTIES}
_KEY_PATH = re.compile(r"(/[A-Za-z_][A-Za-z0-9_]*)+")
_DEFAULT_INDEXING: Document = {
    "indexingMode": "consistent",
    "automatic": True,
    "includedPaths": [{"path": "/*"}],
    "excludedPaths": [{"path": '/"_etag"/?'}],
}


def valid_id(value: Json) -> str:
    """`value` when it can be an id; CosmosError 400 otherwise (the service's own rules)."""
    if (
        not isinstance(value, str)
        or not 0 < len(value.encode()) <= 1023
        or any(character in value for character in "/\\?#")
    ):
        raise CosmosError(400, "The input id is invalid: a string of 1 to 1023 bytes, no / \\ ? #")
    return value


def valid_ttl(value: Json, name: str) -> int | None:
    """A time to live in seconds, -1 for never, None where there is none; CosmosError 400 else."""
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and (value == -1 or value > 0):
        return value
    raise CosmosError(400, f"The value of '{name}' must be -1 or a positive number of seconds")


def container_properties(body: Document) -> Document:
    """The properties that a new container keeps; CosmosError 400 for what is refused."""
    given: Document = {name: value for name, value in body.items() if value is not None}
    if unknown := sorted(set(given) - _ACCEPTED):
        raise refused(f"the container settings {', '.join(unknown)}")
    valid_id(given.get("id"))
    valid_ttl(given.get("defaultTtl"), "defaultTtl")
    partition_key_path(given)
    indexing = document(given.get("indexingPolicy") or {})
    given["indexingPolicy"] = _DEFAULT_INDEXING | indexing
    return {name: value for name, value in given.items() if name not in SYSTEM_PROPERTIES}


def partition_key_path(properties: Document) -> Path:
    """The path of the partition key; CosmosError 400 unless it is a single path, Hash, version 2."""
    match properties.get("partitionKey"):
        case {"paths": [str(path)], "kind": "Hash", "version": 2} if _KEY_PATH.fullmatch(path):
            return tuple(path[1:].split("/"))
    raise refused("partition keys other than one path of plain names, kind Hash, version 2")


def included_paths(indexing: Document) -> list[Path]:
    """The single properties that an indexing policy names (`/kind/?`)."""
    paths = [_pattern(entry) for entry in _entries(indexing, "includedPaths")]
    return [tuple(parts[:-1]) for parts in paths if parts[-1] == "?"]


def check_order(indexing: Document, order: tuple[tuple[Path, bool], ...]) -> None:
    """CosmosError 400 for an ORDER BY that this indexing policy cannot serve."""
    for path, _ in order:
        if not _indexed(indexing, path):
            raise CosmosError(
                400,
                "The order-by query could not be served: the path "
                f"/{'/'.join(path)} is excluded from the index.",
            )
    if len(order) > 1 and not _has_composite(indexing, order):
        raise CosmosError(
            400,
            "The order by query does not have a corresponding composite index that it can be served from.",
        )


def _indexed(indexing: Document, path: Path) -> bool:
    """Whether the most precise included or excluded path that fits `path` includes it."""
    if indexing.get("indexingMode") == "none":
        return False
    if path in (("id",), ("_ts",)):
        return True
    best = (-1, False)
    for name, included in (("includedPaths", True), ("excludedPaths", False)):
        for entry in _entries(indexing, name):
            *parts, last = _pattern(entry)
            if last == "?" and path == tuple(parts):
                best = max(best, (2 * len(parts) + 1, included))
            elif last == "*" and path[: len(parts)] == tuple(parts):
                best = max(best, (2 * len(parts), included))
    return best[1]


def _has_composite(indexing: Document, order: tuple[tuple[Path, bool], ...]) -> bool:
    """Whether a composite index has these paths with these directions, or with all reversed."""
    wanted = [(list(path), descending) for path, descending in order]
    reverse = [(path, not descending) for path, descending in wanted]
    composites = indexing.get("compositeIndexes")
    for composite in composites if isinstance(composites, list) else []:
        fields = [document(field) for field in composite] if isinstance(composite, list) else []
        if [(_pattern(field), field.get("order") == "descending") for field in fields] in (
            wanted,
            reverse,
        ):
            return True
    return False


def _entries(indexing: Document, name: str) -> list[Document]:
    entries = indexing.get(name)
    return [document(entry) for entry in entries] if isinstance(entries, list) else []


def _pattern(entry: Document) -> list[str]:
    """The parts of an index path such as `/kind/?` or `/"_etag"/?`."""
    return [part.strip('"') for part in str(entry.get("path", "")).strip("/").split("/")]
