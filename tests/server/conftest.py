"""Fixtures: one freshly booted Debian for all tests of a run, in the order of their files, and a CA that reaches it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from tests.lab.container import CANNOT, CannotBoot, Container
from tests.lab.machine import Missing, Ports
from tests.lab.pebble import Pebble
from tests.server.laptop import Laptop

PEBBLE_ROOT = "/etc/hookrunner-lab/pebble.pem"


@pytest.fixture(scope="session")
def container(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    """A server of ``$HOOKRUNNER_SUITE`` with nothing of ours on it; what a test changes stays for the next."""
    try:
        booted = Container(os.environ["HOOKRUNNER_SUITE"])
    except CannotBoot as reason:
        _cannot(str(reason))
    try:
        if lacks := _lacks(booted, tmp_path_factory.mktemp("registry")):
            _cannot(lacks)
        yield booted
    finally:
        booted.down()


@pytest.fixture(scope="session")
def pebble(container: Container, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pebble]:
    """A CA that validates over the server's ports; the root of its own HTTPS is on the server, see PEBBLE_ROOT."""
    ports = Ports()
    folder: Path = tmp_path_factory.mktemp("pebble")
    try:
        started = Pebble(folder, ports, http_port=80, https_port=443, env={}, config={})
    except Missing as missing:
        _cannot(str(missing))
    try:
        container.put(started.ca_bundle.read_text(), PEBBLE_ROOT)
        yield started
    finally:
        started.stop()
        ports.release()


@pytest.fixture(scope="session")
def laptop(container: Container, pebble: Pebble, tmp_path_factory: pytest.TempPathFactory) -> Laptop:
    """Somebody who deploys to the server."""
    return Laptop(tmp_path_factory.mktemp("laptop"), container, pebble)


def _lacks(container: Container, folder: Path) -> str | None:
    """Which package registry cannot be reached, so that the README's steps cannot be typed here."""
    lists = container.run("apt-get update -qq 2>&1; status=$?; rm -rf /var/lib/apt/lists/*; exit $status", check=False)
    if lists.returncode:
        return f"apt in the container does not reach its mirror: {lists.stdout.strip()[-200:]}"
    # The container has the settings of pip.conf alone.
    env = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    words = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--no-cache-dir",
        "--dest",
        str(folder),
        "toml",
    ]
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=False, timeout=300)
    return f"pip does not reach its registry: {done.stderr.strip()[-200:]}" if done.returncode else None


def _cannot(reason: str) -> NoReturn:
    """End the run without a verdict: the machine is not up to it, and the product was not tried."""
    if file := os.environ.get("HOOKRUNNER_CANNOT"):
        Path(file).write_text(reason)
    pytest.exit(reason, returncode=CANNOT)
