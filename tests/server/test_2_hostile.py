"""Nobody gets in: what a stolen key, a hostile repository, a hole in the hook and another user of the machine try.

Each attempt ends with 0 if it gets through; each has to fail, for the reason that is meant. The table is printed.
"""

import json
import time
from collections.abc import Iterator

import pytest

from hookrunner.model.publication import CertificateId, Publication, PublishedSite
from tests.lab.container import Container
from tests.publisher.made import publication, site
from tests.server.attempts import DENIED, Attempt, Ended, table, tried
from tests.server.laptop import Laptop
from tests.server.snapshots import snapshot

ROOTS = "/etc /opt /usr/local /root /var/lib/hookrunner/certificates"
CHANGES_BY_ITSELF = r"/etc/ld.so.cache|/\.(ssh|cache)/|\.(templates|waiting|keys|lock)\b"
ASK = """\
import json, socket, sys
with socket.socket(socket.AF_UNIX) as s:
    s.settimeout(100)
    s.connect("/run/hookrunner/publisher.sock")
    s.recv(1)
    s.sendall(sys.stdin.buffer.read())
    s.shutdown(socket.SHUT_WR)
    answer = json.loads(b"".join(iter(lambda: s.recv(65536), b"")))
print(json.dumps(answer)[:2000])
sys.exit("refused" in str(answer) or "failed" in answer or "defect" in answer)
"""


@pytest.fixture(scope="module")
def victim(laptop: Laptop, container: Container) -> Iterator[str]:
    """Two apps: the attacker's own, and one with a secret, a certificate and an upstream. Its release's path."""
    container.put(ASK, "/srv/ask.py")
    container.run("useradd --create-home mallory")
    manifest = (
        'domains = ["victim.example"]\nroot = "public"\n[routes]\n"/api/*" = { proxy = "unix:/run/victim/web.sock" }\n'
    )
    clone = laptop.app("victim")
    clone.commit({"app.toml": manifest, "public/index.html": "the victim's page", "private.txt": "the victim's secret"})
    assert clone.push().verdict.startswith("success: ")
    mine = laptop.app("mallory")
    mine.commit({"app.toml": 'domains = ["mallory.example"]\nroot = "public"\n', "public/index.html": "mallory"})
    assert mine.push().verdict.startswith("success: ")
    yield container.run("readlink -f /var/lib/hookrunner/apps/victim/current").stdout.strip()
    assert laptop.get("victim.example").body == "the victim's page"
    assert laptop.get("mallory.example").status == 200
    assert container.run("systemctl is-active nginx hookrunner-publisher.socket").stdout == "active\nactive\n"


def key_of(container: Container, name: str) -> str:
    """The path of a private key."""
    found = container.run(f"readlink -f /var/lib/hookrunner/certificates/*/{name}/current/key.pem").stdout.strip()
    assert container.run(f"head -n 1 {found}").stdout == "-----BEGIN PRIVATE KEY-----\n"
    return found


def held(container: Container, folders: str) -> str:
    """What root's folders hold."""
    return snapshot(container, folders, but=CHANGES_BY_ITSELF)


def show(rows: list[Ended], capsys: pytest.CaptureFixture[str]) -> None:
    """Print the table; each has to be refused."""
    with capsys.disabled():
        print(f"\n{table(rows)}")
    assert [row for row in rows if not row.refused] == []


def test_the_user_git_with_a_shell(victim: str, container: Container, capsys: pytest.CaptureFixture[str]) -> None:
    """A hole in the hook: no key, no file of root's, no nginx, and nothing that root trips over."""
    key = key_of(container, "victim.example")
    before = held(container, ROOTS)
    state = "/var/lib/hookrunner"
    attempts = [
        Attempt("read a private key", f"cat {key}", DENIED),
        Attempt("list the certificates", f"ls {state}/certificates", DENIED),
        Attempt("put the certificates aside", f"mv {state}/certificates {state}/mine", DENIED),
        Attempt("put the state folder aside", f"mv {state} /tmp/mine", DENIED),
        Attempt("make a folder in the state folder", f"mkdir {state}/new", DENIED),
        Attempt("hard link a private key", f"ln {key} {state}/repos/key", DENIED),
        Attempt("write a site for nginx", "echo > /etc/nginx/hookrunner/x.conf", DENIED),
        Attempt("write the owner's lines of an app", "mkdir /etc/nginx/hookrunner/victim.d", DENIED),
        Attempt("change nginx.conf", "echo >> /etc/nginx/nginx.conf", DENIED),
        Attempt("take the include of nginx away", "rm -f /etc/nginx/conf.d/hookrunner.conf", DENIED),
        Attempt("change the settings", "echo >> /etc/hookrunner/server.toml", DENIED),
        Attempt("let another key in", "echo >> /etc/hookrunner/authorized_keys", DENIED),
        Attempt("replace the deploy keys", "mv /etc/hookrunner/authorized_keys /tmp/", DENIED),
        Attempt("change what root runs", "echo >> $(ls -d /opt/hookrunner/lib/*/site-packages/hookrunner)/durable.py", DENIED),
        Attempt("add a module for root", "touch $(ls -d /opt/hookrunner/lib/*/site-packages)/sitecustomize.py", DENIED),
        Attempt("change the service", "echo >> /etc/systemd/system/hookrunner-publisher@.service", DENIED),
        Attempt("write into root's cron", "echo > /etc/cron.d/x", f"{DENIED}|No such file"),
        Attempt("reload nginx", "systemctl --no-ask-password reload nginx", "(?i)access denied|authenticat|not permitted"),
        Attempt("stop the publisher", "systemctl --no-ask-password stop hookrunner-publisher.socket", "(?i)access denied|authenticat"),
        Attempt("replace the publisher's socket", "rm -f /run/hookrunner/publisher.sock", DENIED),
        Attempt("signal nginx's master", "kill -TERM $(cat /run/nginx.pid)", DENIED),
        Attempt("take a port below 1024", "python3 -c 'import socket; socket.socket().bind((\"127.0.0.1\", 81))'", DENIED),
        Attempt("become root", "sudo -n true", "(?i)sudo: (not|a password)|command not found|may not run"),
        Attempt("read an app's visitors", "cat /var/log/hookrunner/victim.access.log", DENIED),
        Attempt("lead an app's log elsewhere", "ln -sfn /etc/passwd /var/log/hookrunner/victim.access.log", DENIED),
        Attempt("read root's journal of the publisher", "test -n \"$(journalctl -qt hookrunner-publisher)\" || ls /no", "No such file|not seeing"),
    ]  # fmt: skip
    show(tried(container, "git, shell", "git", attempts), capsys)
    assert held(container, ROOTS) == before


def forged(container: Container, victim: str) -> list[Attempt]:
    """Requests that no hook of ours would send."""
    own = container.run("basename $(readlink -f /var/lib/hookrunner/apps/mallory/current)").stdout.strip()
    authority = container.run("ls /var/lib/hookrunner/certificates").stdout.split()[0]
    theirs = CertificateId.parse(f"{authority}/victim.example")
    chain = container.run(
        f"cat /var/lib/hookrunner/certificates/{authority}/victim.example/current/fullchain.pem"
    ).stdout

    def asked(*sites: PublishedSite, **more: object) -> dict[str, object]:
        made: Publication = publication("mallory", own, *sites)
        return {"publish": made.to_json() | more}

    page = site("mallory.example", root="public")
    good = page.to_json()
    proxy = "unix:/run/victim/web.sock"
    claims = "/var/lib/hookrunner/records/claims"
    claim = 'echo \'{"revision": "1", "value": {"app": "mallory"}}\' >'
    take = f"cp -r {claims} /tmp/claims; {claim} {claims}/domains/victim.example;"
    give = f"; s=$?; rm -rf {claims}; cp -r /tmp/claims {claims}; rm -rf /tmp/claims; exit $s"

    def ask(request: object) -> str:
        return f"python3 /srv/ask.py <<'EOF'\n{json.dumps(request)}\nEOF\n"

    def after_lies(request: object, lies: str) -> str:
        """The records are git's own: they can say whatever it wants."""
        return f"{lies} {ask(request)}{give.removeprefix('; ')}"

    sockets = ["unix:/run/victim/web.sock", "unix:/run/docker.sock", "loopback:22", "loopback:80"]
    lie = f"cp -r {claims} /tmp/claims; for one in {' '.join(sockets)}; do mkdir -p $(dirname {claims}/upstreams/$one); {claim} {claims}/upstreams/$one; done;"
    return [
        Attempt("nginx lines instead of a domain", ask(asked(sites=[good | {"names": [["a.example; } server {", None]]}])), "refused.*request"),
        Attempt("a domain that nobody claimed", ask(asked(site("free.example", root="public"))), "not claimed by mallory"),
        Attempt("another app's domain", ask(asked(site("victim.example", root="public"))), "not claimed by mallory"),
        Attempt("the same, with records that lie", after_lies(asked(site("victim.example", root="public")), take), "served for the app victim"),
        Attempt("another app's certificate, with records that lie", after_lies(asked(page, chains={str(theirs): chain + "\n"}), take), "served for the app victim"),
        Attempt("another app's upstream", ask(asked(site("mallory.example", proxy=proxy))), "not claimed by mallory"),
        Attempt("the same, with records that lie", after_lies(asked(site("mallory.example", proxy=proxy)), lie), "neither /run/mallory.sock nor|served for"),
        Attempt("Docker's socket, with records that lie", after_lies(asked(site("mallory.example", proxy="unix:/run/docker.sock")), lie), "neither /run/mallory.sock nor"),
        Attempt("sshd's port, with records that lie", after_lies(asked(site("mallory.example", proxy="http://127.0.0.1:22")), lie), "port below 1024"),
        Attempt("nginx's own port, with records that lie", after_lies(asked(site("mallory.example", proxy="http://127.0.0.1:80")), lie), "listens on"),
        Attempt("another server's address", ask(asked(site("mallory.example", proxy="http://169.254.169.254:80"))), "not claimed|not on this machine"),
        Attempt("a folder above the release", ask(asked(sites=[good | {"root": "../../victim/current"}])), "refused.*request"),
        Attempt("an absolute folder", ask(asked(sites=[good | {"root": "/etc"}])), "refused.*request"),
        Attempt("a release that is somewhere else", ask(asked(page, release="../../victim/releases/1")), "not a release"),
        Attempt("an app called ../victim", ask(asked(page, app="../victim")), "refused.*request"),
        Attempt("a setting along with it", ask(asked(page, listen=["0.0.0.0:81"])), "unknown keys"),
        Attempt("a header with a line break", ask(asked(sites=[good | {"headers": [["/*", [["X-A", "b\r\nSet-Cookie: c"]]]]}])), "refused.*request"),
        Attempt("a command", ask({"run": ["id"]}), "not a request"),
        Attempt("a unit to restart", ask({"restart": "../ssh"}), "refused.*request"),
        Attempt("a key for a path", ask({"csr": [{"certificate": "../../etc/x", "names": ["x.example"], "key": "ecdsa-p256"}]}), "refused.*request"),
        Attempt("a key for a name of nobody's", ask({"csr": [{"certificate": f"{authority}/free.example", "names": ["free.example"], "key": "ecdsa-p256"}]}), "no app holds"),
        Attempt("a request of 100 MB", "head -c 100000000 /dev/zero | python3 /srv/ask.py", "more than 64 MiB|Broken pipe|reset"),
        Attempt("a request that nests a million deep", "head -c 1000000 /dev/zero | tr '\\0' '[' | python3 /srv/ask.py", "not a JSON document"),
    ]  # fmt: skip


def test_forged_requests_to_the_publisher(
    victim: str, container: Container, laptop: Laptop, capsys: pytest.CaptureFixture[str]
) -> None:
    """Root's publisher goes by the settings and by what it serves already, whatever git's records say."""
    before = held(container, ROOTS)
    show(tried(container, "git, forged", "git", forged(container, victim)), capsys)
    assert held(container, ROOTS) == before
    assert "success" in laptop.container.run("hookrunner deploy mallory").stdout


TRAPS = [
    # (what, how it is laid, how it is taken away)
    ("an app's folder that leads to /etc", "mv {app} {app}.kept && ln -s /etc {app}", "rm {app} && mv {app}.kept {app}"),
    ("its releases that lead to root's home", "mv {app}/releases {app}/kept && ln -s /root {app}/releases", "rm {app}/releases && mv {app}/kept {app}/releases"),
    ("a FIFO instead of a claim", "mv {claim} /tmp/c && mkfifo {claim}", "rm {claim} && mv /tmp/c {claim}"),
    ("claims that lead to the keys", "mv {claims} /tmp/cs && ln -s /var/lib/hookrunner/certificates {claims}", "rm {claims} && mv /tmp/cs {claims}"),
    ("a claim that leads to root's secrets", "mv {claim} /tmp/c && ln -s /etc/shadow {claim}", "rm {claim} && mv /tmp/c {claim}"),
]  # fmt: skip


def test_traps_for_root(victim: str, container: Container, laptop: Laptop, capsys: pytest.CaptureFixture[str]) -> None:
    """Links and FIFOs in git's own folders: root follows none of them further than git could, and waits for none."""
    app = "/var/lib/hookrunner/apps/mallory"
    claims = "/var/lib/hookrunner/records/claims/domains"
    places = {"app": app, "claims": claims, "claim": f"{claims}/mallory.example"}
    own = container.run(f"basename $(readlink -f {app}/current)").stdout.strip()
    request = json.dumps({"publish": publication("mallory", own, site("mallory.example")).to_json()})
    before = held(container, ROOTS)
    rows: list[Ended] = []
    for what, lay, take in TRAPS:
        container.run(lay.format(**places), user="git")
        began = time.monotonic()
        rows += tried(
            container, "git, trap", "git",
            [Attempt(what, f"python3 /srv/ask.py <<'EOF'\n{request}\nEOF\n", "failed|refused|defect")],
        )  # fmt: skip
        assert time.monotonic() - began < 60
        container.run(take.format(**places), user="git")
        assert "root:" not in rows[-1].said
        assert "PRIVATE KEY" not in rows[-1].said
    show(rows, capsys)
    assert held(container, ROOTS) == before
    assert "success" in container.run("hookrunner deploy mallory").stdout


def test_what_root_types_runs_nothing_of_gits(victim: str, container: Container) -> None:
    """The configuration of a repository can name programs: root becomes git before it looks there."""
    script = "/var/lib/hookrunner/repos/evil.sh"
    container.run(
        f"printf '#!/bin/sh\\nid -un >> /tmp/evil\\n' > {script} && chmod +x {script} && cd mallory.git && "
        f"git config core.fsmonitor {script} && git config core.sshCommand {script} && git config core.pager {script} && "
        f"git config core.alternateRefsCommand {script}",
        user="git",
    )
    container.run("hookrunner deploy mallory; hookrunner status; hookrunner plan mallory; hookrunner renew")
    assert "root" not in container.run("cat /tmp/evil 2>/dev/null", check=False).stdout
    container.run(
        f"cd mallory.git; for key in fsmonitor sshCommand pager alternateRefsCommand; do git config --unset core.$key; done; rm {script}",
        user="git",
    )


def test_nginx_is_not_hung_by_a_release(victim: str, container: Container, laptop: Laptop) -> None:
    """A FIFO among the files of a site is not waited for."""
    public = container.run("readlink -f /var/lib/hookrunner/apps/mallory/current").stdout.strip() + "/public"
    container.run(f"mkfifo {public}/fifo {public}/fifo.html && ln -s /dev/zero {public}/zero", user="git")
    assert [laptop.get("mallory.example", path).status for path in ("/fifo", "/fifo.html", "/zero")] == [404, 404, 404]
    container.run(f"rm {public}/fifo {public}/fifo.html {public}/zero", user="git")


def test_a_flood_of_connections_stops_nothing(victim: str, container: Container) -> None:
    """Hundreds of connections that say nothing: a deploy meanwhile waits its turn, and the socket is there after."""
    flood = (
        "import socket, time\n"
        "held = []\n"
        "for _ in range(400):\n"
        "    s = socket.socket(socket.AF_UNIX); s.settimeout(5)\n"
        "    try:\n        s.connect('/run/hookrunner/publisher.sock'); held.append(s)\n"
        "    except OSError: pass\n"
        "print(len(held), flush=True)\n"
        "time.sleep(8)\n"
    )
    container.put(flood, "/srv/flood.py")
    container.run("nohup python3 /srv/flood.py >/tmp/flood 2>&1 </dev/null &", user="git")
    time.sleep(2)
    container.run("hookrunner deploy mallory", check=False)
    time.sleep(8)
    assert int(container.run("cat /tmp/flood").stdout) > 100
    assert container.run("systemctl is-active hookrunner-publisher.socket").stdout == "active\n"
    assert "success" in container.run("hookrunner deploy mallory").stdout


def test_another_user_of_the_machine(victim: str, container: Container, capsys: pytest.CaptureFixture[str]) -> None:
    """Somebody with a shell who is neither root nor git: no release, no record, no key, no publisher."""
    key, state = key_of(container, "victim.example"), "/var/lib/hookrunner"
    attempts = [
        Attempt("read a file of a release", f"cat {victim}/private.txt", DENIED),
        Attempt("read a file by the link", f"cat {state}/apps/victim/current/private.txt", DENIED),
        Attempt("list the apps", f"ls {state}/apps", DENIED),
        Attempt("list the repositories", f"ls {state}/repos", DENIED),
        Attempt("clone a repository", f"git clone {state}/repos/victim.git /tmp/v", "(?i)denied|does not (appear|exist)|dubious"),
        Attempt("read the records", f"cat {state}/records/apps/victim", DENIED),
        Attempt("read a deploy's log", f"cat {state}/apps/victim/logs/1.log", DENIED),
        Attempt("read a private key", f"cat {key}", DENIED),
        Attempt("read the settings", "cat /etc/hookrunner/server.toml", DENIED),
        Attempt("read who may push", "cat /etc/hookrunner/authorized_keys", DENIED),
        Attempt("read an app's visitors", "cat /var/log/hookrunner/victim.access.log", DENIED),
        Attempt("ask the publisher", "echo '{\"recover\": true}' | python3 /srv/ask.py", DENIED),
        Attempt("write a token for the CA", f"mkdir -p {state}/challenges/.well-known/acme-challenge/x", DENIED),
        Attempt("deploy", "hookrunner deploy victim", "(?i)permission"),
        Attempt("run setup", "hookrunner setup", "type it as root"),
    ]  # fmt: skip
    show(tried(container, "another user", "mallory", attempts), capsys)


def test_a_stolen_deploy_key(
    victim: str, container: Container, laptop: Laptop, capsys: pytest.CaptureFixture[str]
) -> None:
    """It may push. It has no shell, no terminal, no forwarding, no files, and lets nobody else in."""
    config = f"-F {container.ssh_config} -o BatchMode=yes"
    tries = [
        ("a shell", f"ssh {config} git@your-server"),
        ("a terminal", f"ssh {config} -tt git@your-server"),
        ("a command", f"ssh {config} git@your-server id"),
        ("a command behind git's", f"ssh {config} git@your-server \"git-receive-pack 'x'; id\""),
        ("bash by its path", f"ssh {config} git@your-server /bin/bash -c id"),
        ("a file by scp", f"scp {config} git@your-server:/etc/hookrunner/server.toml /tmp/stolen.toml"),
        ("a file by sftp", f"echo 'get /etc/passwd /tmp/stolen' | sftp -b - {config} git@your-server"),
        ("a tunnel to an upstream", f"ssh {config} -o ExitOnForwardFailure=yes -W 127.0.0.1:80 git@your-server </dev/null"),
        ("a port of the server", f"ssh {config} -o ExitOnForwardFailure=yes -N -R 127.0.0.1:29999:127.0.0.1:80 git@your-server"),
        ("git's environment", f"ssh {config} -o SetEnv=GIT_CONFIG_COUNT=1 git@your-server env"),
    ]  # fmt: skip
    rows: list[Ended] = []
    for what, line in tries:
        done = laptop.tried(line)
        refused = done.returncode != 0 and "uid=" not in done.stdout
        rows.append(Ended("stolen key", what, refused, (done.stderr.strip().splitlines() or ["-"])[0][:60]))
    show(rows, capsys)


PUSHES = [
    # (what, files of the commit, what the refusal says)
    ("another app's domain", {"app.toml": 'domains = ["victim.example"]\nroot = "public"\n'}, "belongs to the app victim"),
    ("another app's upstream", {"app.toml": 'domains = ["mallory.example"]\nproxy = "unix:/run/victim/web.sock"\n'}, "belongs to the app victim|neither /run/mallory"),
    ("the publisher's socket", {"app.toml": 'domains = ["mallory.example"]\nproxy = "unix:/run/hookrunner/publisher.sock"\n'}, "neither /run/mallory"),
    ("nginx itself", {"app.toml": 'domains = ["mallory.example"]\nproxy = "http://127.0.0.1:443"\n'}, "listens on"),
    ("the cloud's metadata", {"app.toml": 'domains = ["mallory.example"]\nproxy = "http://169.254.169.254:80"\n'}, "not on this machine"),
    ("a folder above the release", {"app.toml": 'domains = ["mallory.example"]\nroot = "../../victim/current"\n'}, "leaves the repository"),
    ("nginx lines in a header", {"app.toml": 'domains = ["mallory.example"]\nroot = "public"\n[[headers]]\nfor = "/*"\n[headers.values]\nX-A = "b\\n} server {"\n'}, "control character|not allowed|X-A"),
    ("nginx lines in a domain", {"app.toml": 'domains = ["a.example; include /etc/passwd"]\nroot = "public"\n'}, "mistake"),
    ("terminal codes in a key", {"app.toml": 'domains = ["mallory.example"]\nroot = "public"\n"\\u001b[31mred" = 1\n'}, "mistake"),
]  # fmt: skip


def test_from_inside_a_push(victim: str, laptop: Laptop, capsys: pytest.CaptureFixture[str]) -> None:
    """A hostile repository is refused before its branch moves, and no control character of it comes back."""
    clone, rows = laptop.cloned("mallory"), list[Ended]()
    for what, files, refusal in PUSHES:
        clone.commit({"public/index.html": "mallory", **files})
        push = clone.push()
        said = " ".join(push.output.split())
        found = next((part for part in refusal.split("|") if part in said), "")
        rows.append(Ended("a push", what, push.status != 0 and bool(found), found or said[-150:]))
        assert not set(push.output) & {chr(code) for code in range(32) if chr(code) != "\n"}
        clone.git("reset", "--hard", "--quiet", "FETCH_HEAD")
    show(rows, capsys)


def test_links_of_a_push_lead_nowhere(victim: str, container: Container, laptop: Laptop) -> None:
    """Links to another app's files, to keys and to the system are dropped or refused; nothing of them is served."""
    clone = laptop.cloned("mallory")
    public = clone.folder / "public"
    (public / "secret.txt").symlink_to(f"{victim}/private.txt")
    clone.git("add", "--all")
    clone.git("commit", "--quiet", "-m", "A link")
    assert clone.push().status != 0
    clone.git("reset", "--hard", "--quiet", "FETCH_HEAD")
    (clone.folder / "elsewhere").symlink_to("/etc")
    clone.git("add", "--all")
    clone.git("commit", "--quiet", "-m", "A link beside the site")
    push = clone.push()
    assert push.status == 0
    assert "elsewhere" in push.output
    assert container.run("test -e /var/lib/hookrunner/apps/mallory/current/elsewhere", check=False).returncode == 1
    for path in ("/secret.txt", "/../elsewhere/passwd", "/..%2felsewhere/passwd"):
        assert laptop.get("mallory.example", path).status in (400, 404)


def test_programs_of_a_push_do_not_run(victim: str, container: Container, laptop: Laptop) -> None:
    """Filters, hooks and configuration that lie in the pushed tree are files like others."""
    clone = laptop.cloned("mallory")
    script = "#!/bin/sh\nid -un >> /tmp/ran\n"
    clone.commit({
        ".gitattributes": "* filter=evil\n", ".lfsconfig": "[lfs]\nurl = http://127.0.0.1:1/\n",
        "hooks/post-checkout": script, "hooks/post-receive": script, "config": "[core]\nfsmonitor = ./hooks/post-checkout\n",
        "public/index.html": "after the trap",
    })  # fmt: skip
    assert clone.push().verdict.startswith("success: ")
    assert laptop.get("mallory.example").body == "after the trap"
    assert container.run("test -e /tmp/ran", check=False).returncode == 1
