"""What app.toml names: folders that stay inside the repository, and upstreams that are one machine or socket."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookrunner.model.app import Folder, Manifest, Route, Site, Upstream, file_below
from hookrunner.model.names import Domain, Invalid
from hookrunner.model.rules import HeaderRule, Redirect, Target, UrlPattern

QUICK = settings(max_examples=300, derandomize=True, deadline=None, database=None)

FOLDERS = {
    ".": ".",
    "./": ".",
    "public": "public",
    "public/": "public",
    "./public": "public",
    "a//b": "a/b",
    "a/./b": "a/b",
    "docs/html": "docs/html",
    "..a": "..a",
    "a..": "a..",
    "...": "...",
    "my site": "my site",
    "büro": "büro",
    ".well-known": ".well-known",
    ".github": ".github",
    "a.git": "a.git",
}
LEAVES = "leaves the repository; name a folder inside it"
DOTS = 'holds ".."; write the folder without it'
NO_FOLDERS = {
    "": 'is empty; "." is the whole repository',
    "/": "is absolute; name a folder inside the repository",
    "/srv": "is absolute; name a folder inside the repository",
    "//srv": "is absolute; name a folder inside the repository",
    "..": LEAVES,
    "../a": LEAVES,
    "a/../..": LEAVES,
    "./../a": LEAVES,
    "a/..": DOTS,
    "a/../b": DOTS,
    ".git": "leads into .git",
    "a/.git": "leads into .git",
    ".git/hooks": "leads into .git",
    "a\nb": "holds '\\n', which a served folder's name cannot",
    "a\x00": "holds '\\x00', which a served folder's name cannot",
    "a\x7f": "holds '\\x7f', which a served folder's name cannot",
    "$a": "holds '$', which a served folder's name cannot",
    'a"': "holds '\"', which a served folder's name cannot",
    "a'": "holds \"'\", which a served folder's name cannot",
    "a\\b": "holds '\\\\', which a served folder's name cannot",
    "a{": "holds '{', which a served folder's name cannot",
    "a}": "holds '}', which a served folder's name cannot",
    "a;": "holds ';', which a served folder's name cannot",
    "a\ud800": "holds '\\ud800', which a served folder's name cannot",
}


@pytest.mark.parametrize(("text", "expected"), FOLDERS.items())
def test_a_folder_is_normalised(text: str, expected: str) -> None:
    """However a folder inside the repository is written, it becomes its one spelling."""
    assert str(Folder.parse(text)) == expected


@pytest.mark.parametrize(("text", "words"), NO_FOLDERS.items())
def test_a_folder_stays_inside(text: str, words: str) -> None:
    """What leaves the repository, leads into .git or could mean something to nginx is refused in words."""
    with pytest.raises(Invalid) as caught:
        Folder.parse(text)
    assert str(caught.value) == words


@QUICK
@given(st.one_of(st.text(max_size=12), st.text("./a$ git", max_size=12)))
def test_any_folder_is_refused_or_settled(text: str) -> None:
    """Any text is refused as Invalid, or becomes a relative path that parses to itself and never climbs."""
    try:
        folder = Folder.parse(text)
    except Invalid:
        return
    assert Folder.parse(folder.path) == folder
    assert not folder.path.startswith("/")
    assert not {"..", ".git", ""} & set(folder.path.split("/"))


A_FOLDER = "is a folder; name a file below root"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("index.html", "index.html", id="beside"),
        pytest.param("./app//index.html", "app/index.html", id="normalised"),
        pytest.param("über uns.html", "über uns.html", id="a space and an umlaut"),
    ],
)
def test_a_file_is_normalised(text: str, expected: str) -> None:
    """However a file below a folder is written, it becomes its one spelling."""
    assert file_below(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(".", A_FOLDER, id="the folder itself"),
        pytest.param("./", A_FOLDER, id="the folder itself with a slash"),
        pytest.param("app/", A_FOLDER, id="a folder"),
        pytest.param("", NO_FOLDERS[""], id="nothing"),
        pytest.param("/index.html", "is absolute; name a file below root", id="absolute"),
        pytest.param("../index.html", LEAVES, id="outside"),
        pytest.param("app/../index.html", DOTS, id="dots inside"),
        pytest.param(".git/config", NO_FOLDERS[".git"], id="in .git"),
        pytest.param("a;b", NO_FOLDERS["a;"], id="what nginx has a meaning for"),
    ],
)
def test_a_file_stays_below_its_folder(text: str, words: str) -> None:
    """What is no file or stands outside is refused like a folder would be."""
    with pytest.raises(Invalid) as caught:
        file_below(text)
    assert str(caught.value) == words


LONGEST_SOCKET = "/run/" + "a" * 102

UPSTREAMS = {
    "http://127.0.0.1:8000": ("http://127.0.0.1:8000", "loopback:8000", True),
    "http://127.0.0.1:08000": ("http://127.0.0.1:8000", "loopback:8000", True),
    "http://127.0.0.2:8000": ("http://127.0.0.2:8000", "loopback:8000", True),
    "http://127.255.255.254:1": ("http://127.255.255.254:1", "loopback:1", True),
    "http://[::1]:8000": ("http://[::1]:8000", "loopback:8000", True),
    "http://[0:0:0:0:0:0:0:1]:8000": ("http://[::1]:8000", "loopback:8000", True),
    "http://[0000::0001]:8000": ("http://[::1]:8000", "loopback:8000", True),
    "http://[::ffff:127.0.0.1]:8000": ("http://127.0.0.1:8000", "loopback:8000", True),
    "http://[::FFFF:7f00:1]:8000": ("http://127.0.0.1:8000", "loopback:8000", True),
    "http://10.1.2.3:65535": ("http://10.1.2.3:65535", "10.1.2.3:65535", False),
    "http://[::ffff:10.1.2.3]:80": ("http://10.1.2.3:80", "10.1.2.3:80", False),
    "http://[2001:DB8:0::7]:80": ("http://[2001:db8::7]:80", "[2001:db8::7]:80", False),
    "unix:/run/shop.sock": ("unix:/run/shop.sock", "unix:/run/shop.sock", False),
    "unix:/run/shop/web@1+a_b-c.sock": ("unix:/run/shop/web@1+a_b-c.sock",) * 2 + (False,),
    "unix:/a": ("unix:/a", "unix:/a", False),
    f"unix:{LONGEST_SOCKET}": (f"unix:{LONGEST_SOCKET}", f"unix:{LONGEST_SOCKET}", False),
}
SCHEME = 'starts with neither "http://" nor "unix:/"'
A_PATH = "holds a path; nothing is stripped or added, so name address and port alone"
NO_NAMES = "is not an IP address with a port, like http://127.0.0.1:8000; host names are not allowed"
NO_ADDRESS = "is not an IP address with a port, like http://127.0.0.1:8000"
NO_MACHINE = "names no single machine; 127.0.0.1 is this one"
PORT = "has a port that is not between 1 and 65535"
SOCKET = "is not a socket's plain absolute path, like unix:/run/NAME.sock"
NO_UPSTREAMS = {
    "": SCHEME,
    "127.0.0.1:8000": SCHEME,
    "https://127.0.0.1:8000": SCHEME,
    "HTTP://127.0.0.1:8000": SCHEME,
    " http://127.0.0.1:8000": SCHEME,
    "http://a:b@127.0.0.1:8000": "holds credentials, which an upstream does not take",
    "http://127.0.0.1:8000/": A_PATH,
    "http://127.0.0.1:8000/api": A_PATH,
    "http://127.0.0.1:8000?a": A_PATH,
    "http://127.0.0.1:8000#a": A_PATH,
    "http://localhost:8000": NO_NAMES,
    "http://a.example:80": NO_NAMES,
    "http://127.0.0.1": NO_NAMES,
    "http://127.0.0.1:": NO_NAMES,
    "http://127.0.0.1:800000": NO_NAMES,
    "http://127.0.0.1:-1": NO_NAMES,
    "http://127.0.0.1:8000\n": NO_NAMES,
    "http://127.0.0.1:8000;": NO_NAMES,
    "http://127.0.0.1:８０": NO_NAMES,
    "http://0x7f000001:80": NO_NAMES,
    "http://::1:80": NO_NAMES,
    "http://[fe80::1%eth0]:80": NO_NAMES,
    "http://": NO_NAMES,
    "http://127.1:80": NO_ADDRESS,
    "http://2130706433:80": NO_ADDRESS,
    "http://127.0.0.01:80": NO_ADDRESS,
    "http://127.0.0.256:80": NO_ADDRESS,
    "http://[:::1]:80": NO_ADDRESS,
    "http://0.0.0.0:80": NO_MACHINE,
    "http://[::]:80": NO_MACHINE,
    "http://[::ffff:0.0.0.0]:80": NO_MACHINE,
    "http://224.0.0.1:80": NO_MACHINE,
    "http://[ff02::1]:80": NO_MACHINE,
    "http://127.0.0.1:0": PORT,
    "http://127.0.0.1:65536": PORT,
    "unix:": SOCKET,
    "unix:run/a.sock": SOCKET,
    "unix:/": SOCKET,
    "unix:/run/": SOCKET,
    "unix://run/a.sock": SOCKET,
    "unix:/run/../a.sock": SOCKET,
    "unix:/run/./a.sock": SOCKET,
    "unix:/run/a b.sock": SOCKET,
    "unix:/run/a.sock:": SOCKET,
    "unix:/run/a.sock\n": SOCKET,
    "unix:/run/$a.sock": SOCKET,
    "unix:/run/é.sock": SOCKET,
    f"unix:{LONGEST_SOCKET}a": "is longer than the 107 characters that a socket's path can have",
}


@pytest.mark.parametrize(("text", "expected"), UPSTREAMS.items())
def test_an_upstream_is_one_machine_or_socket(text: str, expected: tuple[str, str, bool]) -> None:
    """However an upstream is written, it has one spelling and one claim, and every loopback address is one claim."""
    upstream = Upstream.parse(text)
    assert (str(upstream), upstream.claim, upstream.is_loopback) == expected
    assert Upstream.parse(str(upstream)) == upstream


@pytest.mark.parametrize(("text", "words"), NO_UPSTREAMS.items())
def test_any_other_upstream_is_refused_in_words(text: str, words: str) -> None:
    """Host names, paths, credentials and what names no single machine are refused, and the words say why."""
    with pytest.raises(Invalid) as caught:
        Upstream.parse(text)
    assert str(caught.value) == words


@QUICK
@given(
    st.one_of(
        st.text(max_size=20),
        st.builds("http://{}:{}".format, st.ip_addresses(v=4), st.integers(-1, 70000)),
        st.builds("http://[{}]:{}".format, st.ip_addresses(v=6), st.integers(-1, 70000)),
        st.builds("http://{}".format, st.text("0123456789abf.:[]", max_size=20)),
        st.builds("unix:/{}".format, st.text(max_size=20)),
    )
)
def test_any_upstream_is_refused_or_settled(text: str) -> None:
    """Any text is refused as Invalid, or becomes an upstream whose spelling parses to itself."""
    try:
        upstream = Upstream.parse(text)
    except Invalid:
        return
    assert Upstream.parse(str(upstream)) == upstream


WEB, API = Upstream("127.0.0.1", 8000), Upstream("/run/api.sock", None)
A, B, C = map(Domain, ("a.example", "b.example", "c.example"))
ROUTES = (Route(UrlPattern("/api/", True), API), Route(UrlPattern("/docs/", True), Folder("docs")))
MOVED = Redirect(UrlPattern("/x", False), Target("/y"))
HEADED = HeaderRule(UrlPattern("/", True), ())


def test_a_manifest_knows_all_that_its_sites_name() -> None:
    """A manifest lists domains, folders and upstreams of every site and route, in the order of the file."""
    one = Site((B, A), Folder("public"), routes=ROUTES, redirects=(MOVED,))
    other = Site((C,), WEB, routes=ROUTES)
    manifest = Manifest((one, other))
    assert manifest.domains == (B, A, C)
    assert manifest.folders == (Folder("public"), Folder("docs"), Folder("docs"))
    assert manifest.upstreams == (API, WEB, API)
    assert (Manifest(()).domains, Manifest(()).folders, Manifest(()).upstreams) == ((), (), ())


@pytest.mark.parametrize(
    ("site", "expected"),
    [
        pytest.param(Site((), WEB, redirects=(MOVED,)), 0, id="no domain"),
        pytest.param(Site((A,), WEB), 6, id="no rule"),
        pytest.param(Site((A, B, C), WEB), 18, id="three domains"),
        pytest.param(Site((A, B), WEB, routes=ROUTES, redirects=(MOVED,), headers=(HEADED,) * 3), 76, id="every rule"),
        pytest.param(Site((A, B), WEB, canonical=A, routes=ROUTES), 18, id="domains that only redirect"),
    ],
)
def test_a_site_counts_its_locations(site: Site, expected: int) -> None:
    """Every rule counts with all that it brings along, for each domain that serves the site."""
    assert site.locations == expected
