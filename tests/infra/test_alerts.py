"""Operators are told of losses, lag, differences, errors and throttling, in the words of the code."""

import json
import re

import pytest

import function_app
from tests.infra.bicep import INFRA, ROOT, loop_over

FIELDS = r"AppTraces|AppRequests|AppExceptions|AppMetrics"


def code() -> str:
    """The text of the deployed code, with the placeholders of log messages as numbers."""
    files = [*(ROOT / "functions").rglob("*.py"), *(ROOT / "shared").rglob("*.py")]
    return "\n".join(path.read_text() for path in sorted(files)).replace("%d", "1")


def queries() -> dict[str, str]:
    """The queries of alerts and workbook, by name."""
    alerts = {str(rule["name"]): str(rule["query"]) for rule in loop_over("alerts", "queryAlerts")}
    workbook = json.loads((INFRA / "workbook.json").read_text())["items"]
    return alerts | {item["name"]: item["content"]["query"] for item in workbook if item["type"] == 3}


def test_each_kind_of_trouble_has_a_rule() -> None:
    """Rejects, poison, lag of folding and sealing, differences, 5xx, failures, throttling, notifications."""
    rules = {str(rule["name"]) for rule in loop_over("alerts", "queryAlerts")}
    throttling = {str(rule["name"]) for rule in loop_over("alerts", "metricAlerts")}
    assert rules >= {"rejects", "poison", "fold-lag", "seal-differences", "server-errors", "failures"}
    assert rules >= {"alerts-lag", "notifications-poison", "notifications-failed"}
    assert throttling == {"cosmos-throttling", "storage-throttling"}


def test_queries_look_for_messages_that_the_code_logs() -> None:
    """Each text that a query looks for is in the code."""
    texts = re.findall(r'(?:startswith|has|endswith) "([^"]+)"', " ".join(queries().values()))
    assert len(texts) >= 4
    assert [text for text in texts if text not in code()] == []


def test_the_rule_for_rejects_matches_what_is_logged() -> None:
    """A message with rejected events does, one without does not."""
    (pattern,) = re.findall(r'matches regex "([^"]+)"', queries()["rejects"])
    (logged,) = re.findall(r'"(accepted 1, [^"]+)"', code())
    assert re.search(pattern, logged)
    assert not re.search(pattern, logged.replace("rejected 1", "rejected 0"))


@pytest.mark.parametrize(
    ("query", "said", "is_found"),
    [
        ("notifications-failed", ("fired", "email", "failed"), True),
        ("notifications-failed", ("undelivered", "ticket", "failed"), True),
        ("notifications-failed", ("fired", "webhook", "failed"), False),
        ("notifications-failed", ("fired", "email", "delivered"), False),
    ],
)
def test_queries_for_notifications_match_what_is_logged(
    query: str, said: tuple[str, str, str], is_found: bool
) -> None:
    """Operators hear of mails and tickets; webhooks are their receivers' business."""
    (pattern,) = re.findall(r'matches regex "([^"]+)"', queries()[query])
    (logged,) = re.findall(r'"(%s by %s: %s)"', code())
    assert bool(re.search(pattern, logged % said)) == is_found


def test_queries_name_metrics_that_the_code_measures() -> None:
    """Names and attributes are those of shared/telemetry.py and of the calls."""
    asked = [query for query in queries().values() if query.startswith("AppMetrics")]
    metrics = set(re.findall(r'"(usage\.[a-z.]+)"', " ".join(asked)))
    instruments = set(re.findall(r'"(usage\.[a-z.]+)"', (ROOT / "shared/telemetry.py").read_text()))
    assert len(metrics) >= 5
    assert metrics <= instruments
    attributes = set(re.findall(r"Properties\.(\w+)", " ".join(asked)))
    assert [name for name in attributes if f'"{name}": ' not in code()] == []


def test_queries_name_functions_that_exist() -> None:
    """The rounds that must succeed are functions of the app."""
    function_app.app.functions_bindings = {}  # it would refuse to be asked twice
    functions = {one.get_function_name() for one in function_app.app.get_functions()}
    named = set(re.findall(r'"([a-z]+_[a-z_]+)"', " ".join(queries().values())))
    assert {"fold_days", "seal_days", "evaluate_alerts"} <= named <= functions


def test_every_query_asks_a_table_of_application_insights() -> None:
    """The first word of a query is a table."""
    assert [name for name, query in queries().items() if not re.match(rf"(?:{FIELDS}) \|", query)] == []
