"""Seconds until 1, 10 and 50 new domains have a certificate each: hookrunner, certbot, lego, dehydrated and Caddy.

    .venv/bin/python -m benchmarks.issuance

Needs what is compared (apt-get install certbot lego dehydrated caddy); a client that is missing has a row that says so.
All ask the same Pebble on this machine (no sleeps, some nonces rejected, http-01 really validated), one after another
in every round, for names that nobody asked for before. Each has its account and a first certificate when the clock
starts, and runs with its own defaults. On the clock is:

hookrunner
    ``hookrunner deploy`` of a commit with the domains, to a new app, until a client of its own got a page from each by
    verified HTTPS. That has the look at each name before the CA is asked in it, nginx's test and reload, and the look
    at each name afterwards.
git push
    The same from the other end: a ``git push`` of that commit, with git's own work and the hooks'.
certbot
    ``certbot certonly --webroot``, one run a domain, through nginx, until the last one ended.
lego
    ``lego --http run`` with its own server on the port, one run a domain, until the last one ended.
dehydrated
    ``dehydrated --cron --keep-going`` with the domains in domains.txt, one a line, through nginx, until it ended well:
    it does not repeat a request whose nonce was rejected, and so it is run again for what is missing.
caddy
    ``caddy reload`` of a running Caddy without a site to a Caddyfile with all domains, until each answers over verified
    HTTPS.

hookrunner and Caddy serve the domains in the end. The others leave files, which are looked at when the clock has
stopped; the reload of a web server would come on top. The ratio to hookrunner is the median of those within each round:
both sides of it ran next to each other.
"""

import argparse
import gzip
import os
import platform
import statistics
import sys
import textwrap
import time
from collections import defaultdict
from pathlib import Path

from benchmarks.issuance.client import Client, Failed
from benchmarks.issuance.files import Certbot, Dehydrated, Lego
from benchmarks.issuance.servers import Caddy, Hookrunner, Push
from tests.lab.machine import Missing, program, version
from tests.lab.server import Server

_CLIENTS: tuple[type[Client], ...] = (Hookrunner, Push, Certbot, Lego, Dehydrated, Caddy)
_NAMES = [kind.name for kind in _CLIENTS]


class _Results:
    """What the turns of each client and number of domains gave."""

    def __init__(self) -> None:
        self.seconds: defaultdict[tuple[str, int], list[float]] = defaultdict(list)
        self.errors: defaultdict[tuple[str, int], list[str]] = defaultdict(list)

    def cell(self, name: str, size: int) -> str:
        """Seconds and ratio, or how many turns failed."""
        seconds, errors = self.seconds[name, size], self.errors[name, size]
        if errors:
            return f"{f'failed {len(errors)} of {len(errors) + len(seconds)}':>19}"
        base, ratio = self.seconds[Hookrunner.name, size], ""
        if len(base) == len(seconds):
            ratio = f"{statistics.median(a / b for a, b in zip(seconds, base, strict=True)):.1f} x"
        return f"{statistics.median(seconds):>9.2f} s{ratio:>8}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks.issuance")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", type=_numbers, default=[1, 10, 50], help="how many domains: 1,10,50")
    parser.add_argument("--only", type=_names, default=_NAMES, metavar="CLIENTS", help=",".join(_NAMES))
    parser.add_argument("--nonces", type=int, default=5, help="how many of a hundred Pebble rejects")
    arguments = parser.parse_args()
    server = Server(pebble_env={"PEBBLE_WFE_NONCEREJECT": str(arguments.nonces)})
    try:
        nginx = ".".join(map(str, version([server.nginx.program, "-v"])))
        print(f"{os.cpu_count()} CPUs, {platform.system()} {platform.release()}, Python {platform.python_version()},")
        print(f"nginx {nginx}, Pebble {_pebble()} that rejects {arguments.nonces} % of the nonces", flush=True)
        _compare(server, arguments.only, arguments.sizes, arguments.rounds)
    finally:
        server.down()


def _compare(server: Server, names: list[str], sizes: list[int], rounds: int) -> None:
    clients: dict[str, Client] = {}
    instead: dict[str, str] = {}  # of numbers
    for kind in _CLIENTS:
        if kind.name in names:
            try:
                client = kind(server)
                client.set_up()
                clients[kind.name] = client
            except Missing:
                instead[kind.name] = f"not installed: apt-get install {kind.name}"
            except Exception as error:
                instead[kind.name] = f"failed before the first round: {_line(error)}"
    results = _measured(list(clients.values()), sizes, rounds)
    titles = "".join(f"{f'{size} domain' + 's' * (size != 1):>19}" for size in sizes)
    print(f"\n{'client':<12}{'version':<8}{titles}")
    for name in _NAMES:
        if name in instead:
            print(textwrap.fill(f"{name:<12}{instead[name]}", 80, subsequent_indent=" " * 12))
        elif name in clients:
            client = clients[name]
            print(f"{name:<12}{client.version():<8}{''.join(results.cell(name, size) for size in sizes)}")
            for size in sizes:
                for line in results.errors[name, size][-1:]:
                    print(textwrap.fill(f"{size}: {line}", 80, initial_indent=" " * 12, subsequent_indent=" " * 12))
            if client.repeated:
                print(f"{'':<12}run again {client.repeated} times in all, as it had failed; on the clock")


def _measured(clients: list[Client], sizes: list[int], rounds: int) -> _Results:
    results = _Results()
    for number in range(1, rounds + 1):
        for size in sizes:
            for client in clients:
                title = f"r{number}-{size}"
                domains = [f"d{one}.{title}.{client.name.replace(' ', '-')}.example" for one in range(size)]
                try:
                    with client.turn(title, domains) as issue:
                        began = time.monotonic()
                        issue()
                        took = time.monotonic() - began
                    client.verify(domains)
                    results.seconds[client.name, size].append(took)
                    ended = f"{took:.2f} s"
                except Exception as error:
                    ended = _line(error)
                    results.errors[client.name, size].append(ended)
                print(f"round {number}, {client.name}, {size} new: {ended}", file=sys.stderr, flush=True)
    return results


def _pebble() -> str:
    """Pebble's version: Debian's build of it says "dev", so its package's changelog is asked first."""
    path = Path(program("pebble"))
    changelog = path.parents[1] / "share" / "doc" / "pebble" / "changelog.Debian.gz"
    if not changelog.exists():
        return ".".join(map(str, version([str(path), "-version"]))) or "of an unknown version"
    with gzip.open(changelog, "rt") as lines:
        return next(lines).split("(")[1].split("+")[0].split("-")[0]


def _line(error: Exception) -> str:
    """One line that says what went wrong."""
    return str(error) if isinstance(error, Failed) else f"{type(error).__name__}: {' '.join(str(error).split())}"


def _numbers(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


def _names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in _NAMES]:
        raise argparse.ArgumentTypeError(f"no such client: {', '.join(unknown)}")
    return names


if __name__ == "__main__":
    main()
