"""`doctor` on a server that `setup` made: what only systemd, root and sshd can have wrong."""

import json
from collections.abc import Iterator

import pytest

from tests.lab.container import Container

FAULTS = {
    "the timer is off": (
        "systemctl disable --now hookrunner-renew.timer", "systemctl enable --now hookrunner-renew.timer",
        "renewals", "the timer does not run", "systemctl enable --now hookrunner-renew.timer",
    ),
    "the publisher is off": (
        "systemctl stop hookrunner-publisher.socket", "systemctl start hookrunner-publisher.socket",
        "publisher", "root's publisher does not answer", "systemctl restart hookrunner-publisher.socket",
    ),
    "nginx is off": ("systemctl stop nginx", "systemctl start nginx", "nginx", "nginx is not running", "systemctl restart nginx"),
    "a folder is everybody's": (
        "chmod 777 /var/lib/hookrunner/records", "chmod 700 /var/lib/hookrunner/records",
        "files", "/var/lib/hookrunner/records/ (git:git 0700): other owner or mode", "hookrunner setup",
    ),
    "sshd forgot the forced command": (
        "mv /etc/ssh/sshd_config.d/hookrunner.conf /srv/", "mv /srv/hookrunner.conf /etc/ssh/sshd_config.d/",
        "files", "/etc/ssh/sshd_config.d/hookrunner.conf: missing", "hookrunner setup",
    ),
    "no key may push": (
        "cp -a /etc/hookrunner/authorized_keys /srv/ && sed -i '/^#/!d' /etc/hookrunner/authorized_keys",
        "mv /srv/authorized_keys /etc/hookrunner/", "keys", "no key may push", "hookrunner keys add",
    ),
    "a limit without allowed_domains": (
        "cp -a /etc/hookrunner/authorized_keys /srv/ && sed -i "
        "'0,/^restrict /s//restrict,environment=\"HOOKRUNNER_APPS=parkspot\" /' /etc/hookrunner/authorized_keys",
        "mv /srv/authorized_keys /etc/hookrunner/", "keys", "is limited to parkspot, which may name any domain", "[apps.parkspot]",
    ),
    "the last renewal failed": (
        "cp -a /var/lib/hookrunner/records/runs /srv/ && sed -i 's/false/true/' /var/lib/hookrunner/records/runs/renew*",
        "rm -r /var/lib/hookrunner/records/runs && mv /srv/runs /var/lib/hookrunner/records/",
        "renewals", "failed", "journalctl -u hookrunner-renew -n 50",
    ),
    "a key that others read": (
        "chmod 644 /var/lib/hookrunner/certificates/*/park-spot.co/current/key.pem",
        "chmod 600 /var/lib/hookrunner/certificates/*/park-spot.co/current/key.pem",
        "certificates", "can be read by others", "chmod 600 /var/lib/hookrunner/certificates/",
    ),
    "a site of somebody else's": (
        "printf 'server { listen 127.0.0.1:81; server_name park-spot.co; }' > /etc/nginx/conf.d/z.conf",
        "rm /etc/nginx/conf.d/z.conf", "names", "park-spot.co is in /etc/nginx/conf.d/z.conf too", "take it out there",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def sound(container: Container) -> Iterator[Container]:
    """A server of which nothing is wrong, before and after."""
    container.run("hookrunner renew")
    yield container
    container.run("hookrunner renew")  # the timer's own run may have met one of the faults
    assert findings(container) == []


def findings(container: Container) -> list[dict[str, object]]:
    """What is found, as root types it."""
    done = container.run("hookrunner doctor --json", check=False)
    found = json.loads(done.stdout)["findings"]
    assert (done.stderr, done.returncode) == ("", 1 if found else 0)
    return list(found)


def test_nothing_is_wrong(sound: Container) -> None:
    """For root and for the user git; over SSH it is the same."""
    for user in ("root", "git"):
        said = sound.run("cd / && hookrunner doctor", user=user, check=False).stdout
        assert said.endswith("success: nothing stands in the way of the next push or renewal\n"), said


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault(sound: Container, fault: str) -> None:
    """It is found, with what mends it."""
    breaks, mends, check, text, mend = FAULTS[fault]
    sound.run(breaks)
    try:
        found = findings(sound)
        assert [
            one for one in found if one["check"] == check and text in str(one["text"]) and mend in str(one["mend"])
        ], found
    finally:
        sound.run(mends)
