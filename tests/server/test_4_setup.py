"""`setup` again, `setup` where something is in the way, and `setup --undo`."""

import re

import pytest

from tests.lab.container import Container
from tests.server.laptop import Laptop
from tests.server.snapshots import as_shipped, snapshot

SETUP = "hookrunner setup"
ROOTS = ("/etc", "/usr/local", "/opt/hookrunner", "/var/lib/hookrunner", "/var/log/hookrunner")
BY_ITSELF = r"/var/log|/records/|ld\.so\.cache|\.(templates|waiting|keys|lock)\b"

# a run that is frozen; one that has ended cannot be, and the next is begun
HELD = "until systemctl start --no-block hookrunner-renew && systemctl kill --signal=STOP hookrunner-renew; do :; done"


def test_setup_twice_changes_nothing(container: Container) -> None:
    """No file, owner or mode; each step says that it is there."""
    before = snapshot(container, *ROOTS, but=BY_ITSELF)
    nginx = container.run(
        "systemctl show --property MainPID,ActiveEnterTimestamp nginx hookrunner-publisher.socket"
    ).stdout
    said = container.run(SETUP).stdout
    assert "success: this machine is a deploy server already, nothing was changed\n" in said
    words = set(re.findall(r"(?m)^       (\w+)  ", said))
    assert words == {"there"}
    assert snapshot(container, *ROOTS, but=BY_ITSELF) == before
    again = container.run(
        "systemctl show --property MainPID,ActiveEnterTimestamp nginx hookrunner-publisher.socket"
    ).stdout
    assert again == nginx


def test_a_dry_run_says_what_setup_would_do(container: Container) -> None:
    """What is not as it should be is found, shown and left alone; then `setup` mends just that."""
    container.run("chmod 755 /var/lib/hookrunner/apps; echo '# edited' >> /etc/systemd/system/hookrunner-renew.timer")
    said = container.run(f"{SETUP} --dry-run").stdout
    assert "       would make    /var/lib/hookrunner/apps/ (git:www-data 0750)\n" in said
    assert "         | -# edited\n" in said
    assert "success: 3 changes to make, and none was made\n" in said
    assert container.run("stat -c %a /var/lib/hookrunner/apps").stdout == "755\n"
    said = container.run(SETUP).stdout
    assert "       made          /var/lib/hookrunner/apps/ (git:www-data 0750)\n" in said
    assert "       wrote         /etc/systemd/system/hookrunner-renew.timer\n" in said
    assert container.run("stat -c %a /var/lib/hookrunner/apps").stdout == "750\n"
    assert "nothing was changed" in container.run(SETUP).stdout


def test_who_may_not_and_where_it_cannot(container: Container) -> None:
    """An error with what to do; nothing is changed."""
    done = container.run("/opt/hookrunner/bin/hookrunner setup", user="mallory", check=False)
    assert (done.returncode, done.stderr) == (1, "error: setup changes the machine: type it as root\n")
    container.run(
        "python3 -m venv --system-site-packages /home/mallory/venv && /home/mallory/venv/bin/pip install -q /root/hookrunner"
    )
    done = container.run("/home/mallory/venv/bin/hookrunner setup", check=False)
    assert done.returncode == 1
    assert "error: root's publisher cannot run from /home/mallory/venv: /home/mallory" in " ".join(done.stderr.split())
    assert "hint: python3 -m venv /opt/hookrunner\n" in done.stderr
    container.run("rm -r /home/mallory/venv; chmod g+w /opt/hookrunner/bin/hookrunner")
    done = container.run(SETUP, check=False)
    assert "/opt/hookrunner/bin/hookrunner can be" in " ".join(done.stderr.split())
    container.run("chmod g-w /opt/hookrunner/bin/hookrunner")
    done = container.run(
        "unshare --mount sh -c 'mount -t tmpfs none /run/systemd && exec hookrunner setup'", check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: this machine is not run by systemd")
    assert "hint: hookrunner init --email you@example.org" in done.stderr


ASKED = "Your e-mail address, for the CA: Do you accept the terms of Let's Encrypt? [y/N]: "
REFUSED = "error: nothing was changed: certificates of Let's Encrypt come with its\n       terms"


@pytest.mark.parametrize(
    ("answer", "shown", "status"),
    [("n", REFUSED, 2), ("y", "May 1 SSH key of root push? [Y/n]: ", 1)],
    ids=["no", "yes"],
)
def test_it_asks_in_a_terminal(container: Container, answer: str, shown: str, status: int) -> None:
    """For what the options do not say; as long as an answer is missing, nothing is changed."""
    container.run("mv /etc/hookrunner/server.toml /srv/")
    before = snapshot(container, *ROOTS, but=BY_ITSELF)
    typed = f"printf 'you@example.org\\n{answer}\\n'"  # then the terminal is closed
    done = container.run(f"{typed} | script --quiet --return --echo never --command '{SETUP}' /dev/null", check=False)
    after = snapshot(container, *ROOTS, but=BY_ITSELF)
    container.run("mv /srv/server.toml /etc/hookrunner/")
    assert ASKED + shown in done.stdout.replace("\r", "")
    assert done.returncode == status
    assert after == before


def test_undo_leaves_nginx_as_the_distribution_ships_it(laptop: Laptop, container: Container) -> None:
    """All that `setup` brought is gone, the data is there; `setup` again, and every site is served as before.

    A run of `renew` that the timer began is on meanwhile: it is ended, and leaves no failed unit.
    """
    data = snapshot(container, "/var/lib/hookrunner", but=BY_ITSELF)
    assert "nothing was changed" in container.run(f"{SETUP} --undo --dry-run").stdout
    assert laptop.get("park-spot.co").body == "the first page"
    container.run(HELD)
    said = container.run(f"{SETUP} --undo").stdout
    assert said.endswith("success: hookrunner is off this machine\n")
    assert snapshot(container, "/etc/nginx") == as_shipped(container)
    assert "Welcome to nginx!" in laptop.get("park-spot.co", https=False).body
    left = container.run(
        "find /etc /usr/local /run -name '*hookrunner*' -not -path '/run/systemd/*' -not -path '/etc/hookrunner-lab*'"
    ).stdout
    assert [
        path for path in left.splitlines() if not path.startswith("/etc/hookrunner") and path != "/run/hookrunner"
    ] == []
    assert (
        "hookrunner"
        not in container.run("systemctl list-units --all --plain --no-legend --type=service,socket,timer").stdout
    )
    assert "hookrunner" not in container.run("sshd -T -C user=git,host=x,addr=127.0.0.1").stdout
    assert snapshot(container, "/var/lib/hookrunner", but=BY_ITSELF) == data
    assert "there is nothing to take away" in container.run(f"/opt/hookrunner/bin/{SETUP} --undo").stdout
    said = container.run(f"/opt/hookrunner/bin/{SETUP}").stdout
    assert "moved         /etc/hookrunner/aside/sites to\n" in said
    assert laptop.get("park-spot.co").body == "the first page"
    assert laptop.get("late.example").status == 200
    clone = laptop.cloned("late")
    clone.commit({"public/index.html": "after the undo"})
    assert clone.push().verdict.startswith("success: ")


def test_a_default_site_that_somebody_made_theirs(container: Container) -> None:
    """It is not moved: `setup` says what is in its way, and changes nothing."""
    container.run(f"{SETUP} --undo")
    before = snapshot(container, "/etc/nginx")
    container.run("echo '# mine' >> /etc/nginx/sites-available/default")
    done = container.run(f"/opt/hookrunner/bin/{SETUP}", check=False)
    assert done.returncode == 1
    assert "/etc/nginx/sites-enabled/default is the default server" in " ".join(done.stderr.split())
    assert "hint: take default_server out of its listen lines" in done.stderr
    container.run("sed -i '$d' /etc/nginx/sites-available/default")
    assert snapshot(container, "/etc/nginx") == before


def test_what_nginx_does_not_take_is_put_back(laptop: Laptop, container: Container) -> None:
    """Another site's default server: nginx says so, and is left as it was."""
    before = snapshot(container, "/etc/nginx")
    container.put("server { listen 127.0.0.1:80 default_server; return 204; }\n", "/etc/nginx/conf.d/a-wiki.conf")
    done = container.run(f"/opt/hookrunner/bin/{SETUP}", check=False)
    assert done.returncode == 1
    assert "a duplicate default server for 127.0.0.1:80" in " ".join(done.stderr.split())
    container.run("rm /etc/nginx/conf.d/a-wiki.conf; nginx -t -q")
    found = snapshot(container, "/etc/nginx", but="/etc/nginx/hookrunner")
    assert found == before
    assert "success: " in container.run(f"/opt/hookrunner/bin/{SETUP}").stdout
    assert laptop.get("park-spot.co").body == "the first page"
