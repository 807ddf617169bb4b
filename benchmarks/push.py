"""What a push costs: issuing new domains, changing none, and how often nginx is reloaded.

    .venv/bin/python -m benchmarks.push

Local Pebble without sleeps, nginx and git on the same machine. Each figure is a whole `git push`, from its start until
every domain was verified over HTTPS by a client of its own (or, for the push that changes no domain, until it returns).
"""

import argparse
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab.server import Clone, Server


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(prog="benchmarks.push")
    parser.add_argument("--domains", type=int, nargs="*", default=[1, 3, 20, 100])
    parser.add_argument("--pairs", type=int, default=20)
    arguments = parser.parse_args()
    issuing(arguments.domains)
    unchanged(arguments.pairs)


def issuing(counts: list[int]) -> None:
    """Pushes with new domains."""
    print(f"{'new domains':>11} {'push to verified':>17} {'a certificate':>14} {'peak memory':>12} {'reloads':>8}")
    for count in counts:
        server = Server()
        try:
            clone = server.app("shop")
            domains = [f"d{number}.example.org" for number in range(count)]
            clone.commit({"app.toml": _manifest(domains), "public/index.html": "x"})
            with _peak_memory() as peak:
                started = time.monotonic()
                push = clone.push()
                for domain in domains:
                    assert server.get(domain, https=True).status == 200, push.text
                took = time.monotonic() - started
            print(
                f"{count:>11} {took:>15.2f} s {1000 * took / count:>11.0f} ms {peak[0] / 1024:>8.0f} MiB"
                f" {server.nginx.reloads():>8}",
                flush=True,
            )
        finally:
            server.down()


def unchanged(pairs: int) -> None:
    """A push that changes one file, against the same push to a bare repository without hooks, in turn."""
    server = Server()
    try:
        ours = server.app("shop")
        bare = server.folder / "bare.git"
        subprocess.run(["git", "init", "--quiet", "--bare", str(bare)], check=True)
        theirs = Clone(server.folder / "clones" / "bare", bare)
        for clone in (ours, theirs):
            clone.commit({"app.toml": _manifest(["shop.example.org"]), "public/index.html": "x"})
            assert clone.push().status == 0
        before = server.nginx.reloads()
        times: list[tuple[float, float]] = []
        for number in range(pairs):
            for clone in (ours, theirs):
                clone.commit({"public/index.html": str(number)})
            times.append((_timed(ours), _timed(theirs)))
        with_hooks, without = (statistics.median(column) for column in zip(*times, strict=True))
        more = statistics.median(a - b for a, b in times)
        print(f"\n{'a push that changes no domain':<40} {'median':>9}")
        print(f"{'  to hookrunner':<40} {with_hooks:>7.3f} s")
        print(f"{'  to a bare repository without hooks':<40} {without:>7.3f} s")
        print(f"{'  the difference, pair by pair':<40} {more:>7.3f} s")
        print(f"{'  nginx reloads':<40} {server.nginx.reloads() - before:>9}")
    finally:
        server.down()


def _manifest(domains: list[str]) -> str:
    return f"domains = {domains!r}\nroot = 'public'\n".replace("'", '"')


def _timed(clone: Clone) -> float:
    started = time.monotonic()
    assert clone.push().status == 0
    return time.monotonic() - started


@contextmanager
def _peak_memory() -> Iterator[list[int]]:
    """The largest resident set of any one process of a hook, in KiB, by the kernel's own account (proc(5), VmHWM)."""
    peak, over = [0], threading.Event()

    def watch() -> None:
        while not over.wait(0.01):
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    if b"post-receive" in (process / "cmdline").read_bytes():
                        status = (process / "status").read_text()
                        line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
                        peak[0] = max(peak[0], int(line.split()[1]))
                except (OSError, StopIteration):
                    continue

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        over.set()
        watcher.join()


if __name__ == "__main__":
    main()
