"""The security notes: what they name as proof is there."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_proofs_of_the_security_notes_exist() -> None:
    """Each test that docs/security.md names is a test, and each threat names one."""
    notes = (ROOT / "docs" / "security.md").read_text()
    named = set(re.findall(r"`(test_\w+)`", notes))
    assert len(named) > 30
    assert named - all_tests() == set()
    threats = notes.split("## Threats")[1].split("## ")[0].splitlines()
    rows = [line for line in threats if line.startswith("|")][2:]
    assert [row for row in rows if "`test_" not in row] == []


def all_tests() -> set[str]:
    """The names of all tests."""
    return {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }
