"""`azd up`: azure.yaml fits Bicep, what is packed is the function app, and its hooks work."""

import hashlib
import json
import os
import re
import shutil
import subprocess
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.keys import is_operator
from tests.infra.bicep import MAIN, ROOT, parsed, the, without_comments

DEPLOYED = {"function_app.py", "functions", "host.json", "requirements.txt", "shared"}
AZD: dict[str, Any] = yaml.safe_load((ROOT / "azure.yaml").read_text())
MAKE_KEY: str = AZD["hooks"]["preprovision"]["run"]
BUILD_PAGE: str = AZD["services"]["web"]["hooks"]["predeploy"]["run"]
API = "https://func-x.example"


def test_each_service_has_a_tagged_resource() -> None:
    """azd finds where to deploy a service by the tag azd-service-name."""
    tags = re.findall(r"'azd-service-name': '(\w+)'", without_comments(MAIN))
    assert sorted(tags) == sorted(AZD["services"])
    assert {service["host"] for service in AZD["services"].values()} == {"function", "staticwebapp"}


def test_azd_knows_the_template() -> None:
    """The files that azure.yaml names exist, and main makes the outputs that azd needs."""
    assert (ROOT / AZD["infra"]["path"] / f"{AZD['infra']['module']}.bicep") == MAIN
    outputs = parsed(MAIN)["outputs"]
    assert {"AZURE_LOCATION", "AZURE_TENANT_ID", "AZURE_RESOURCE_GROUP", "SERVICE_API_URI"} <= outputs.keys()


def test_the_package_is_the_function_app_and_nothing_else() -> None:
    """.funcignore leaves out every file at the top that the function app does not need."""
    lines = (ROOT / ".funcignore").read_text().splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    parts = [Path(name).parts for name in listed.stdout.splitlines()]
    packed = [one for one in parts if not any(fnmatch(part, pattern) for part in one for pattern in patterns)]
    assert {one[0] for one in packed} == DEPLOYED
    assert len(packed) == sum(one[0] in DEPLOYED for one in parts)


@pytest.fixture
def azd(tmp_path: Path) -> Path:
    """A stand-in for azd that writes down what it is asked."""
    stand_in = tmp_path / "azd"
    stand_in.write_text(f'#!/bin/sh\necho "$@" >> "{tmp_path}/asked"\n')
    stand_in.chmod(0o755)
    return stand_in


def run_hook(azd: Path, script: str, cwd: Path = ROOT, **settings: str) -> str:
    """What the hook prints; azd runs it by `sh -e`."""
    environment = {"PATH": f"{azd.parent}:{os.environ['PATH']}", **settings}
    command = ["/bin/sh", "-e", "-c", script]
    done = subprocess.run(  # noqa: S603
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_the_first_deployment_makes_an_operator_key(azd: Path) -> None:
    """The key is printed once, and only its hash is kept: the service takes the key by it."""
    key = run_hook(azd, MAKE_KEY).split()[-1]
    kept = (azd.parent / "asked").read_text().split()
    assert kept == ["env", "set", "OPERATOR_KEY_SHA256", hashlib.sha256(key.encode()).hexdigest()]
    assert is_operator(key, kept[-1])
    assert len(key) == 64


def test_a_later_deployment_keeps_the_operator_key(azd: Path) -> None:
    """A hash that is set stays."""
    assert run_hook(azd, MAKE_KEY, OPERATOR_KEY_SHA256="ab" * 32) == ""
    assert not (azd.parent / "asked").exists()


@pytest.fixture
def checkout(azd: Path, tmp_path: Path) -> Path:
    """A copy of what the page is made of, and a stand-in for make: what it sets up is there."""
    made = azd.with_name("make")
    made.write_text(f'#!/bin/sh\necho "$@" >> "{tmp_path}/made"\n')
    made.chmod(0o755)
    root = tmp_path / "checkout"
    shutil.copytree(ROOT / "dashboard", root / "dashboard", ignore=shutil.ignore_patterns("dist", "node_*"))
    (root / "dashboard/node_modules").symlink_to(ROOT / "dashboard/node_modules")
    (root / ".venv").symlink_to(ROOT / ".venv")
    return root


def test_the_dashboard_is_built_for_where_the_api_is(azd: Path, checkout: Path) -> None:
    """Before it is put up: its pages ask the function app, their policy allows that, and portals embed it."""
    settings = {"DASHBOARD_API_URI": API, "DASHBOARD_PARENTS": "https://a.example https://b.example"}
    run_hook(azd, BUILD_PAGE, checkout / "dashboard", **settings)
    assert (azd.parent / "made").read_text() == ".venv/.ready\n"
    dist = checkout / "dashboard" / AZD["services"]["web"]["dist"]
    hosting = json.loads((dist / "staticwebapp.config.json").read_text())
    policy = hosting["globalHeaders"]["Content-Security-Policy"]
    assert f"connect-src 'self' {API};" in policy
    assert policy.endswith("frame-ancestors 'self' https://a.example https://b.example")
    assert API in (dist / "index.html").read_text()


def test_without_portals_nobody_embeds_the_dashboard(azd: Path, checkout: Path) -> None:
    """DASHBOARD_PARENTS may be left out."""
    run_hook(azd, BUILD_PAGE, checkout / "dashboard", DASHBOARD_API_URI=API)
    hosting = (checkout / "dashboard/dist/staticwebapp.config.json").read_text()
    assert "frame-ancestors 'self'\"" in hosting


def test_pages_may_call_the_api_that_they_are_built_for() -> None:
    """The function app answers the origin of the static web app, which sends no cookies."""
    outputs = parsed(MAIN)["outputs"]
    assert "DASHBOARD_API_URI" in outputs
    cors = the("Microsoft.Web/sites")["siteConfig"]["cors"]
    assert cors == {"allowedOrigins": "allowedOrigins", "supportCredentials": False}
    assert re.search(r"allowedOrigins: \[\s*web\.outputs\.uri\s*\]", MAIN.read_text())
