"""`doctor`: each thing that can be wrong is made wrong, found, and named with what mends it."""

import json
import os
import re
import shutil
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
import toml

from hookrunner.core import settings as schema
from hookrunner.edges.ca.account import stored
from hookrunner.edges.ca.client import Client, Trust
from hookrunner.edges.records import FileStore
from tests.conftest import Boot, needs
from tests.flows.test_trouble import fill, mounted
from tests.lab.machine import Process, listens
from tests.lab.pushing import wait_for
from tests.lab.server import Server

PAGE = {"app.toml": 'domains = ["well.example"]\nroot = "public"\n', "public/index.html": "well"}
SELF_SIGNED = [
    "openssl",
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    "-subj",
    "/CN=well.example",
]


class Found(NamedTuple):
    """A finding as a program reads it."""

    check: str
    text: str
    mend: tuple[str, ...]


@pytest.fixture(scope="module")
def well(boot_module: Boot) -> Iterator[Server]:
    """A server with one app, of which nothing is wrong; each test mends what it broke."""
    server = boot_module()
    clone = server.app("well")
    clone.commit(PAGE)
    assert clone.push().verdict.startswith("success: ")
    server.run("renew")
    yield server
    assert findings(server) == []


def findings(server: Server, **more: timedelta) -> list[Found]:
    """What `doctor` finds; its status says the same."""
    done = server.run("doctor", "--json", check=False, **more)
    assert done.stderr == ""
    found = json.loads(done.stdout)
    assert (found["schema"], done.returncode) == (1, 1 if found["findings"] else 0)
    return [Found(one["check"], one["text"], tuple(one["mend"])) for one in found["findings"]]


def only(server: Server, check: str, text: str, mend: str, **more: timedelta) -> None:
    """There is just this finding of that check."""
    (found,) = [one for one in findings(server, **more) if one.check == check]
    assert re.search(text, found.text), found
    assert any(mend in one for one in found.mend), found
    assert all("\n" not in one for one in (found.text, *found.mend))
    assert found.mend


@contextmanager
def settings(server: Server, table: str, **keys: object) -> Iterator[None]:
    """Other settings for a while."""
    before = server.config.read_text()
    data = toml.loads(before)
    data.setdefault(table, {}).update(keys)
    server.config.write_text(toml.dumps(data))
    try:
        yield
    finally:
        server.config.write_text(before)


@contextmanager
def away(path: Path) -> Iterator[None]:
    """Somebody moved it."""
    aside = path.with_name(f".{path.name}.away")
    path.rename(aside)
    try:
        yield
    finally:
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        aside.rename(path)


@contextmanager
def written(path: Path, text: str) -> Iterator[None]:
    """A file that is there, or reads so, for a while."""
    before = path.read_text() if path.exists() else None
    path.write_text(text)
    try:
        yield
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_text(before)


def pair(server: Server) -> Path:
    """The folder of the certificate in use."""
    (link,) = (server.state / "certificates").glob("*/well.example/current")
    return link.resolve()


def record(server: Server, prefix: str) -> Path:
    """A record's file."""
    (file,) = [path for path in (server.state / "records" / prefix).rglob("*") if path.is_file()]
    return file


def test_a_healthy_server(well: Server) -> None:
    """Each check says what is right, in a line, and the verdict is the last one."""
    done = well.run("doctor")
    *checks, verdict = done.stdout.splitlines()
    assert verdict == "success: nothing stands in the way of the next push or renewal"
    assert len(checks) == 17
    assert all(re.match(r" {7}[a-z]+ +\S", line) for line in checks)
    assert max(map(len, checks)) <= 72


def test_it_reads_as_a_person_needs_it(well: Server) -> None:
    """The finding, what to type, and how many there are."""
    with away(well.state / "repos" / "well.git" / "hooks" / "pre-receive"):
        done = well.run("doctor", check=False)
        assert done.returncode == 1
        assert "warning: hooks: the pre-receive hook of well is gone\n" in done.stdout
        assert "hint:   hookrunner hooks install" in done.stdout
        assert done.stdout.splitlines()[-1] == "error: 1 finding, each with what mends it"
        assert max(len(line) for line in done.stdout.splitlines() if "/" not in line) <= 72


def test_nginx_is_not_running(well: Server) -> None:
    """And is not blamed for what follows from that."""
    well.nginx.stop()
    try:
        assert findings(well) == [Found("nginx", "nginx is not running", ("start nginx",))]
    finally:
        well.nginx.start()


def test_another_program_has_the_port(well: Server, tmp_path: Path) -> None:
    """While nginx is down."""
    well.nginx.stop()
    other = web("127.0.0.1", well.http_port, tmp_path)
    try:
        only(well, "nginx", f"what answers on port {well.http_port} does not run what stands in", "ss -ltnp 'sport = :")
    finally:
        other.stop()
        well.nginx.start()


def web(address: str, port: int, folder: Path) -> Process:
    """Some web server."""
    argv = [sys.executable, "-m", "http.server", "--bind", address, str(port), "--directory", str(folder)]
    return Process(argv, folder / "web.log").wait_for(lambda: listens(port, address))


def test_nginx_does_not_pass_its_test(well: Server) -> None:
    """The file and line of whoever's it is."""
    with written(well.nginx.others / "wiki.conf", "server { listne 1; }\n"):
        only(well, "nginx", r"does not pass its test: .*wiki\.conf:1 unknown directive", "-t -q")


def test_nginx_is_gone(well: Server) -> None:
    """Or the settings name another."""
    with settings(well, "nginx", program="/nonexistent/nginx"):
        only(well, "nginx", "/nonexistent/nginx cannot be called", "apt install nginx")


def test_the_include_is_gone(well: Server) -> None:
    """Somebody has edited nginx.conf, and not reloaded yet."""
    text = well.nginx.config.read_text()
    with written(well.nginx.config, text.replace(f"include {well.nginx.sites}/*.conf;", "")):
        only(well, "nginx", f"does not read {well.nginx.sites}", f"include {well.nginx.sites}/*.conf;")


def test_nginx_runs_something_else(well: Server) -> None:
    """What stands in the files was never taken over."""
    file = well.nginx.sites / "00-hookrunner.conf"
    changed = re.sub(r"location = /[0-9a-f]{32} ", f"location = /{'0' * 32} ", file.read_text())
    with written(file, changed):
        only(well, "nginx", "does not run what stands in", "-s reload")


@pytest.mark.parametrize("address", ["127.0.0.9", "::1"])
def test_nobody_answers_at_an_address(well: Server, address: str) -> None:
    """Of IPv4 or IPv6, where the settings say that nginx listens."""
    with settings(well, "nginx", listen=["127.0.0.1", address]):
        found = [one for one in findings(well) if one.check == "ports"]
    shown = f"[{address}]" if ":" in address else address
    assert [one.text for one in found] == [
        f"nobody answers at {shown}:{port}" for port in (well.http_port, well.https_port)
    ]
    assert all("listen = " in one.mend[0] for one in found)


def test_somebody_else_answers_at_an_address(well: Server, tmp_path: Path) -> None:
    """Another program was there first."""
    other = web("127.0.0.9", well.http_port, tmp_path)
    try:
        with settings(well, "nginx", listen=["127.0.0.1", "127.0.0.9"]):
            texts = [one.text for one in findings(well) if one.check == "ports"]
        assert f"another program answers at 127.0.0.9:{well.http_port}" in texts
    finally:
        other.stop()


def test_another_file_has_a_name_of_ours(well: Server, tmp_path: Path) -> None:
    """On the same port, with a certificate of its own: the file is named, and what is served is seen."""
    subprocess.run([*SELF_SIGNED, "-keyout", tmp_path / "k", "-out", tmp_path / "c"], check=True, capture_output=True)
    shutil.copy(tmp_path / "k", well.folder / "other.key")
    shutil.copy(tmp_path / "c", well.folder / "other.pem")
    file = well.nginx.others / "old.conf"
    text = (f"server {{ listen 127.0.0.1:{well.https_port} ssl; server_name x.example WELL.example;\n"
            f"ssl_certificate {well.folder}/other.pem; ssl_certificate_key {well.folder}/other.key; }}\n")  # fmt: skip
    with written(file, text):
        subprocess.run(well.nginx.reload, check=True, capture_output=True)
        wait_for(lambda: not is_ours(well))
        found = findings(well)
        assert ("names", f"well.example is in {file} too") in [one[:2] for one in found]
        assert ("certificates", "well.example is served with another certificate") in [one[:2] for one in found]
    subprocess.run(well.nginx.reload, check=True, capture_output=True)
    wait_for(lambda: is_ours(well))  # else nginx would read what the next test breaks


def is_ours(server: Server) -> bool:
    """Whether what is served is of the CA."""
    with suppress(ssl.SSLError):
        return server.leaf("well.example") != b""
    return False


def test_https_does_not_answer(well: Server) -> None:
    """The port of the settings is not the one that nginx listens on."""
    with settings(well, "nginx", https_port=9):
        found = {one.check: one.text for one in findings(well)}
    assert found["ports"] == "nobody answers at 127.0.0.1:9"
    assert found["certificates"].startswith("no HTTPS answer for well.example: ")


def test_the_key_is_gone(well: Server) -> None:
    """nginx still has it, and will not after the next restart."""
    with away(pair(well) / "key.pem"):
        only(well, "certificates", r"well\.example: its key is gone or damaged", "hookrunner deploy well")


def test_the_key_is_another(well: Server) -> None:
    """Somebody copied one over it."""
    done = subprocess.run(
        ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout"], check=True, capture_output=True
    )
    with away(pair(well) / "key.pem"):
        (pair(well) / "key.pem").write_bytes(done.stdout)
        only(well, "certificates", "its key belongs to another certificate", "hookrunner deploy well")


def test_the_key_is_everybodys(well: Server) -> None:
    """With the command that mends the mode."""
    key = pair(well) / "key.pem"
    key.chmod(0o644)
    try:
        only(well, "certificates", "can be read by others", "chmod 600 ")
    finally:
        key.chmod(0o600)


def test_the_certificate_is_gone(well: Server) -> None:
    """Its whole folder."""
    with away(pair(well).parent):
        only(well, "certificates", "the certificate of well.example is gone", "hookrunner deploy well")


def test_the_record_is_gone_or_another(well: Server) -> None:
    """As after a backup that was half put back."""
    file = record(well, "certificates")
    with away(file):
        only(well, "certificates", "there is no record of the certificate", "hookrunner deploy well")
    with written(file, re.sub(r'"serial": ?"\w+"', '"serial": "abc"', file.read_text())):
        only(well, "certificates", "is another than the records say", "hookrunner deploy well")


def test_the_certificate_has_ended(well: Server) -> None:
    """Years later; and by then nothing was renewed, and the clock is not the CA's."""
    later = timedelta(days=9000)
    only(well, "certificates", "the certificate of well.example ended on", "hookrunner renew well", later=later)
    only(well, "renewals", "renew ran last at", "have cron run it", later=later)
    only(well, "clock", r"the clock is \d+ s ahead of that of", "timedatectl set-ntp true", later=later)


def test_renew_never_ran_or_failed(well: Server) -> None:
    """Nobody renews anything."""
    file = record(well, "runs")
    with away(file):
        assert findings(well) == []  # nothing can be due yet
        later = timedelta(hours=2)
        only(well, "renewals", "renew has never run", "have cron run it every five minutes", later=later)
    with written(file, file.read_text().replace("false", "true")):
        only(well, "renewals", "the run of renew at .* failed", "hookrunner renew shows why")


def test_folders(well: Server) -> None:
    """Missing, or readable by others."""
    with away(well.state / "challenges"):
        assert ("files", f"{well.state}/challenges is missing", ("hookrunner init",)) in findings(well)
    records = well.state / "records"
    records.chmod(0o755)
    try:
        only(well, "files", "records can be read by others", f"chmod 700 {records}")
    finally:
        records.chmod(0o700)


def test_a_disk_that_is_full(well: Server) -> None:
    """Of one folder with a file system of its own: in bytes, and read-only."""
    apps = well.state / "apps"
    with mounted(apps, "4m"):
        only(well, "disk", rf"[0-4] MB are left on the disk of {apps}", f"df -h {apps}")
        fill(apps).unlink()
        subprocess.run(["mount", "-o", "remount,ro", str(apps)], check=True)
        only(well, "disk", f"the file system of {apps} is read-only", "mount -o remount,rw")
        only(well, "files", f"{apps} cannot be written by this user", "chown -R $USER")
        subprocess.run(["mount", "-o", "remount,rw,size=1g,nr_inodes=200", str(apps)], check=True)
        only(well, "disk", rf"the disk of {apps} takes \d+ files more", f"df -i {apps}")


def test_a_resolver_that_does_not_answer(well: Server) -> None:
    """The one of two is named."""
    with settings(well, "dns", resolvers=[well.pebble.resolver, "127.0.0.1:9"]):
        only(well, "resolvers", "the resolver 127.0.0.1 port 9 does not answer", "resolvers under [dns]")


def test_no_resolver(well: Server) -> None:
    """Neither the settings nor the machine name one."""
    line = f"mount --bind /dev/null /etc/resolv.conf && exec {well.command} --config {well.config} doctor --json"
    with settings(well, "dns", resolvers=[]):
        done = subprocess.run(["unshare", "--mount", "sh", "-c", line], capture_output=True, text=True, check=False)
    needs("findings" in done.stdout, "the right to mount a file over another")
    found = [one for one in json.loads(done.stdout)["findings"] if one["check"] == "resolvers"]
    assert found == [{"check": "resolvers", "text": "there is no resolver", "mend": ["name one in /etc/resolv.conf"]}]


def test_a_ca_that_does_not_answer(well: Server) -> None:
    """Nothing is there, or its certificate is not trusted."""
    with settings(well, "acme", directory="https://127.0.0.1:9/dir"):
        only(well, "ca", "the CA does not answer", "check acme.directory in server.toml")
    with settings(well, "acme", ca_bundle=""):
        only(well, "ca", "its certificate is not trusted", "check acme.directory")


def test_an_account_that_the_ca_closed(well: Server) -> None:
    """Found before the next renewal finds it."""
    file = record(well, "accounts")
    acme, store = schema.parse(well.config.read_bytes()).acme, FileStore(well.state / "records")
    account = stored(store, acme)
    assert account
    trust = Trust(acme.ca_bundle, acme.authority.directory)
    network = account.network(trust)
    assert network.account
    client = Client(Client.get_directory(acme.authority.directory, network), network)
    client.deactivate_registration(network.account)
    only(well, "ca", "unauthorized|refused|deactivated", "accounts away")
    file.unlink()
    assert findings(well) == []
    assert "success: " in well.run("deploy", "well").stdout


def test_a_ca_that_wants_a_binding(boot: Boot, well: Server) -> None:
    """Before anything is asked of it."""
    server = boot(
        pebble={"externalAccountBindingRequired": True, "externalAccountMACKeys": {"kid": "c2VjcmV0c2VjcmV0c2VjcmV0"}}
    )
    only(server, "ca", "wants an external account binding", "eab_kid and eab_hmac_key")


def test_what_is_left_over(well: Server) -> None:
    """A repository, a folder, an nginx file and a claim of no app."""
    repository, folder = well.state / "repos" / "old.git", well.state / "apps" / "older"
    claim = well.state / "records" / "claims" / "domains"
    (file, *_) = [path for path in claim.rglob("*") if path.is_file()]
    shutil.copytree(well.state / "repos" / "well.git", repository)
    folder.mkdir()
    left = file.with_name(file.name.replace("well", "left"))
    with (
        written(well.nginx.sites / "gone.conf", "# nothing\n"),
        written(left, file.read_text().replace('"well"', '"lost"')),
    ):
        found = {one.text: one.mend for one in findings(well) if one.check == "apps"}
    shutil.rmtree(repository)
    folder.rmdir()
    assert found == {
        f"{repository} belongs to no app": (f"hookrunner hooks install {repository} --app old", f"or: rm -r {repository}"),
        f"{folder} belongs to no app": (f"rm -r {folder}",),
        f"nginx serves gone, which is no app: {well.nginx.sites}/gone.conf": (
            f"rm {well.nginx.sites}/gone.conf", " ".join(well.nginx.reload),
        ),
        "lost holds domains, and is no app": ("hookrunner apps create lost", "hookrunner apps remove lost"),
    }  # fmt: skip


def test_what_is_missing(well: Server) -> None:
    """The live release, or nginx's file of the app."""
    with away((well.state / "apps" / "well" / "current").resolve()):
        only(well, "apps", "the live release of well is gone", "hookrunner deploy well")
    with away(well.nginx.sites / "well.conf"):
        only(well, "apps", "nginx has no file for well", "hookrunner deploy well")


HOOKS: dict[str, tuple[Callable[[Path], object], str]] = {
    "changed": (lambda repo: (repo / "hooks" / "post-receive").write_text("#!/bin/sh\n"), "post-receive hook of well was changed"),
    "no program": (lambda repo: (repo / "hooks" / "post-receive").chmod(0o644), "cannot be run"),
    "another command": (lambda repo: git(repo, "config", "hookrunner.command", "/bin/true"), "hookrunner.command = /bin/true, not"),
    "no app": (lambda repo: git(repo, "config", "--unset", "hookrunner.app"), "hookrunner.app = nothing, not well"),
    "hooks elsewhere": (lambda repo: git(repo, "config", "core.hooksPath", "/srv"), "has its hooks in /srv"),
    "gone": (lambda repo: shutil.rmtree(repo), "the repository of well is gone"),
}  # fmt: skip


def git(repository: Path, *words: str) -> None:
    """Run git in a repository."""
    subprocess.run(["git", "-C", repository, *words], check=True)


@pytest.mark.parametrize("fault", HOOKS)
def test_hooks(well: Server, fault: str) -> None:
    """That do not call us, or not as they were made to."""
    breaks, text = HOOKS[fault]
    repository = well.state / "repos" / "well.git"
    kept = repository.with_name("kept")
    shutil.copytree(repository, kept, symlinks=True)
    try:
        breaks(repository)
        only(well, "hooks", text, "hookrunner apps remove well" if fault == "gone" else "hooks")
    finally:
        shutil.rmtree(repository, ignore_errors=True)
        kept.rename(repository)


MENDS: dict[str, tuple[Callable[[Server], object], ...]] = {
    "hooks, a mode and left-overs": (
        lambda server: (server.state / "repos" / "well.git" / "hooks" / "pre-receive").write_text("x"),
        lambda server: (server.state / "repos" / "well.git" / "hooks" / "post-receive").unlink(),
        lambda server: git(server.state / "repos" / "well.git", "config", "hookrunner.command", "/x"),
        lambda server: (server.nginx.sites / "left.conf").write_text("# nothing\n"),
        lambda server: (pair(server) / "key.pem").chmod(0o644),
    ),
    "folders, a release and a record": (
        lambda server: shutil.rmtree(server.state / "challenges"),
        lambda server: shutil.rmtree((server.state / "apps" / "well" / "current").resolve()),
        lambda server: record(server, "certificates").unlink(),
    ),
    "the key is gone": (lambda server: (pair(server) / "key.pem").unlink(),),
    "the certificate is gone": (lambda server: shutil.rmtree(pair(server).parent),),
    "nginx's file is gone": (lambda server: (server.nginx.sites / "well.conf").unlink(),),
}


@pytest.mark.parametrize("faults", MENDS)
def test_what_it_says_does_mend_it(well: Server, faults: str) -> None:
    """Typed as it is printed, there is nothing to find any more."""
    for breaks in MENDS[faults]:
        breaks(well)
    found = findings(well)
    assert len(found) >= len(MENDS[faults])
    lines = dict.fromkeys(line for one in found for line in one.mend)
    for line in lines:
        program, *words = line.split()
        if program == "hookrunner":
            well.run(*words, check=False)
        elif shutil.which(program):
            subprocess.run([program, *words], check=False, capture_output=True)
    assert findings(well) == []


def test_a_repository_of_somebody_else(well: Server) -> None:
    """git would not touch it ("dubious ownership")."""
    repository = well.state / "repos" / "well.git"
    needs(os.geteuid() == 0, "root, who alone can give a repository away")
    os.chown(repository, 65534, -1)
    try:
        only(well, "hooks", r"well\.git is nobody's", "chown -R root: ")
    finally:
        os.chown(repository, 0, -1)


def test_git(well: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too old, or told to leave hooks out."""
    (tmp_path / "git").write_text(
        '#!/bin/sh\n[ "$1" = version ] && exec echo git version 2.20.1\nexec /usr/bin/git "$@"\n'
    )
    (tmp_path / "git").chmod(0o755)
    with monkeypatch.context() as patched:
        patched.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        only(well, "git", "git version 2.20.1 is too old", "git 2.28 or later")
    with monkeypatch.context() as patched:
        patched.setenv("PATH", str(well.folder))
        only(well, "git", "git cannot be called", "apt install git")
    with written(well.state / "repos" / ".gitconfig", "[core]\nhooksPath = /srv/hooks\n"):
        only(
            well,
            "git",
            "global configuration has core.hooksPath = /srv/hooks",
            "git config --global --unset core.hooksPath",
        )


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ({"provider": "cloudflair", "auth_token": "secret"}, 'well.example: "cloudflair" is no DNS provider'),
        ({"provider": "exec", "program": "/etc/passwd"}, "/etc/passwd is no program that can be run"),
        ({"provider": "exec", "program": "/nowhere"}, "/nowhere is no program that can be run"),
        (
            {"provider": "rfc2136", "server": "127.0.0.1", "port": 9, "key_name": "key", "key_secret": "c2VjcmV0"},
            "127.0.0.1 cannot be reached: Connection refused",
        ),
    ],
    ids=["no such provider", "no program", "nothing there", "nobody answers"],
)
def test_a_zone_that_cannot_be_changed(well: Server, zone: dict[str, object], text: str) -> None:
    """Found before a certificate needs it."""
    well.config.chmod(0o640)
    with settings(well, "dns", zones={"well.example": zone}):
        only(well, "zones", text, '[dns.zones."well.example"] in ')


def test_a_name_that_waits_for_this_server(boot: Boot) -> None:
    """What the last try ended at, if it is nothing that who pushes can mend; a name's own DNS is none of that."""
    server = boot(settings={"dns": {"zones": {"waits.example": {"provider": "exec", "program": "/bin/false"}}}})
    clone = server.app("waits")
    clone.commit(
        {"app.toml": 'domains = ["waits.example"]\nroot = "."\n[tls]\nchallenge = "dns-01"\n', "index.html": "x"}
    )
    assert "no HTTPS yet" in clone.push().output
    only(server, "waiting", "waits.example: its TXT record could not be set", "mend [dns.zones] in server.toml")
