"""`python -m tests.fuzz.run TARGET …`: one target under atheris; all other arguments are libFuzzer's."""

import sys

import atheris

with atheris.instrument_imports(include=["shared", "functions"]):
    from tests.fuzz.targets import TARGETS


def main() -> None:
    """Runs until libFuzzer is told to end, or until the target's promise is broken."""
    name, *options = sys.argv[1:]
    target, _ = TARGETS[name]
    atheris.Setup([sys.argv[0], *options], target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
