"""Bad input: a clear error, and nothing changed on the server."""

import dataclasses
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.lab.server import Clone, Server

GOOD = 'domains = ["site.refusals.example"]\nroot = "public"\n'
Build = Callable[[Clone], object] | Mapping[str, str | bytes | Path] | str
"""What to commit: an app.toml, files (a path is a link to it), or a function that stages something."""


@dataclasses.dataclass(frozen=True)
class Site:
    """A live app, and how it was before a push."""

    server: Server
    clone: Clone
    base: str

    def facts(self) -> tuple[object, ...]:
        """All that a refused push must not change."""
        sites = self.server.nginx.sites
        page = self.server.get("site.refusals.example", https=True)
        return (
            tip(self.clone),
            page.status,
            page.body,
            {file.name: file.read_bytes() for file in sites.iterdir()},
            self.server.nginx.reloads(),
            sorted((self.server.state / "apps" / "refusals" / "releases").iterdir()),
            sorted((self.server.state / "records" / "claims").rglob("*")),
        )

    def commit(self, build: Build) -> None:
        """Commit ``build`` on top of the live commit."""
        clone = self.clone
        clone.git("reset", "--hard", "--quiet", self.base)
        clone.git("clean", "-dffxq")
        if isinstance(build, str):
            build = {"app.toml": build}
        if isinstance(build, Mapping):
            clone.write({name: content for name, content in build.items() if not isinstance(content, Path)})
            for name, target in build.items():
                if isinstance(target, Path):
                    link = clone.folder / name
                    link.unlink(missing_ok=True)
                    link.parent.mkdir(parents=True, exist_ok=True)
                    link.symlink_to(target)
            clone.git("add", "--all", "--force")
        else:
            build(clone)
        clone.git("commit", "--quiet", "--allow-empty", "-m", "Bad")


def tip(clone: Clone, ref: str = "refs/heads/main") -> str:
    """Where a branch of the server is; "" when it is not there."""
    return clone.git("ls-remote", str(clone.remote), ref).partition("\t")[0]


@pytest.fixture(scope="session")
def site(server: Server) -> Site:
    """An app that is live, and another one that holds names and an upstream."""
    holder = server.app("refusals-holder")
    holder.commit(
        {
            "app.toml": 'domains = ["held.example", "sub.over.example", "*.wild.held.example"]\nproxy = "http://127.0.0.1:18111"\nhttps = "off"\n',
        }
    )
    assert holder.push().verdict.startswith("success: ")
    clone = server.app("refusals")
    base = clone.commit({"app.toml": GOOD, "public/index.html": "it stays", "other/index.html": "other"})
    assert clone.push().verdict.startswith("success: ")
    return Site(server, clone, base)


def domain(text: str) -> str:
    """An app.toml with a bad domain, as TOML writes it, beside a good one."""
    return f'domains = ["site.refusals.example", "{text}"]\nroot = "public"\n'


def root(text: str) -> str:
    """An app.toml with a bad root."""
    return f'domains = ["site.refusals.example"]\nroot = "{text}"\n'


def proxy(text: str) -> str:
    """An app.toml with a bad proxy."""
    return f'domains = ["site.refusals.example"]\nproxy = "{text}"\n'


def blob(mode: str, oid: str, path: str) -> Callable[[Clone], object]:
    """An entry of the index that no file stands for."""
    return lambda clone: clone.git("update-index", "--add", "--cacheinfo", f"{mode},{oid},{path}")


def huge(clone: Clone) -> None:
    """An app.toml of 200 MB of zeros: little to push, much to read."""
    file = clone.folder / "huge"
    with file.open("wb") as sparse:
        sparse.truncate(200 * 1024**2)
    clone.git("config", "core.bigFileThreshold", "1m")
    oid = clone.git("hash-object", "-w", "huge")
    file.unlink()
    blob("100644", oid, "app.toml")(clone)


def bomb(clone: Clone) -> None:
    """A dozen trees, each ten times the one before: a million million files."""
    kind, oid = "100644 blob", clone.git("hash-object", "-w", "--stdin", stdin=b"boom")
    for _ in range(12):
        entries = "".join(f"{kind} {oid}\tf{number}\n" for number in range(10))
        kind, oid = "040000 tree", clone.git("mktree", stdin=entries.encode())
    clone.git("read-tree", "--prefix=public/deep", clone.git("mktree", stdin=b""))
    entries = clone.git("ls-tree", "HEAD") + f"\n040000 tree {oid}\tbomb\n"
    tree = clone.git("mktree", stdin=entries.encode())
    commit = clone.git("commit-tree", tree, "-p", "HEAD", "-m", "Boom")
    clone.git("update-ref", "refs/heads/main", commit)
    clone.git("symbolic-ref", "HEAD", "refs/heads/elsewhere")


NOT_A_NAME = "is not a domain name: labels hold letters, digits and inner hyphens only"
NOT_AN_IP = "is not an IP address with a port, like http://127.0.0.1:8000; host names are not allowed"

CASES: dict[str, tuple[Build, list[str]]] = {
    # TOML
    "toml-open-list": ("domains = [\n", ["app.toml has 1 mistake, nothing was deployed", "is not TOML"]),
    "toml-two-in-a-line": ("a=1 b=2\n", ["line 1 a=1 b=2 is not TOML: "]),
    "toml-twice": (GOOD + 'root = "other"\n', ["line 3", "is not TOML: "]),
    "empty": ("", ['it has no "domains"', 'it has neither "root" nor "proxy"']),
    # keys
    "unknown": (GOOD + 'colour = "red"\n', ['line 3 colour = "red" "colour" is not a key; known: domains, ']),
    "misspelt": (
        'domans = ["site.refusals.example"]\nrot = "public"\n',
        ['"domans" is not a key; did you mean "domains"?', '"rot" is not a key; did you mean "root"?'],
    ),
    "alias": (
        'server_name = "site.refusals.example"\npublish = "public"\n',
        ['"server_name" is not a key; did you mean "domains"?', '"publish" is not a key; did you mean "root"?'],
    ),
    "misplaced": (GOOD + '[tls]\nhttps = "off"\n', ["line 4", "`https` stands under [tls]; move it above line 3"]),
    "domains-text": ('domains = "a.example"\nroot = "public"\n', ['line 1 domains = "a.example" is a text; it takes']),
    "domains-number": ('domains = [1]\nroot = "public"\n', ["holds a number; it takes a list of texts in quotes"]),
    "root-number": ('domains = ["site.refusals.example"]\nroot = 3\n', ["is a number; it takes a text in quotes"]),
    "https-bool": (GOOD + "https = true\n", ["is true or false; it takes a text in quotes"]),
    "https-word": (GOOD + 'https = "require"\n', ['did you mean "required"?']),
    "tls-text": (GOOD + 'tls = "on"\n', ["is a text; it is a table"]),
    "tls-key": (GOOD + '[tls]\nkey = "rsa-1024"\n', ['"rsa-1024" is not a value of this key']),
    "root-and-proxy": (GOOD + 'proxy = "http://127.0.0.1:18112"\n', ['stands beside "root"']),
    "no-zone": (
        GOOD + '[tls]\ncertificates = "wildcard"\n',
        ['needs dns-01; add a table [dns.zones."refusals.example"] to server.toml'],
    ),
    "all-at-once": (
        'domains = ["1.2.3.4", "a b.example"]\nroot = "../x"\nhttps = "of"\n[tls]\nkeys = 3\n',
        [
            "app.toml has 5 mistakes",
            '"1.2.3.4" is an IP address; name a domain',
            '"a b.example" holds white space',
            "leaves the repository; name a folder inside it",
            '"of" is not a value of this key; did you mean "off"?',
            '"keys" is not a key of [tls]; did you mean "key"?',
        ],
    ),
    # domains
    "domain-space": (domain("a b.example"), ['"a b.example" holds white space']),
    "domain-semicolon": (domain("a;b.example"), [f'"a;b.example" {NOT_A_NAME}']),
    "domain-brace": (domain("a{b.example"), [NOT_A_NAME]),
    "domain-newline": (domain("a.example\\n}"), ["holds white space"]),
    "domain-slash": (domain("a/b.example"), ["holds a path; name the domain alone"]),
    "domain-up": (domain("..a.example"), ["has an empty label"]),
    "domain-dots": (domain("a..example"), ["has an empty label"]),
    "domain-hyphen": (domain("-a.example"), [NOT_A_NAME]),
    "domain-label": (domain(f"{'a' * 64}.example"), ["has a label of more than 63 characters"]),
    "domain-long": (domain(f"{('a' * 60 + '.') * 4}{'a' * 10}"), ["is longer than 253 characters"]),
    "domain-emoji": (domain("\U0001f4a9.example"), [NOT_A_NAME]),
    "domain-ipv4": (domain("192.0.2.1"), ["is an IP address; name a domain"]),
    "domain-ipv6": (domain("[2001:db8::1]"), ["is an IP address; name a domain"]),
    "domain-localhost": (domain("localhost"), ["is a single label; a public domain has a dot in it"]),
    "domain-empty": (domain(""), ["is empty; name a domain"]),
    "domain-url": (domain("https://a.example"), ["is a URL; leave the scheme away"]),
    "domain-variable": (domain("$host.example"), [NOT_A_NAME]),
    "domain-star": (domain("a.*.example"), ['has a "*" that is not the whole first label']),
    "domain-twice": (domain("Site.Refusals.Example."), ['"site.refusals.example" is named twice']),
    "domain-twice-in-two-sites": (
        '[[sites]]\ndomains = ["site.refusals.example"]\nroot = "public"\n'
        '[[sites]]\ndomains = ["site.refusals.example"]\nroot = "other"\n',
        ['"site.refusals.example" is named twice'],
    ),
    "domain-claimed": (domain("held.example"), ['"held.example" belongs to the app refusals-holder']),
    "domain-under-wildcard": (
        domain("a.wild.held.example"),
        ["overlaps *.wild.held.example, which belongs to the app refusals-holder"],
    ),
    "wildcard-over-domain": (
        domain("*.over.example"),
        ['"*.over.example" overlaps sub.over.example, which belongs to the app refusals-holder'],
    ),
    # root
    "root-absolute": (root("/etc"), ["is absolute; name a folder inside the repository"]),
    "root-up": (root("../public"), ["leaves the repository; name a folder inside it"]),
    "root-up-inside": (root("public/../other"), ['holds ".."']),
    "root-git": (root(".git"), ["leads into .git"]),
    "root-quote": (root('x\\"; }'), ["which a served folder's name cannot"]),
    "root-missing": (root("missing"), ["is not in the pushed commit; git keeps no empty folders"]),
    "root-file": (root("public/index.html"), ["is not a folder: public/index.html is a file"]),
    "root-link": (
        {"app.toml": root("linked"), "linked": Path("/etc")},
        ["leads through the link linked; name the folder itself"],
    ),
    "root-through-link": (
        {"app.toml": root("linked/html"), "linked": Path("other"), "other/html/index.html": "x"},
        ["leads through the link linked; name the folder itself"],
    ),
    # proxy
    "proxy-host": (proxy("http://localhost:18113"), [NOT_AN_IP]),
    "proxy-path": (proxy("http://127.0.0.1:18113/api"), ["holds a path; nothing is stripped or added"]),
    "proxy-injection": (proxy("http://127.0.0.1:18113; return 200 x"), [NOT_AN_IP]),
    "proxy-newline": (proxy("http://127.0.0.1:18113\\n}"), [NOT_AN_IP]),
    "proxy-credentials": (proxy("http://me:secret@127.0.0.1:18113"), ["holds credentials"]),
    "proxy-https": (proxy("https://127.0.0.1:18113"), ['starts with neither "http://" nor "unix:/"']),
    "proxy-ftp": (proxy("ftp://127.0.0.1:18113"), ['starts with neither "http://" nor "unix:/"']),
    "proxy-nginx": (proxy("http://127.0.0.1:HTTP_PORT"), ["which nginx or hookrunner itself listens on"]),
    "proxy-nginx-tls": (proxy("http://[::1]:HTTPS_PORT"), ["which nginx or hookrunner itself listens on"]),
    "proxy-nginx-127.1": (proxy("http://127.9.9.9:HTTP_PORT"), ["which nginx or hookrunner itself listens on"]),
    "proxy-anywhere": (proxy("http://0.0.0.0:18113"), ["names no single machine"]),
    "proxy-low": (proxy("http://127.0.0.1:22"), ["is a port below 1024"]),
    "proxy-abroad": (proxy("http://10.0.0.1:18113"), ["is not on this machine", "[apps.refusals] proxies"]),
    "proxy-socket": (proxy("unix:/run/docker.sock"), ["is neither /run/refusals.sock nor /run/refusals/*.sock"]),
    "proxy-socket-up": (proxy("unix:/run/refusals/../docker.sock"), ["is not a socket's plain absolute path"]),
    "proxy-claimed": (proxy("http://127.0.0.1:18111"), ["belongs to the app refusals-holder"]),
    "proxy-claimed-ipv6": (proxy("http://[::1]:18111"), ["belongs to the app refusals-holder"]),
    # app.toml is no small text
    "manifest-link": ({"app.toml": Path("real.toml"), "real.toml": GOOD}, ["it is a symbolic link; push the file"]),
    "manifest-lfs": (
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12\n",
        ["is a Git LFS pointer, not the file itself"],
    ),
    "manifest-bom": ({"app.toml": b"\xef\xbb\xbf" + GOOD.encode()}, ["starts with a byte order mark (BOM)"]),
    "manifest-utf-16": ({"app.toml": GOOD.encode("utf-16")}, ["is UTF-16; save it as UTF-8"]),
    "manifest-nul": ({"app.toml": GOOD.encode() + b"\0"}, ["holds a NUL byte; it is not a text"]),
    "manifest-latin-1": ({"app.toml": GOOD.encode() + b"# \xe9\n"}, ["is not UTF-8: line 3 holds byte 0xe9"]),
    "manifest-large": (GOOD + "#" * 64 * 1024, ["it is larger than 64 KiB"]),
    "manifest-huge": (huge, ["it is larger than 64 KiB"]),
    "manifest-submodule": (blob("160000", "1" * 40, "app.toml"), ["it is a submodule"]),
    # the tree
    "submodule": (blob("160000", "1" * 40, "public/sub"), ["public/sub is a submodule"]),
    "link-out": ({"public/x": Path("../../x")}, ["1 path of the commit", "public/x leads out of the repository"]),
    "link-absolute": ({"public/x": Path("/etc/passwd")}, ["leads out of the repository: /etc/passwd"]),
    "link-chain": (
        {"public/x": Path("y/z"), "public/y": Path("../other"), "other/z": Path("../../z")},
        ["public/x leads out of the repository: y/z"],
    ),
    "link-loop": ({"public/x": Path("y"), "public/y": Path("x")}, ["public/x", "public/y"]),
    "link-hidden": ({"public/x": Path("../.env"), ".env": "SECRET"}, ["leads to a hidden file: ../.env"]),
    "link-manifest": ({"public/x": Path("../app.toml")}, ["leads to a hidden file: ../app.toml"]),
    "link-git": ({"public/x": Path("../../../../repos/refusals.git")}, ["leads out of the repository"]),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_refused_and_changes_nothing(site: Site, case: str) -> None:
    """Every problem is shown, the branch does not move, and the site that was live answers as before."""
    build, expected = CASES[case]
    if isinstance(build, str):
        build = build.replace("HTTPS_PORT", str(site.server.https_port))
        build = build.replace("HTTP_PORT", str(site.server.http_port))
    before = site.facts()
    site.commit(build)
    push = site.clone.push()
    assert push.status != 0, push.text
    shown = " ".join(push.output.split())
    assert [words for words in expected if words not in shown] == [], push.output
    lines = push.output.splitlines()
    assert lines[0].startswith("error: ")
    assert lines[0].endswith("nothing was deployed")
    assert re.match(r"hint: deploy \d+ \([0-9a-f]{7}\) is still live", lines[-2])
    assert lines[-1] == "hint: mend it, git commit --amend, push again"
    assert all(line.isprintable() and (len(line) <= 72 or len(line.split()) <= 4) for line in lines), push.output
    assert "Traceback" not in push.text
    assert site.facts() == before


def test_a_git_bomb_is_refused(server: Server) -> None:
    """A dozen objects that stand for a million million files are refused in seconds."""
    clone = server.app("bomb")
    clone.commit({"app.toml": 'domains = ["bomb.example"]\nroot = "public"\n', "public/index.html": "x"})
    assert clone.push().verdict.startswith("success: ")
    before = tip(clone)
    bomb(clone)
    push = clone.push("main")
    assert push.status != 0
    assert "the commit holds more than 50,000 files and folders" in " ".join(push.output.split())
    assert tip(clone) == before
    assert server.get("bomb.example", https=True).body == "x"


def test_the_mended_commit_can_be_pushed_again(server: Server) -> None:
    """A refused push leaves nothing behind that the next one would stumble over."""
    clone = server.app("amended")
    clone.commit({"app.toml": 'domains = ["amended.example"]\nroot = "wrong"\n', "public/index.html": "x"})
    push = clone.push()
    assert push.status != 0
    assert "hint: nothing is live yet" in push.output
    clone.write({"app.toml": 'domains = ["amended.example"]\nroot = "public"\n'})
    clone.git("commit", "--quiet", "--all", "--amend", "--no-edit")
    assert clone.push().verdict.startswith("success: deploy 1 is live")


def test_a_commit_without_a_manifest_changes_nothing(server: Server) -> None:
    """A push without app.toml is accepted, says so, and what is live stays."""
    clone = server.app("unlisted")
    clone.commit({"README.md": "no app.toml yet"})
    push = clone.push()
    assert push.status == 0
    assert push.verdict == "warning: deploy 1 changed nothing: the commit has no app.toml"
    clone.commit({"app.toml": 'domains = ["unlisted.example"]\nroot = "."\n', "index.html": "live"})
    assert clone.push().verdict.startswith("success: ")
    before = {file: file.read_bytes() for file in server.nginx.sites.iterdir()}
    (clone.folder / "app.toml").unlink()
    clone.commit({"index.html": "not shown"})
    push = clone.push()
    assert push.status == 0
    assert push.verdict == "warning: deploy 3 changed nothing: the commit has no app.toml"
    assert "hint: write one with `hookrunner new`, commit it, push again" in push.output
    assert server.get("unlisted.example", https=True).body == "live"
    assert {file: file.read_bytes() for file in server.nginx.sites.iterdir()} == before


def test_a_filter_of_the_pushed_tree_is_not_run(server: Server) -> None:
    """Whatever .gitattributes asks for, and the machine's git would do, the files arrive as they were committed."""
    clone = server.app("filtered")
    proof = server.folder / "filter-ran"
    for kind in ("smudge", "clean", "process"):
        clone.git(f"--git-dir={clone.remote}", "config", f"filter.evil.{kind}", f"touch {proof}; cat")
    here = clone.folder / ".git" / "info" / "attributes"  # the pusher's own git shall not mind
    here.write_text("* -filter -text -eol -working-tree-encoding -ident\n")
    clone.commit(
        {
            "app.toml": 'domains = ["filtered.example"]\nroot = "public"\n',
            ".gitattributes": "* filter=evil ident text eol=crlf working-tree-encoding=UTF-16\n",
            "public/.gitattributes": "* filter=evil export-ignore\n",
            ".lfsconfig": "[lfs]\nurl = http://127.0.0.1:9/\n",
            "public/index.html": "$Id$\nas it was\n",
        }
    )
    push = clone.push()
    assert push.verdict.startswith("success: "), push.text
    assert server.get("filtered.example", https=True).body == "$Id$\nas it was\n"
    assert not proof.exists()


def test_a_branch_that_does_not_deploy_is_refused(server: Server) -> None:
    """A push of a feature branch or a tag alone goes red and says what to type; what it says works."""
    clone = server.app("branches")
    clone.commit({"app.toml": 'domains = ["branches.example"]\nroot = "public"\n', "public/index.html": "1"})
    clone.git("branch", "feature")
    clone.git("tag", "v1")
    clone.git("tag", "-a", "v2", "-m", "annotated")
    push = clone.push("feature")
    assert push.status != 0
    assert push.output.splitlines() == [
        "error: feature would not be deployed: the deploy branch is main; nothing",
        "       was pushed",
        "hint: to deploy it:",
        "hint:   git push REMOTE feature:main",
    ]
    assert tip(clone, "refs/heads/feature") == ""
    assert clone.push("feature:main").verdict.startswith("success: deploy 1 is live")

    clone.commit({"public/index.html": "2"})
    clone.git("tag", "--force", "-a", "v2", "-m", "annotated")
    push = clone.push("v2")
    assert push.status != 0
    command = push.output.splitlines()[-1].removeprefix("hint:   git push REMOTE ").strip("'")
    assert clone.push(command).verdict.startswith("success: deploy 2 is live"), command
    assert server.get("branches.example", https=True).body == "2"

    clone.commit({"public/index.html": "3"})
    clone.git("branch", "--force", "feature")
    push = clone.push("main", "feature", "v1")
    assert push.verdict.startswith("success: deploy 3 is live")
    assert tip(clone, "refs/heads/feature") == clone.git("rev-parse", "feature")
    assert server.get("branches.example", https=True).body == "3"
    push = clone.push(":feature")
    assert (push.status, push.output, tip(clone, "refs/heads/feature")) == (0, "", "")


def test_the_first_push_names_the_deploy_branch(server: Server) -> None:
    """Main and master at once: main deploys. Master alone: it deploys, and goes on doing so."""
    both = server.app("both")
    both.commit({"app.toml": 'domains = ["both.example"]\nroot = "."\n', "index.html": "main"})
    both.git("checkout", "--quiet", "-b", "master")
    both.commit({"index.html": "master"})
    push = both.push("master", "main")
    assert "deploy 1, main " in push.output
    assert server.get("both.example", https=True).body == "main"
    assert both.push("main:master", "--force").status != 0

    master = server.app("master")
    master.git("checkout", "--quiet", "-b", "master")
    master.commit({"app.toml": 'domains = ["master.example"]\nroot = "."\n', "index.html": "1"})
    assert "deploy 1, master " in master.push("master").output
    assert (master.remote / "HEAD").read_text() == "ref: refs/heads/master\n"
    refused = master.push("master:main")
    assert refused.status != 0
    assert "the deploy branch is master" in refused.output
    master.commit({"index.html": "2"})
    assert master.push("master").verdict.startswith("success: deploy 2 is live")
    assert server.get("master.example", https=True).body == "2"


def test_deleting_the_deploy_branch_keeps_the_site(server: Server) -> None:
    """What is live stays live when its branch goes away, and the branch can be pushed anew."""
    clone = server.app("deleted")
    clone.commit({"app.toml": 'domains = ["deleted.example"]\nroot = "."\n', "index.html": "stays"})
    assert clone.push().verdict.startswith("success: ")
    clone.git(f"--git-dir={clone.remote}", "config", "receive.denyDeleteCurrent", "ignore")
    assert clone.push(":main").status == 0
    assert tip(clone) == ""
    assert server.get("deleted.example", https=True).body == "stays"
    assert clone.push().verdict.startswith("success: deploy 2 is live")


@pytest.mark.parametrize("name", ["a/b", "..", "../x", "a b", ".hidden", "", "-x", "A", "x" * 51, "é", "00-hookrunner"])
def test_an_app_name_is_plain(server: Server, name: str) -> None:
    """A name that could be a path, an option or somebody else's file is refused, and nothing is made."""
    before = sorted((server.state / "repos").iterdir())
    done = server.run("apps", "create", "--", name, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert sorted((server.state / "repos").iterdir()) == before
