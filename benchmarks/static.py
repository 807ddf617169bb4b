"""Requests a second for a small static file: a deployed site against server blocks written by hand, in the same nginx.

    .venv/bin/python -m benchmarks.static

Needs wrk (apt install wrk). Runs take turns, and what is compared is the ratio within each round: both sides of it ran
next to each other on the same machine.
"""

import argparse
import re
import statistics
import subprocess
import sys
import time

from tests.lab.machine import Missing, program
from tests.lab.server import Server

_PAGE = "<!doctype html><title>small</title>" + "x" * 900
_RULES = """
[[redirects]]
from = "/old/*"
to = "/new/:splat"
[[headers]]
for = "/*"
[headers.values]
X-Frame-Options = "DENY"
[[headers]]
for = "/assets/*"
[headers.values]
Cache-Control = "public, max-age=31536000"
[routes]
"/docs/*" = { root = "public" }
"""

# Each measure of ours that a request passes, alone on top of the hand-written block.
_FILE = "location / { try_files $uri =404; }"
_MEASURES = {
    "dot files and app.toml hidden": r"""location / {
        try_files $uri =404;
        location ~ "^/\.(?!well-known/)|./\.|/app\.toml\z" { return 404; }
    }""",
    "Cache-Control: no-cache for HTML": f"add_header Cache-Control $hookrunner_cache_control; {_FILE}",
    "compression, looked for beside the file": f"gzip on; gzip_vary on; gzip_static on; {_FILE}",
    "disable_symlinks (not used, to compare)": f"disable_symlinks on from=$document_root; {_FILE}",
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks.static")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=int, default=2)
    arguments = parser.parse_args()
    try:
        wrk = program("wrk")
    except Missing:
        sys.exit("needs wrk: apt install wrk")
    server = Server()
    try:
        hosts = _sites(server)
        print(f"{'':<56} {'requests/s':>11} {'to by hand':>11}")
        rates: dict[str, list[float]] = {title: [] for title in hosts}
        for _ in range(arguments.rounds):
            for title, host in hosts.items():
                rates[title].append(_rate(wrk, host, server, arguments.seconds))
        first, *_ = hosts
        for title, measured in rates.items():
            ratio = statistics.median(a / b for a, b in zip(measured, rates[first], strict=True))
            print(f"{title:<56} {statistics.median(measured):>11,.0f} {100 * (ratio - 1):>+9.1f} %")
    finally:
        server.down()


def _sites(server: Server) -> dict[str, str]:
    """Title and host of each way to serve the same file; the first is what the others are compared with."""
    clone = server.app("ours")
    rules = server.app("rules")
    for app, host, more in ((clone, "ours.example", ""), (rules, "rules.example", _RULES)):
        manifest = f'domains = ["{host}"]\nroot = "public"\nhttps = "off"\n{more}'
        app.commit({"app.toml": manifest, "public/page.html": _PAGE})
        assert app.push().status == 0
    hosts = {"written by hand: try_files $uri $uri/ =404": "hand.example"}
    blocks = {"hand.example": "location / { try_files $uri $uri/ =404; }"}
    for number, (title, lines) in enumerate(_MEASURES.items()):
        hosts[f"  and {title}"] = f"m{number}.example"
        blocks[f"m{number}.example"] = lines
    root = server.state / "apps" / "ours" / "current" / "public"
    (server.nginx.others / "hand.conf").write_text(
        "".join(
            f"server {{ listen 127.0.0.1:{server.http_port}; server_name {host}; root {root}; {lines} }}\n"
            for host, lines in blocks.items()
        )
    )
    subprocess.run(server.nginx.reload, check=True)
    time.sleep(1)  # the workers from before still answer for a moment
    assert [host for host in blocks if server.get(host, "/page.html").status != 200] == []
    return hosts | {"deployed by hookrunner": "ours.example", "deployed, with rules of each kind": "rules.example"}


def _rate(wrk: str, host: str, server: Server, seconds: int) -> float:
    url = f"http://127.0.0.1:{server.http_port}/page.html"
    argv = [wrk, "-t1", "-c16", f"-d{seconds}s", "-H", f"Host: {host}", url]
    out = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    assert "Non-2xx" not in out, out
    found = re.search(r"Requests/sec:\s+([0-9.]+)", out)
    assert found, out
    return float(found[1])


if __name__ == "__main__":
    main()
