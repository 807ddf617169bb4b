"""Errors of the machine: a clear line, what to do, and the old site goes on serving."""

import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hookrunner.edges.records import FileStore
from tests.conftest import Boot, needs
from tests.flows.test_deploy import one_line
from tests.flows.test_push import manifest
from tests.lab.proxy import Answer, Request, passing, proxied
from tests.lab.pushing import deploys
from tests.lab.server import Clone, Server


def live(server: Server, name: str) -> Clone:
    """An app that is live."""
    clone = server.app(name)
    clone.commit({"app.toml": manifest(f"{name}.example"), "public/index.html": "old"})
    assert clone.push().verdict.startswith("success: ")
    return clone


def still(server: Server, name: str) -> None:
    """The old release is served."""
    assert server.get(f"{name}.example", https=True).body == "old"


@contextmanager
def mounted(folder: Path, size: str) -> Iterator[None]:
    """A file system of its own over a folder that is kept."""
    kept = folder.with_name(f"{folder.name}.kept")
    folder.rename(kept)
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "none", str(folder)], capture_output=True, check=False
    )
    try:
        needs(done.returncode == 0, "the right to mount a file system of its own")
        shutil.copytree(kept, folder, dirs_exist_ok=True, symlinks=True)
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False, capture_output=True)
        folder.rmdir()
        kept.rename(folder)


def fill(folder: Path) -> Path:
    """Use the file system up; the file that does."""
    ballast = folder / ".ballast"
    with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        while True:
            file.write(b"\0" * 4096)
    return ballast


def remount(folder: Path, how: str) -> None:
    """Make the file system read-only, or not."""
    subprocess.run(["mount", "-o", f"remount,{how}", str(folder)], check=True, capture_output=True)


def test_no_space_for_the_records(boot: Boot) -> None:
    """The push is taken, says that it is not deployed and why; with room again, `renew` deploys it."""
    server = boot()
    clone = live(server, "full")
    records = server.state / "records"
    with mounted(records, "4m"):
        ballast = fill(records)
        clone.commit({"public/index.html": "new"})
        push = clone.push()
        shown = one_line(push.output)
        assert f"error: no space is left on the disk of {records}/" in shown
        assert "on the server: df -h and df -i show what is full; make room there" in shown
        assert "it is deployed by the next run of `hookrunner renew`" in shown
        assert push.verdict.startswith(("error: the push was taken and is not deployed yet", "       "))
        still(server, "full")
        ballast.unlink()
        assert "success: " in server.run("renew").stdout
        assert server.get("full.example", https=True).body == "new"
        assert deploys(server, "full")[-1]["state"] == "done"


def test_no_space_for_the_release(boot: Boot) -> None:
    """git's own words and a hint; nothing half written stays, and a smaller push goes through."""
    server = boot()
    clone = live(server, "big")
    with mounted(server.state / "apps", "2m"):
        clone.commit({"public/large": b"x" * 3_000_000})
        push = clone.push()
        shown = one_line(push.output)
        assert f"error: no space is left on the disk of {server.state}/apps/big/releases" in shown
        assert "on the server: df -h and df -i show what is full; make room there" in shown
        assert push.verdict.startswith("error: deploy 2 is not live")
        still(server, "big")
        releases = server.state / "apps" / "big" / "releases"
        assert [path.name.partition("-")[0] for path in releases.iterdir()] == ["1"]
        clone.git("rm", "-q", "public/large")
        clone.commit({"public/index.html": "new"})
        assert clone.push().verdict.startswith("success: deploy 3 is live")


def test_no_space_for_the_log(boot: Boot) -> None:
    """The deploy goes on without its log, and the push still ends with its verdict."""
    server = boot()
    clone = live(server, "mute")
    logs = server.state / "apps" / "mute" / "logs"
    with mounted(logs, "16k"):
        fill(logs)
        clone.commit({"public/index.html": "new"})
        push = clone.push()
        assert "error: the log of deploy 2 could not be written whole" in one_line(push.output)
        assert push.verdict.startswith("success: deploy 2 is live")
        assert server.get("mute.example", https=True).body == "new"


def test_no_space_for_the_certificates(boot: Boot) -> None:
    """What cannot be published is put back; with room again everything is there."""
    server = boot()
    clone = live(server, "keys")
    certificates = server.state / "certificates"
    with mounted(certificates, "1m"):
        ballast = fill(certificates)
        clone.commit({"app.toml": manifest("keys.example", "new.keys.example"), "public/index.html": "new"})
        push = clone.push()
        assert "error: no space is left on the disk of" in one_line(push.output)
        assert push.verdict.startswith("error: deploy 2 is not live")
        still(server, "keys")
        subprocess.run(server.nginx.test, check=True, capture_output=True)
        ballast.unlink()
        server.run("deploy", "keys")
        assert server.get("new.keys.example", https=True).body == "new"


@pytest.mark.parametrize("kind", ["order-new", "authorization", "finalize", "certificate"])
def test_no_space_while_a_certificate_is_issued(boot: Boot, kind: str) -> None:
    """The disk is full before the CA answers: what is live stays, and with room again the very order is gone on with."""
    server = boot()
    with proxied(server) as proxy:
        clone = live(server, "mid")
        records = server.state / "records"
        with mounted(records, "4m"):
            ballast: list[Path] = []

            def fault(request: Request, forward: Callable[[], Answer]) -> Answer:
                if request.kind == kind and not ballast:
                    ballast.append(fill(records))
                return forward()

            proxy.fault = fault
            proxy.seen.clear()
            clone.commit({"app.toml": manifest("mid.example", "new.mid.example"), "public/index.html": "new"})
            push = clone.push()
            assert f"error: no space is left on the disk of {records}/" in one_line(push.output)
            assert push.verdict.startswith(("error: ", "       "))
            still(server, "mid")
            ballast[0].unlink()
            proxy.fault = passing
            done = server.run("deploy", "mid")
            assert done.stdout.splitlines()[-1].startswith("success: "), done.stdout
            assert server.get("new.mid.example", https=True).body == "new"
            assert proxy.orders == 1, "ordered twice"
            assert FileStore(records).list("journal") == []


def test_a_read_only_state_folder(boot: Boot) -> None:
    """Refused with what to do before anything has changed; afterwards all goes on."""
    server = boot()
    clone = live(server, "frozen")
    records = server.state / "records"
    with mounted(records, "8m"):
        remount(records, "ro")
        clone.commit({"public/index.html": "new"})
        push = clone.push()
        shown = one_line(push.output)
        assert f"error: the file system of {records}" in shown
        assert "is read-only" in shown
        assert "dmesg says why it is read-only" in shown
        still(server, "frozen")
        failed = server.run("deploy", "frozen", check=False)
        assert (failed.returncode, "is read-only" in one_line(failed.stderr)) == (1, True)
        remount(records, "rw")
        server.run("renew")
        assert server.get("frozen.example", https=True).body == "new"


def test_one_damaged_record_stops_no_other_app(boot: Boot) -> None:
    """The file is named; `renew` passes that app over, sees to the others, and exits with 1."""
    server = boot()
    live(server, "sick")
    server.pebble.dns("set-servfail", host="sound.example")
    clone = server.app("sound")
    clone.commit({"app.toml": manifest("sound.example"), "public/index.html": "old"})
    assert clone.push().verdict.startswith("warning: ")
    server.pebble.dns("clear-servfail", host="sound.example")
    for record in ("deploys/sick/1", "publications/sick"):
        file = server.state / "records" / record
        before = file.read_bytes()
        file.write_bytes(before[:50])
        done = server.run("renew", check=False)
        assert done.returncode == 1
        assert f"sick is passed over: the record {file} is damaged" in one_line(done.stdout)
        still(server, "sound")
        failed = server.run("status", "sick", check=False)
        assert (failed.returncode, f"error: the record {file} is damaged" in one_line(failed.stderr)) == (1, True)
        assert "take that file out of a backup" in one_line(failed.stderr)
        file.write_bytes(before)
    still(server, "sick")
    assert server.run("renew").returncode == 0


def test_a_broken_repository_keeps_no_certificate_back(boot: Boot) -> None:
    """`renew` names it, and secures the app's names all the same."""
    server = boot()
    server.pebble.dns("set-servfail", host="norepo.example")
    clone = server.app("norepo")
    clone.commit({"app.toml": manifest("norepo.example"), "public/index.html": "old"})
    assert clone.push().verdict.startswith("warning: ")
    server.pebble.dns("clear-servfail", host="norepo.example")
    (clone.remote / "HEAD").unlink()
    done = server.run("renew", check=False)
    assert done.returncode == 1
    assert "error: norepo: its deploys could not be looked at: " in one_line(done.stdout)
    still(server, "norepo")


def test_nginx_is_not_running(boot: Boot) -> None:
    """The push says so and what to type; what was on disk is as before, and the next one works."""
    server = boot()
    clone = live(server, "down")
    server.nginx.stop()
    before = {file.name: file.read_bytes() for file in server.nginx.sites.iterdir()}
    for words in ({"public/index.html": "new"}, {"app.toml": manifest("down.example", "b.down.example")}):
        clone.commit(words)
        push = clone.push()
        shown = one_line(push.output)
        assert "error: nginx is not running" in shown
        assert "on the server, as root: systemctl start nginx" in shown
        assert push.verdict.startswith("error: deploy ")
    assert {file.name: file.read_bytes() for file in server.nginx.sites.iterdir()} == before
    server.nginx.start()
    still(server, "down")
    server.run("deploy", "down", "--retry")
    assert server.get("b.down.example", https=True).body == "new"


def test_another_program_has_the_port(boot: Boot) -> None:
    """nginx is not running, and something else answers: both are said."""
    server = boot()
    clone = live(server, "taken")
    server.nginx.stop()
    with socket.create_server(("127.0.0.1", server.http_port)):
        clone.commit({"public/index.html": "new"})
        push = clone.push()
        shown = one_line(push.output)
        assert "error: nginx is not running, and another program has its port" in shown
        assert f"another program answers on port {server.http_port}" in shown
        assert "ss -ltnp shows what has the port" in shown


def test_nginx_is_not_installed(boot: Boot) -> None:
    """The command that is not there is named; a push of files alone goes live all the same."""
    server = boot()
    clone = live(server, "gone")
    server.config.write_text(
        server.config.read_text().replace(f'"{server.nginx.program}"', '"/usr/sbin/nginx-is-gone"')
    )
    clone.commit({"app.toml": manifest("gone.example", "b.gone.example")})
    push = clone.push()
    shown = one_line(push.output)
    assert "error: nginx could not be called /usr/sbin/nginx-is-gone: No such file or directory" in shown
    assert "on the server: apt install nginx, or see program, test and reload under [nginx] in server.toml" in shown
    assert "a push that changes files alone still goes live" in shown
    still(server, "gone")


def test_a_site_file_broken_by_hand(boot: Boot) -> None:
    """Another app's file is named with its line; its own is written anew; files alone go live meanwhile."""
    server = boot()
    clone, other = live(server, "mine"), live(server, "other")
    broken = server.nginx.sites / "other.conf"
    broken.write_text(broken.read_text().replace("listen", "listne", 1))
    clone.commit({"app.toml": manifest("mine.example", "b.mine.example"), "public/index.html": "new"})
    push = clone.push()
    shown = one_line(push.output)
    assert "error: nginx does not pass its test, and not because of mine" in shown
    assert f"{broken}:" in shown
    assert 'unknown directive "listne"' in shown
    still(server, "mine")
    still(server, "other")
    clone.commit({"app.toml": manifest("mine.example")})
    assert clone.push().verdict.startswith("success: ")
    assert server.get("mine.example", https=True).body == "new"
    other.commit({"public/index.html": "mended"})
    assert other.push().verdict.startswith("success: ")
    assert server.get("other.example", https=True).body == "mended"
