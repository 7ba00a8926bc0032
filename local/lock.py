"""`make lock`: compiles pyproject.toml to the lock files, with hashes and without registry hosts."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
FILES = {
    "requirements.txt": ("pyproject.toml",),
    "requirements-dev.txt": ("pyproject.toml", "--group", "dev"),
    "bench/requirements.txt": ("--group", "bench", "--constraints", "requirements-dev.txt"),
    "tests/fuzz/requirements.txt": ("--group", "fuzz", "--constraints", "requirements-dev.txt"),
}


def compile_lock(name: str, *more: str) -> None:
    """Writes one lock file; versions that still fit stay as they are."""
    uv = Path(sys.executable).with_name("uv")
    command = [str(uv), "pip", "compile", *FILES[name], "--generate-hashes"]
    output = ["--no-header", "--quiet", "--output-file", name]
    subprocess.run([*command, *output, *more], cwd=ROOT, check=True)


def main() -> None:
    """The command; its arguments go to uv, such as --upgrade."""
    for name in FILES:
        compile_lock(name, *sys.argv[1:])


if __name__ == "__main__":
    main()
