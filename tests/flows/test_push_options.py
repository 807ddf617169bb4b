"""`git push -o`: a plan without a trace, a push without a deploy, more words, and words that are none."""

from pathlib import Path

from tests.conftest import Boot
from tests.flows.test_push import manifest, normal
from tests.lab.pushing import deploys
from tests.lab.server import Server

PLAN = """\
-----> dry: plan for main COMMIT "Two"
       dry.example       keep: next renewal DATE
       later.example     wait: its DNS fails (SERVFAIL), probably broken
                         DNSSEC, new here
       new.dry.example   issue: new, new here
       old.dry.example   goes off the web
hint: at the registrar of later.example compare the DS record with the
hint:   zone's keys, or remove it
-----> nginx would be tested and reloaded once
       left out: the link away: leads out of the repository: ../away
warning: dry run: nothing was pushed, nothing was deployed"""


def everything(server: Server) -> dict[str, bytes]:
    """All files of the state and of nginx's sites, and where links lead."""
    found: dict[str, bytes] = {}
    for root in (server.state, server.nginx.sites):
        for path in sorted(root.rglob("*")):
            if path.is_symlink():
                found[str(path)] = str(path.readlink()).encode()
            elif path.is_file():
                found[str(path)] = path.read_bytes()
            else:
                found[str(path)] = b""
    return found


def test_a_dry_run_shows_the_whole_plan_and_leaves_no_trace(boot: Boot) -> None:
    """Certificates with their reasons, names that go, links that are left out; then the push is refused."""
    server = boot()
    server.pebble.dns("set-servfail", host="later.example")
    clone = server.app("dry")
    clone.commit({"app.toml": manifest("dry.example", "old.dry.example"), "public/index.html": "1"}, "One")
    assert clone.push().verdict.startswith("success: ")
    (clone.folder / "away").symlink_to("../away")
    clone.commit({"app.toml": manifest("dry.example", "later.example", "new.dry.example")}, "Two")
    before, orders = everything(server), server.pebble.log.read_text().count("POST /order-plz")
    push = clone.push("-o", "dry-run", "main")
    assert push.status != 0
    assert normal(push.output) == PLAN.splitlines()
    assert everything(server) == before
    assert server.pebble.log.read_text().count("POST /order-plz") == orders
    assert len(deploys(server, "dry")) == 1

    clone.commit({"app.toml": 'domain = ["dry.example"]\n'}, "Broken")
    push = clone.push("-o", "dry-run", "main")
    assert (push.status != 0, "error: app.toml has 2 mistakes" in push.output) == (True, True)
    assert push.verdict == "warning: dry run: nothing was pushed, nothing was deployed"
    clone.git("branch", "feature")
    push = clone.push("-o", "dry-run", "feature")
    assert (push.status != 0, push.output.splitlines()[0]) == (
        True,
        "       nothing would be deployed: the deploy branch is main",
    )
    assert everything(server) == before


def test_a_first_push_can_be_a_dry_run(server: Server) -> None:
    """Before anything is there, the plan is that of the first deploy."""
    clone = server.app("virgin")
    clone.commit({"app.toml": manifest("virgin.example"), "public/index.html": "1"}, "One")
    push = clone.push("-o", "dry-run", "main")
    assert normal(push.output)[:2] == [
        '-----> virgin: plan for main COMMIT "One"',
        "       virgin.example   issue: new, new here",
    ]
    assert clone.git("ls-remote", str(clone.remote)) == ""


def test_skip_deploy_takes_the_commit_and_leaves_the_site(server: Server) -> None:
    """Neither the timer nor a push of something else deploys it; `deploy` and the next push do."""
    clone = server.app("skip")
    first = clone.commit({"app.toml": manifest("skip.example"), "public/index.html": "1"}, "One")
    assert clone.push().verdict.startswith("success: ")
    second = clone.commit({"public/index.html": "2"}, "Two")
    push = clone.push("-o", "skip-deploy", "-o", "skipp", "main")
    assert push.status == 0
    assert push.output.splitlines() == [
        'warning: "skipp" is no push option; did you mean "skip-deploy"?',
        "hint: the next push deploys it, and on the server: hookrunner deploy",
        "hint:   skip",
        f"warning: not deployed (skip-deploy), deploy 1 ({first[:7]}) is still live",
    ]
    assert clone.git("ls-remote", str(clone.remote), "refs/heads/main").startswith(second)
    assert server.run("renew", "skip").stdout == "success: nothing was due\n"
    clone.git("tag", "v1")
    push = clone.push("-o", "skip-deploy", "v1")
    assert push.status == 0, "a tag that is only to be kept"
    assert server.get("skip.example", https=True).body == "1"
    assert clone.push(":v1").status == 0
    assert len(deploys(server, "skip")) == 1
    server.run("deploy", "skip")
    assert server.get("skip.example", https=True).body == "2"
    clone.commit({"app.toml": "nonsense"}, "Bad")
    assert clone.push("-o", "skip-deploy", "main").status != 0, "what cannot be deployed is refused all the same"


def test_verbose_says_more_and_unknown_words_get_the_right_one(server: Server) -> None:
    """Reasons and times beside the usual lines; a typing error is a warning."""
    clone = server.app("wordy")
    commit = clone.commit({"app.toml": manifest("wordy.example"), "public/index.html": "1"}, "One")
    push = clone.push("-o", "verbose", "-o", "dryrun", "main")
    lines = push.output.splitlines()
    assert lines[1] == 'warning: "dryrun" is no push option; did you mean "dry-run"?'
    assert f"       commit {commit}" in lines
    assert any("/wordy.example: issue, new" in line for line in lines)
    assert any(line.startswith("       published in ") for line in lines)
    assert push.verdict.startswith("success: ")
    clone.commit({"public/index.html": "2"})
    quiet = clone.push().output.splitlines()
    assert len(quiet) == 3


def test_a_hostile_option_is_only_text(server: Server, tmp_path: Path) -> None:
    """Whatever a client sends as an option is shown harmlessly and does nothing."""
    clone = server.app("options")
    clone.commit({"app.toml": manifest("options.example"), "public/index.html": "1"})
    words = ["\x1b[31mred", "$(touch /tmp/x)", "a" * 5000, "../../x", "\u202eback", *(f"w{n}" for n in range(20))]
    push = clone.push(*(word for option in words for word in ("-o", option)), "main")
    assert push.verdict.startswith("success: ")
    assert "\x1b" not in push.text
    assert "\u202e" not in push.text
    assert "and 20 more are none" in push.output
