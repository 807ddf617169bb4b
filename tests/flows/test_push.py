"""The main job: a push, and every domain in app.toml answers over HTTPS."""

import json
import os
import re
import subprocess
import time

import pytest

from tests.conftest import Boot
from tests.lab.machine import program
from tests.lab.server import Clone, Server

_NORMAL = (
    (re.compile(r"\d+\.\d s"), "N s"),
    (re.compile(r"\d{4}-\d\d-\d\d"), "DATE"),
    (re.compile(r"127\.0\.0\.1:\d+"), "CA"),
    (re.compile(r":\d{5}\b"), ":PORT"),
    (re.compile(r"\b[0-9a-f]{7}\b"), "COMMIT"),
)


def manifest(*domains: str, more: str = 'root = "public"') -> str:
    """An app.toml."""
    listed = ", ".join(f'"{domain}"' for domain in domains)
    return f"domains = [{listed}]\n{more}\n"


def normal(output: str) -> list[str]:
    """Lines without what differs from run to run; certificates come as they are issued, so those rows are sorted."""
    for pattern, word in _NORMAL:
        output = pattern.sub(word, output)
    lines = output.splitlines()
    issued = [number for number, line in enumerate(lines) if " issued in " in line]
    for number, line in zip(issued, sorted(lines[number] for number in issued), strict=True):
        lines[number] = line
    return lines


def serials(server: Server, app: str) -> dict[str, str]:
    """The serial of each domain's certificate, as the report shows it."""
    listed = json.loads(server.run("report", app, "--json", check=False).stdout)["certificates"]
    return {one["domain"]: one["serial"] for one in listed}


FIRST = """\
-----> triple: deploy 1, main COMMIT "First"
-----> Asking CA for 3 certificates
       api.triple.example   issued in N s, until DATE
       app.triple.example   issued in N s, until DATE
       triple.example       issued in N s, until DATE
-----> nginx tested and reloaded, 3 names checked over HTTPS
       https://triple.example:PORT
       https://api.triple.example:PORT
       https://app.triple.example:PORT
success: deploy 1 is live (N s)  https://triple.example:PORT"""

CONTENT = """\
-----> triple: deploy 2, main COMMIT "Content alone"
       names and certificates unchanged, nginx untouched
success: deploy 2 is live (N s)  https://triple.example:PORT"""

ADDED = """\
-----> triple: deploy 3, main COMMIT "One more name"
-----> Asking CA for 1 certificate
       triple.example       unchanged, next renewal DATE
       api.triple.example   unchanged, next renewal DATE
       app.triple.example   unchanged, next renewal DATE
       new.triple.example   issued in N s, until DATE
-----> nginx tested and reloaded, 4 names checked over HTTPS
       https://triple.example:PORT
       https://api.triple.example:PORT
       https://app.triple.example:PORT
       https://new.triple.example:PORT
success: deploy 3 is live (N s)  https://triple.example:PORT"""

TYPO = """\
error: app.toml has 2 mistakes, nothing was deployed
       line 1   domain = ["triple.example"]
                "domain" is not a key; did you mean "domains"?
       line 2   root = "../public"
                leaves the repository; name a folder inside it
hint: deploy 3 (COMMIT) is still live
hint: mend it, git commit --amend, push again"""


def test_a_push_secures_every_domain_at_the_first_try(server: Server) -> None:
    """Three new domains come up over HTTPS with one reload; later pushes touch only what they change."""
    clone = server.app("triple")
    names = ["triple.example", "api.triple.example", "app.triple.example"]
    reloads = server.nginx.reloads()
    clone.commit({"app.toml": manifest(*names), "public/index.html": "first"}, "First")
    push = clone.push()
    assert (push.status, normal(push.output)) == (0, FIRST.splitlines())
    assert server.nginx.reloads() == reloads + 1
    for name in names:
        page = server.get(name, https=True)
        assert (page.status, page.body) == (200, "first")
        moved = server.get(name, "/a/b?c=d")
        assert (moved.status, moved.headers["location"]) == (301, f"https://{name}:{server.https_port}/a/b?c=d")
    first = serials(server, "triple")

    clone.commit({"public/index.html": "second"}, "Content alone")
    push = clone.push()
    assert (push.status, normal(push.output)) == (0, CONTENT.splitlines())
    assert server.nginx.reloads() == reloads + 1
    assert serials(server, "triple") == first
    assert {server.get(name, https=True).body for name in names} == {"second"}

    clone.commit({"app.toml": manifest(*names, "new.triple.example")}, "One more name")
    push = clone.push()
    assert (push.status, normal(push.output)) == (0, ADDED.splitlines())
    assert server.nginx.reloads() == reloads + 2
    after = serials(server, "triple")
    assert {name: after[name] for name in names} == first
    assert after.keys() - first.keys() == {"new.triple.example"}
    assert server.get("new.triple.example", https=True).body == "second"

    clone.commit({"app.toml": 'domain = ["triple.example"]\nroot = "../public"\n'}, "A typo")
    push = clone.push()
    assert (push.status != 0, normal(push.output)) == (True, TYPO.splitlines())
    assert server.nginx.reloads() == reloads + 2
    assert server.get("new.triple.example", https=True).body == "second"


def test_the_page_of_an_unknown_host_is_nobodys(server: Server) -> None:
    """A host that no app names gets no page over HTTP and no handshake over HTTPS."""
    clone = server.app("known")
    clone.commit({"app.toml": manifest("known.example"), "public/index.html": "mine"})
    assert clone.push().verdict.startswith("success: ")
    assert server.get("unknown.example").status == 0
    with pytest.raises(OSError, match=r"(?i)unrecognized.name|alert"):
        server.leaf("unknown.example")


def test_the_output_is_plain_text_of_72_columns(server: Server) -> None:
    """However long the names and messages are, rows are whole, plain and narrow, and the last one is the verdict."""
    clone = server.app("narrow")
    server.pebble.dns("set-servfail", host="narrow-later.example")
    long = f"{'l' * 60}.{'o' * 20}.example"
    names = ["narrow.example", long, "narrow-later.example"]
    subject = "\x1b[31mA subject \u202ewith control\u200b characters, \x07 and many many many many words in it " * 3
    clone.commit({"app.toml": manifest(*names), "public/index.html": "x"}, subject)
    push = clone.push()
    assert push.verdict.startswith("warning: deploy 1 is live (")
    assert "\x1b" not in push.text
    assert "\r" not in push.output
    for line in push.output.splitlines():
        assert len(line) <= 72 or len(line.split()) <= 2, line
        assert line.isprintable(), ascii(line)
        assert re.match(r"-----> |       |hint: |warning: |error: |success: ", line), line


def test_the_output_arrives_while_it_happens(boot: Boot) -> None:
    """What is being asked of the CA is shown before nginx has even been tested."""
    server = boot()
    clone = server.app("slow")
    clone.commit({"app.toml": manifest("slow.example"), "public/index.html": "slow"})
    seen = dict(_timed(clone))
    asking = next(when for line, when in seen.items() if "Asking" in line)
    verdict = next(when for line, when in seen.items() if line.startswith("success: "))
    assert verdict - asking > 0.1, seen  # new workers are watched for longer than that


def _timed(clone: Clone) -> list[tuple[str, float]]:
    with subprocess.Popen(
        [program("git"), "push", "server", "main"], cwd=clone.folder, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"GIT_CONFIG_GLOBAL": os.devnull},
    ) as push:  # fmt: skip
        assert push.stderr is not None
        return [(line.removeprefix("remote: ").rstrip(), time.monotonic()) for line in push.stderr]
