"""A server that is left alone: what the timer does, and what a reboot leaves."""

from collections.abc import Iterator

import pytest

from tests.lab.container import Container
from tests.server.laptop import Laptop, until

QUICK = "[Timer]\nOnCalendar=\nOnCalendar=*:*:0/4\nRandomizedDelaySec=0\nAccuracySec=1\n"
DROP_IN = "/etc/systemd/system/hookrunner-renew.timer.d/quick.conf"


@pytest.fixture
def quick_timer(container: Container) -> Iterator[None]:
    """The timer that `setup` made, every four seconds instead of five minutes; nobody types `renew`."""
    container.put(QUICK, DROP_IN)
    container.run("systemctl daemon-reload && systemctl restart hookrunner-renew.timer")
    yield
    container.run(
        f"rm -r {DROP_IN.rpartition('/')[0]}; systemctl daemon-reload && systemctl restart hookrunner-renew.timer"
    )


def test_the_timer_is_as_it_should_be(container: Container) -> None:
    """Every five minutes, at no fixed second, and what was missed while the machine was off is made up for."""
    shown = container.run("systemctl show hookrunner-renew.timer").stdout
    assert "OnCalendar=*-*-* *:00/5:00 " in shown
    assert "Persistent=yes" in shown
    assert "RandomizedDelayUSec=1min 30s" in shown
    assert "ActiveState=active" in shown
    assert container.run("systemctl is-enabled hookrunner-renew.timer").stdout == "enabled\n"


def test_a_name_that_waits_is_secured_by_the_timer_alone(
    laptop: Laptop, container: Container, quick_timer: None
) -> None:
    """Its DNS comes right, and HTTPS with it; nobody pushes or types anything."""
    laptop.pebble.dns("set-servfail", host="late.example")
    clone = laptop.app("late")
    clone.commit({"app.toml": 'domains = ["late.example"]\nroot = "public"\n', "public/index.html": "late"})
    assert "1 of 1 name waits for its DNS" in clone.push().verdict
    assert laptop.get("late.example", https=False) == (200, "late")
    laptop.pebble.dns("clear-servfail", host="late.example")
    until(lambda: laptop.get("late.example") == (200, "late"), "late.example over HTTPS")
    # one of nginx's old workers may answer this for as long as the reload lasts
    until(lambda: laptop.get("late.example", https=False).status == 301, "late.example sent on to HTTPS")


def test_a_branch_that_moved_without_its_hook_is_deployed_by_the_timer(
    laptop: Laptop, container: Container, quick_timer: None
) -> None:
    """As after a client that died before git called post-receive, or a fetch into the repository."""
    clone = laptop.cloned("late")
    commit = clone.commit({"public/index.html": "moved without a hook"})
    bundle = clone.folder / "moved.bundle"
    clone.git("bundle", "create", str(bundle), "main")
    container.copy(bundle, "/srv/moved.bundle")
    fetch = "git --git-dir late.git fetch --quiet --update-head-ok /srv/moved.bundle main:main"
    container.run(fetch, user="git")
    until(lambda: laptop.get("late.example").body == "moved without a hook", "the commit is live")
    assert commit[:7] in container.run("hookrunner deploys late").stdout


def test_after_a_reboot_all_still_serves(laptop: Laptop, container: Container) -> None:
    """nginx, the socket and the timer come by themselves; the next push goes through."""
    container.reboot()
    for name, page in (("park-spot.co", "the first page"), ("late.example", "moved without a hook")):
        until(lambda name=name, page=page: laptop.get(name).body == page, f"{name} after the reboot", 30)  # type: ignore[misc]
    units = "hookrunner-publisher.socket hookrunner-renew.timer nginx"
    assert container.run(f"systemctl is-active {units}").stdout == "active\n" * 3
    clone = laptop.cloned("late")
    clone.commit({"app.toml": 'domains = ["late.example", "new.example"]\nroot = "public"\n'})
    push = clone.push()
    assert push.verdict.startswith("success: "), push.text
    assert laptop.get("new.example").body == "moved without a hook"


def test_a_deploy_that_a_reboot_breaks_off_is_taken_up(laptop: Laptop, container: Container, quick_timer: None) -> None:
    """The machine goes down in the middle of a push: what was pushed is live some seconds after it is up."""
    clone = laptop.cloned("late")
    clone.commit({"public/index.html": "through the reboot"})
    assert "hookrunner" in container.read("/var/lib/hookrunner/repos/late.git/hooks/post-receive")
    container.run("mv /var/lib/hookrunner/repos/late.git/hooks/post-receive /srv/; "
                  "printf '#!/bin/sh\\nsleep 60\\n' > /var/lib/hookrunner/repos/late.git/hooks/post-receive; "
                  "chmod +x /var/lib/hookrunner/repos/late.git/hooks/post-receive")  # fmt: skip
    laptop.start_push(clone)
    tip = clone.git("rev-parse", "HEAD")
    until(lambda: tip in container.run("git --git-dir late.git rev-parse main", user="git").stdout, "the branch moved")
    container.run("mv /srv/post-receive /var/lib/hookrunner/repos/late.git/hooks/post-receive")
    container.reboot()
    until(lambda: laptop.get("late.example").body == "through the reboot", "the commit is live")
    laptop.end_pushes()
