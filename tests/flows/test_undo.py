"""The way back: rollback, forced older commits, releases that are kept, and a history that tells it all."""

import json
import re

from tests.conftest import Boot
from tests.flows.test_push import manifest, normal, serials
from tests.lab.pushing import deploys, visiting
from tests.lab.server import Clone, Server


def pushed(clone: Clone, page: str, *domains: str) -> str:
    """A commit that is live."""
    commit = clone.commit({"app.toml": manifest(*domains), "public/index.html": page}, f"Page {page}")
    assert clone.push().verdict.startswith("success: ")
    return commit


BACK = """\
-----> back: deploy 3, back to deploy 1, main COMMIT "Page 1"
       new.back.example   off the web, its certificate stays
       main still holds COMMIT; its next commit deploys from there,
       and `hookrunner deploy back` deploys that again
-----> nginx tested and reloaded, 2 names checked over HTTPS
       https://back.example:PORT
       https://old.back.example:PORT
success: deploy 3 is live (N s)  https://back.example:PORT"""


def test_a_rollback_has_content_and_domains_of_that_release(server: Server) -> None:
    """What goes off the web is said before; nothing is asked of the CA; the next push deploys from the branch."""
    clone = server.app("back")
    pushed(clone, "1", "back.example", "old.back.example")
    second = pushed(clone, "2", "back.example", "new.back.example")
    orders = server.pebble.log.read_text().count("POST /order-plz")
    before = serials(server, "back")
    done = server.run("rollback", "back")
    assert normal(done.stdout) == BACK.splitlines()
    assert server.get("back.example", https=True).body == "1"
    assert server.get("old.back.example", https=True).body == "1"
    assert server.get("new.back.example").status == 0
    assert server.pebble.log.read_text().count("POST /order-plz") == orders
    assert serials(server, "back")["back.example"] == before["back.example"]
    assert clone.git("ls-remote", str(clone.remote), "refs/heads/main").startswith(second)
    again = server.run("rollback", "back", check=False)
    assert (again.returncode, again.stderr.splitlines()[0]) == (1, "error: no good deploy came before 3, which is live")

    pushed(clone, "4", "back.example", "new.back.example")
    assert server.get("new.back.example", https=True).body == "4"
    assert server.pebble.log.read_text().count("POST /order-plz") == orders
    server.run("rollback", "back", "2")
    assert server.get("new.back.example", https=True).body == "2"
    assert server.run("renew", "back").stdout == "success: nothing was due\n", "a rollback is not undone by the timer"
    assert server.get("new.back.example", https=True).body == "2"


def test_a_rollback_checks_claims_and_limits_again(boot: Boot) -> None:
    """A domain that another app took meanwhile, or that the settings no longer allow, stays where it is."""
    server = boot()
    clone = server.app("lost")
    pushed(clone, "1", "lost.example", "moved.example")
    pushed(clone, "2", "lost.example")
    pushed(server.app("taker"), "taker", "moved.example")
    done = server.run("rollback", "lost", check=False)
    assert done.returncode == 1
    shown = " ".join(done.stdout.split())
    assert "error: app.toml has 1 mistake, nothing was deployed" in shown
    assert "belongs to the app taker" in shown
    assert shown.endswith("deploy 2 (" + deploys(server, "lost")[1]["commit"][:7] + ") still is")
    assert (server.get("lost.example", https=True).body, server.get("moved.example", https=True).body) == ("2", "taker")
    server.config.write_text(server.config.read_text() + '\n[apps.taker]\nallowed_domains = ["x.example"]\n')
    pushed(server.app("third"), "third", "third.example")
    failed = server.run("deploy", "taker", check=False)
    assert failed.returncode == 1
    assert "is not one of the domains that the server allows taker" in " ".join(failed.stdout.split())


def test_a_failed_deploy_is_no_target_and_what_cannot_be_gone_back_to_is_named(boot: Boot) -> None:
    """The default passes over it; numbers that are none, or live, are errors."""
    server = boot()
    clone = server.app("picky")
    refused = server.run("rollback", "picky", check=False)
    assert refused.stderr.splitlines()[0] == "error: nothing of picky is live, so there is nothing to go back from"
    pushed(clone, "1", "picky.example")
    (server.nginx.others / "wiki.conf").write_text("nonsense;\n")
    clone.commit({"app.toml": manifest("picky.example", "b.picky.example"), "public/index.html": "2"})
    assert clone.push().verdict.startswith("error: deploy 2 is not live")
    (server.nginx.others / "wiki.conf").unlink()
    pushed(clone, "3", "picky.example")
    server.run("rollback", "picky")
    assert server.get("picky.example", https=True).body == "1"
    assert deploys(server, "picky")[-1]["back_to"] == 1
    for number, error in (("9", "error: picky has no deploy 9"), ("4", "error: deploy 4 is what is live")):
        done = server.run("rollback", "picky", number, check=False)
        assert (done.returncode != 0, done.stderr.splitlines()[0]) == (True, error)
    assert server.run("rollback", "picky", "0", check=False).returncode == 2


def test_a_forced_older_commit_is_a_rollback_too(server: Server) -> None:
    """The branch goes back, and so does the site; a commit whose release is pruned is written again."""
    clone = server.app("forced")
    first = pushed(clone, "1", "forced.example")
    for page in ("2", "3", "4", "5", "6", "7"):
        pushed(clone, page, "forced.example")
    push = clone.push("--force", f"{first}:main")
    assert push.verdict.startswith("success: deploy 8 is live")
    assert server.get("forced.example", https=True).body == "1"
    releases = server.state / "apps" / "forced" / "releases"
    assert sorted(int(path.name.partition("-")[0]) for path in releases.iterdir()) == [4, 5, 6, 7, 8]
    server.run("rollback", "forced", "1")
    assert server.get("forced.example", https=True).body == "1"
    assert json.loads(server.run("status", "forced", "--json").stdout)["apps"][0]["commit"] == first


def test_pruning_spares_the_live_release_and_the_one_before(boot: Boot) -> None:
    """However many deploys fail after a rollback to an old release, both stay, and so do those to go back to."""
    server = boot(settings={"limits": {"keep_releases": 2}})
    clone = server.app("prune")
    for page in ("1", "2", "3", "4"):
        pushed(clone, page, "prune.example")
    server.run("rollback", "prune", "3")
    assert server.get("prune.example", https=True).body == "3"
    broken = server.nginx.others / "wiki.conf"
    broken.write_text("nonsense;\n")
    for number in range(4):
        clone.commit({"app.toml": manifest("prune.example", f"n{number}.prune.example"), "public/index.html": "x"})
        assert clone.push().verdict.startswith("error: ")
    kept = {path.name.partition("-")[0] for path in (server.state / "apps/prune/releases").iterdir()}
    assert kept == {"3", "4", "9"}, "live, the one before, and what failed last"
    broken.unlink()
    assert server.get("prune.example", https=True).body == "3"
    server.run("rollback", "prune")
    assert server.get("prune.example", https=True).body == "2"


def test_a_change_of_folders_is_never_half_there(server: Server) -> None:
    """Each push has another root and other headers: configuration and content change in the same instant."""
    clone = server.app("whole")

    def push(number: int) -> None:
        rules = f'[[headers]]\nfor = "/*"\n[headers.values]\nX-Version = "{number}"\n'
        clone.git("rm", "-r", "-q", "--force", "--ignore-unmatch", ".")
        more = f'root = "site{number}"\n{rules}'
        clone.commit({"app.toml": manifest("whole.example", more=more), f"site{number}/index.html": str(number)})
        assert clone.push().verdict.startswith("success: ")

    def ask() -> str | None:
        answer = server.get("whole.example", https=True)
        right = answer.status == 200 and answer.body == answer.headers.get("x-version")
        return None if right else f"{answer.status} {answer.headers.get('x-version')} {answer.body[:20]!r}"

    push(0)
    with visiting(ask) as visitor:
        for number in range(1, 5):
            push(number)
        server.run("rollback", "whole", "1")
    assert visitor.wrong == []
    assert visitor.answered > 50


def test_pages_never_go_back_while_names_come_and_go(server: Server) -> None:
    """Names and certificates alone leave the files in one place: whichever worker answers, nobody sees an old page again."""
    clone = server.app("order")
    pages: list[int] = []

    def ask() -> str | None:
        answer = server.get("order.example", https=True)
        pages.append(int(answer.body))
        return None if answer.status == 200 else str(answer.status)

    pushed(clone, "0", "order.example")
    with visiting(ask) as visitor:
        for number in range(1, 6):
            pushed(clone, str(number), "order.example", *(f"n{n}.order.example" for n in range(number % 3)))
    assert visitor.wrong == []
    assert pages == sorted(pages)
    assert {0, 5} <= {*pages}


TABLE = re.compile(r"^(\d+) +[0-9a-f]{7} +\d{4}-\d\d-\d\d \d\d:\d\d +(?:[\d.]+ s|-) +(.*?) +(\d+|-) +(\d+|-) +(\w+)$")


def test_the_history_says_who_did_what(server: Server) -> None:
    """`deploys` lists them with the key's owner, never the author; one by number shows its log, `wait` its outcome."""
    clone = server.app("told")
    commit = pushed(clone, "1", "told.example")
    clone.commit({"app.toml": manifest("told.example"), "public/index.html": "2"})
    clone.push("-o", "verbose", "main")
    server.run("rollback", "told")
    rows = [TABLE.fullmatch(line) for line in server.run("deploys", "told").stdout.splitlines()[1:-1]]
    assert [row and (row[1], row[3], row[4], row[5]) for row in rows] == [
        ("3", "1", "-", "done"),
        ("2", "1", "-", "done"),
        ("1", "1", "1", "done"),
    ]
    assert all(row and "Ada" not in row[2] for row in rows)
    assert rows[0] and rows[0][2].startswith("back to 1, ")
    assert server.run("deploys", "told").stdout.splitlines()[-1].startswith("deploy 3 (")
    assert len(json.loads(server.run("deploys", "told", "--last", "1", "--json").stdout)["deploys"]) == 1
    listed = deploys(server, "told")
    assert listed[0]["certificates"] == listed[0]["names"] == ["told.example"]
    assert (listed[1]["options"], listed[0]["seconds"] > 0) == (["verbose"], True)
    log = server.run("deploys", "told", "1").stdout
    assert log.splitlines()[0].startswith("-----> told: deploy 1, main ")
    assert server.run("deploys", "told", "1", "--follow").stdout == log
    for asked in ([commit], [commit[:8], "--timeout", "5s"]):
        done = server.run("wait", "told", "--commit", *asked)
        assert done.stdout.splitlines()[0].startswith("-----> told: deploy 3, back to deploy 1")
    refused: list[tuple[tuple[str, ...], int, str]] = [
        (("deploys", "told", "9"), 2, "error: told has no deploy 9"),
        (("deploys", "told", "--follow"), 2, "error: --follow takes the number of a deploy"),
        (("wait", "told", "--commit", "HEAD"), 2, 'error: --commit "HEAD" is not a commit\'s id, or its first 7'),
        (("wait", "told", "--commit", commit, "--timeout", "x"), 2, 'error: --timeout "x" is not a duration;'),
        (("wait", "told", "--commit", "0" * 40, "--timeout", "1s"), 1, "error: no deploy of told has the commit"),
    ]
    for words, status, error in refused:
        failed = server.run(*words, check=False)
        assert (failed.returncode, failed.stderr.startswith(error)) == (status, True), failed.stderr
