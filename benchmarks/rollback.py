"""How long a rollback takes while the site is asked all the time, against the push that it takes back.

    .venv/bin/python -m benchmarks.rollback

Local Pebble, nginx and git on the same machine; four visitors ask over HTTPS, each time over a new connection and with
a pause between two requests (they share the processors with everything else). A round is a push and the rollback of it,
so the ratio compares what ran side by side. A rollback's figure is the whole command, from its start to its end;
"switched" is the moment from which a visitor gets the earlier release.
"""

import argparse
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.lab.pushing import Visitor, visiting
from tests.lab.server import Clone, Server

_VISITORS = 4


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks.rollback")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--domains", type=int, default=20)
    parser.add_argument("--pause", type=float, default=0.02, help="seconds")
    arguments = parser.parse_args()
    print(f"{'':<44} {'push':>8} {'rollback':>9} {'switched':>9} {'ratio':>6} {'requests':>9} {'failed':>7}")
    for title, names_change in (("content alone", False), ("a name goes, nginx is reloaded", True)):
        server = Server()
        try:
            _table(title, server, arguments.domains, arguments.rounds, arguments.pause, names_change=names_change)
        finally:
            server.down()


def _table(title: str, server: Server, domains: int, rounds: int, pause: float, *, names_change: bool) -> None:
    clone = server.app("shop")
    names = [f"d{number}.example.org" for number in range(domains)]
    _commit(clone, names, "first")
    assert clone.push().status == 0
    _commit(clone, [*names, "more.example.org"], "certificates for all")
    assert clone.push().status == 0
    times: list[tuple[float, float, float]] = []
    with _visitors(server, names[0], pause) as visitors:
        for number in range(rounds):
            _commit(clone, names, f"old {number}")
            assert clone.push().status == 0
            _commit(clone, [*names, "more.example.org"] if names_change else names, f"new {number}")
            began = time.monotonic()
            assert clone.push().status == 0
            pushed = time.monotonic() - began
            with server.start("rollback", "shop") as rollback:
                began = time.monotonic()
                while server.get(names[0], https=True).body != f"old {number}":
                    pass
                switched = time.monotonic() - began
                assert rollback.wait() == 0
                times.append((pushed, time.monotonic() - began, switched))
    push, back, switched = (statistics.median(column) for column in zip(*times, strict=True))
    ratio = statistics.median(b / p for p, b, _ in times)
    asked, failed = sum(v.answered for v in visitors), sum(len(v.wrong) for v in visitors)
    slowest = max(b for _, b, _ in times)
    title = f"{title}, {domains} domains"
    print(f"{title:<44} {push:>6.2f} s {back:>7.2f} s {switched:>7.2f} s {ratio:>6.2f} {asked:>9} {failed:>7}")
    print(f"{'  the slowest of ' + str(rounds):<44} {'':>8} {slowest:>7.2f} s", flush=True)


@contextmanager
def _visitors(server: Server, host: str, pause: float) -> Iterator[list[Visitor]]:
    def ask() -> str | None:
        time.sleep(pause)
        answer = server.get(host, https=True)
        return None if answer.status == 200 else str(answer.status)

    with ExitStack() as stack:
        yield [stack.enter_context(visiting(ask)) for _ in range(_VISITORS)]


def _commit(clone: Clone, names: list[str], page: str) -> None:
    clone.commit({"app.toml": f"domains = {names!r}\nroot = 'public'\n".replace("'", '"'), "public/index.html": page})


if __name__ == "__main__":
    main()
