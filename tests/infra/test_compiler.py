"""The real compiler and its linter, where they are installed: no error and no warning."""

import re
import shutil
import subprocess

import pytest

from tests.infra.bicep import INFRA, MAIN

BICEP = shutil.which("bicep")
COMMANDS = (
    ("build", "--stdout", str(MAIN)),
    ("lint", str(MAIN)),
    ("build-params", "--stdout", str(INFRA / "main.bicepparam")),
)
TROUBLE = re.compile(r"^.*: (?:Warning|Error) .*$", re.MULTILINE)


@pytest.mark.skipif(BICEP is None, reason="needs the Bicep CLI; .github/workflows/ci.yml has it")
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_the_compiler_has_nothing_to_say(command: tuple[str, ...]) -> None:
    """Every module is compiled, type-checked and linted by the rules of bicepconfig.json."""
    done = subprocess.run(  # noqa: S603
        [str(BICEP), *command], capture_output=True, text=True, check=False
    )
    assert TROUBLE.findall(done.stderr) == []
    assert done.returncode == 0, done.stderr
