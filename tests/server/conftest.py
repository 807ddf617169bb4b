"""Fixtures: one freshly booted Debian for all tests of a run, in the order of their files, and a CA that reaches it."""

import os
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
def container() -> Iterator[Container]:
    """A server of ``$HOOKRUNNER_SUITE`` with nothing of ours on it; what a test changes stays for the next."""
    try:
        booted = Container(os.environ["HOOKRUNNER_SUITE"])
    except CannotBoot as reason:
        _cannot(str(reason))
    try:
        yield booted
    finally:
        booted.down()


@pytest.fixture(scope="session")
def pebble(container: Container, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pebble]:
    """A CA that validates over the server's ports; the root of its own HTTPS is on the server, see PEBBLE_ROOT."""
    ports = Ports()
    folder: Path = tmp_path_factory.mktemp("pebble")
    try:
        started = Pebble(folder, ports, http_port=80, https_port=443, env={})
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


def _cannot(reason: str) -> NoReturn:
    """End the run without a verdict: the machine is not up to it, and the product was not tried."""
    if file := os.environ.get("HOOKRUNNER_CANNOT"):
        Path(file).write_text(reason)
    pytest.exit(reason, returncode=CANNOT)
