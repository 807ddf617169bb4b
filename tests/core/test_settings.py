"""The schema of server.toml: defaults, every key, and every mistake at once."""

from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookrunner.core.authorities import authority
from hookrunner.core.settings import SettingsError, parse
from hookrunner.model.app import Upstream
from hookrunner.model.names import AppName, Domain, Invalid
from hookrunner.model.server import (
    LETS_ENCRYPT,
    LETS_ENCRYPT_STAGING,
    Acme,
    AppSettings,
    Authority,
    Dns,
    Eab,
    Limits,
    Nginx,
    Pattern,
    Settings,
)

ACME = '[acme]\nemail = "a@b.org"\n'
PEBBLE = Authority("127.0.0.1-14000-dir", "127.0.0.1:14000", "https://127.0.0.1:14000/dir")


def test_every_key_but_the_email_has_a_default() -> None:
    """The e-mail address alone makes sound settings."""
    assert parse(ACME.encode()) == Settings(
        acme=Acme("a@b.org", Authority("letsencrypt", "Let's Encrypt", LETS_ENCRYPT), 16, None),
        state=Path("/var/lib/hookrunner"),
        nginx=Nginx(
            sites=Path("/etc/nginx/hookrunner"),
            listen=(),
            http_port=80,
            https_port=443,
            public_http_port=80,
            public_https_port=443,
            program="/usr/sbin/nginx",
            test=("nginx", "-t", "-q"),
            reload=("systemctl", "reload", "nginx"),
        ),
        limits=Limits(domains=100, files=50_000, bytes=1024**3, keep_releases=5),
        responder_port=8888,
        apps={},
    )


EVERY_KEY = """
state = "/srv/hookrunner"
notify = ["/usr/local/bin/tell", "--now"]

[acme]
email = "you@example.org"
directory = "https://127.0.0.1:14000/dir"
ca_bundle = "/etc/pebble.pem"
concurrency = 3
preflight = false
http01 = "webroot"
responder_port = 9999
eab_kid = ""
eab_hmac_key = ""
backup = []

[nginx]
publisher = "/run/hookrunner/publisher.sock"
logs = "/var/log/hookrunner"
sites = "/etc/nginx/sites"
listen = ["127.0.0.1", "[::1]", "2001:DB8::1"]
http_port = 8080
https_port = 8443
public_http_port = 81
public_https_port = 444
program = "/opt/nginx"
test = ["sudo", "nginx", "-t"]
reload = ["true"]

[dns]
resolvers = ["127.0.0.1:8053", "192.0.2.53", "[2001:db8::53]:5353", "2001:DB8::54", "[::1]"]
public_addresses = ["203.0.113.7"]
zones = {}

[limits]
domains = 7
files = 8
bytes = "9m"
keep_releases = 10

[apps.parkspot]
allowed_domains = ["park-spot.co", "*.Park-Spot.co"]
proxies = ["http://10.0.0.1:80", "unix:/srv/x.sock"]
units = ["parkspot.service", "parkspot-worker@1.service"]
activate = [["/usr/local/bin/migrate", "--all"], ["notify"]]
activate_timeout = "5m"

[apps.empty]
allowed_domains = []
"""


def test_every_key() -> None:
    """Each key of the schema finds its place."""
    settings = parse(EVERY_KEY.encode())
    assert settings == Settings(
        acme=Acme("you@example.org", PEBBLE, 3, Path("/etc/pebble.pem"), preflight=False),
        state=Path("/srv/hookrunner"),
        nginx=Nginx(
            sites=Path("/etc/nginx/sites"),
            listen=("127.0.0.1", "::1", "2001:db8::1"),
            http_port=8080,
            https_port=8443,
            public_http_port=81,
            public_https_port=444,
            program="/opt/nginx",
            test=("sudo", "nginx", "-t"),
            reload=("true",),
            publisher=Path("/run/hookrunner/publisher.sock"),
            logs=Path("/var/log/hookrunner"),
        ),
        limits=Limits(domains=7, files=8, bytes=9 * 1024**2, keep_releases=10),
        responder_port=9999,
        apps={
            AppName("parkspot"): AppSettings(
                allowed_domains=(Pattern(Domain("park-spot.co")), Pattern(Domain("*.park-spot.co"))),
                proxies=(Upstream("10.0.0.1", 80), Upstream("/srv/x.sock", None)),
                units=("parkspot.service", "parkspot-worker@1.service"),
                activate=(("/usr/local/bin/migrate", "--all"), ("notify",)),
                activate_timeout=300,
            ),
            AppName("empty"): AppSettings(allowed_domains=()),
        },
        dns=Dns(
            resolvers=(
                ("127.0.0.1", 8053),
                ("192.0.2.53", 53),
                ("2001:db8::53", 5353),
                ("2001:db8::54", 53),
                ("::1", 53),
            ),
            public_addresses=(ip_address("203.0.113.7"),),
        ),
        notify=("/usr/local/bin/tell", "--now"),
    )
    assert settings.app(AppName("other")) == AppSettings(allowed_domains=None, proxies=())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", [(None, 'needs an "email"; write email = "you@example.org"')], id="no email"),
        pytest.param("[acme]\n", [(1, 'needs an "email"; write email = "you@example.org"')], id="empty acme"),
        pytest.param('[acme]\nemail = "you"\n', [(2, "is not an e-mail address")], id="email wrong"),
        pytest.param('[acme]\nemail = "a@b.org, c@d.org"\n', [(2, "is not an e-mail address")], id="email list"),
        pytest.param('stat = "/x"\n' + ACME, [(1, '"stat" is not a key; did you mean "state"?')], id="unknown top"),
        pytest.param(
            ACME + 'mail = "x"\n', [(3, '"mail" is not a key of [acme]; did you mean "email"?')], id="unknown acme"
        ),
        pytest.param(
            ACME + '[nginx]\nsite = "/x"\n',
            [(4, '"site" is not a key of [nginx]; did you mean "sites"?')],
            id="unknown nginx",
        ),
        pytest.param(
            ACME + "[dns]\nresolver = []\n",
            [(4, '"resolver" is not a key of [dns]; did you mean "resolvers"?')],
            id="unknown dns",
        ),
        pytest.param(
            ACME + "[limits]\nsites = 1\n",
            [(4, '"sites" is not a key of [limits]; did you mean "files"?')],
            id="unknown limits",
        ),
        pytest.param(
            ACME + "[apps.shop]\nallowed = []\n",
            [(4, '"allowed" is not a key of [apps.shop]; did you mean "allowed_domains"?')],
            id="unknown app",
        ),
        pytest.param(
            ACME + '[apps."../x"]\nunits = ["x"]\n',
            [
                (3, "an app's name starts with a-z or 0-9 and holds a-z, 0-9, - and _, 50 characters at most"),
                (4, '"x" is not the name of a systemd unit, like "parkspot.service"'),
            ],
            id="bad app name",
        ),
        pytest.param(
            ACME + 'directory = "http://a.org"\n',
            [(3, "is neither letsencrypt, letsencrypt-staging nor an https URL")],
            id="dir http",
        ),
        pytest.param(
            ACME + 'directory = "zerossl"\n',
            [(3, "is neither letsencrypt, letsencrypt-staging nor an https URL")],
            id="dir word",
        ),
        pytest.param(
            ACME + 'directory = "https://a.org:x/"\n',
            [(3, "is not a URL: Port could not be cast to integer value as 'x'")],
            id="dir port",
        ),
        pytest.param(ACME + 'directory = "https://[::1"\n', [(3, "is not a URL: Invalid IPv6 URL")], id="dir brackets"),
        pytest.param(
            ACME + 'directory = "https://a.org/a b"\n',
            [(3, "is neither letsencrypt, letsencrypt-staging nor an https URL")],
            id="dir space",
        ),
        pytest.param(ACME + "concurrency = 65\n", [(3, "is 65; it takes a number from 1 to 64")], id="concurrency"),
        pytest.param(ACME + 'concurrency = "16"\n', [(3, "is a text; it takes a whole number")], id="concurrency text"),
        pytest.param(ACME + 'preflight = "yes"\n', [(3, "is a text; it takes true or false")], id="preflight"),
        pytest.param(ACME + "responder_port = 0\n", [(3, "is 0; it takes a number from 1 to 65535")], id="port"),
        pytest.param('state = "var/lib"\n' + ACME, [(1, "is not an absolute path")], id="state"),
        pytest.param('state = "/var/../x"\n' + ACME, [(1, "is not an absolute path")], id="state dots"),
        pytest.param(
            'state = "/var/$x"\n' + ACME, [(1, "holds a character that an nginx file cannot take")], id="state nginx"
        ),
        pytest.param("state = 5\n" + ACME, [(1, "is a number; it takes a text in quotes")], id="state type"),
        pytest.param(
            ACME + "[nginx]\nhttp_port = 443\npublic_http_port = 70000\npublic_https_port = true\n",
            [
                (3, "is 443, which is http_port too"),
                (5, "is 70000; it takes a number from 1 to 65535"),
                (6, "is true or false; it takes a whole number"),
            ],
            id="ports",
        ),
        pytest.param(
            ACME + '[nginx]\nlisten = ["localhost", "127.0.0.1", "[::1]"]\n',
            [(4, '"localhost" is not an IP address')],
            id="listen",
        ),
        pytest.param(
            ACME + '[nginx]\ntest = "nginx -t"\nreload = []\nprogram = 1\n',
            [
                (4, 'takes a program and its arguments as a list, like ["nginx", "-t", "-q"]'),
                (5, 'takes a program and its arguments as a list, like ["nginx", "-t", "-q"]'),
                (6, "is a number; it takes a text in quotes"),
            ],
            id="argv",
        ),
        pytest.param(
            ACME + '[nginx]\ntest = ["nginx", 1]\nreload = ["systemctl", ""]\n',
            [
                (4, 'takes a program and its arguments as a list, like ["nginx", "-t", "-q"]'),
                (5, 'takes a program and its arguments as a list, like ["nginx", "-t", "-q"]'),
            ],
            id="argv2",
        ),
        pytest.param(
            ACME + '[limits]\ndomains = 0\nfiles = 10000001\nbytes = "1x"\nkeep_releases = 1\n',
            [
                (4, "is 0; it takes a number from 1 to 10000"),
                (5, "is 10000001; it takes a number from 1 to 10000000"),
                (6, 'is not a size; write a number and k, m or g, like "10m"'),
                (7, "is 1; it takes a number from 2 to 1000"),
            ],
            id="limits",
        ),
        pytest.param(
            ACME + "[limits]\nbytes = 0\n", [(4, "is 0; it takes a number from 1 to 1125899906842624")], id="bytes"
        ),
        pytest.param(
            ACME + '[apps.shop]\nallowed_domains = ["a b.org", "*"]\nproxies = ["http://db:1"]\n',
            [
                (4, '"a b.org" holds white space'),
                (4, '"*" has a "*" that is not the whole first label; write "*.example.org"'),
                (
                    5,
                    '"http://db:1" is not an IP address with a port, like http://127.0.0.1:8000; host names are not allowed',
                ),
            ],
            id="apps",
        ),
        pytest.param("apps = 5\n" + ACME, [(1, "is a number; it is a table")], id="apps type"),
        pytest.param(ACME + "[apps]\nshop = 5\n", [(4, "is a number; it is a table")], id="app type"),
        pytest.param(
            ACME + '[dns]\nresolvers = "x"\npublic_addresses = ["a"]\n',
            [(4, 'is a text; it takes a list: ["…"]'), (5, '"a" is not an IP address')],
            id="dns",
        ),
        pytest.param(
            ACME + '[dns]\nresolvers = ["dns.example", "1.1.1.1:x", "1.1.1.1:0", "[::1]:99999", "1.1.1.1:"]\n',
            [
                (4, f'"{text}" {words}; a resolver is one, with its port or without: 192.0.2.53:53')
                for text, words in (
                    ("dns.example", "is not an IP address"),
                    ("1.1.1.1:x", "is not an IP address"),
                    ("1.1.1.1:0", "has no port that there is"),
                    ("[::1]:99999", "has no port that there is"),
                    ("1.1.1.1:", "is not an IP address"),
                )
            ],
            id="resolvers",
        ),
        pytest.param(
            'notify = "mail"\n' + ACME,
            [(1, 'takes a program and its arguments as a list, like ["nginx", "-t", "-q"]')],
            id="notify",
        ),
        pytest.param(ACME + '[nginx]\npublisher = "run/x"\n', [(4, "is not an absolute path")], id="publisher"),
        pytest.param(
            ACME + '[dns.zones."a.org"]\n'
            "[dns.zones.rfc]\n"
            'provider = "rfc2136"\n'
            '[dns.zones."b.org"]\n'
            'provider = "rfc2136"\n'
            'server = "ns1.b.org"\n'
            "port = 0\n"
            'key_secret = "not base64"\n'
            'key_algorithm = "hmac-md5"\n'
            'serve = "x"\n'
            '[dns.zones."c.org"]\n'
            'provider = "exec"\n'
            'program = "set-txt"\n'
            "nameservers = [53]\n"
            '[dns.zones."*.d.org"]\n'
            'provider = "exec"\n'
            '[dns.zones."e.org"]\n'
            'provider = "cloudflare"\n'
            "auth_token = []\n"
            'always = "yes"\n',
            [
                (3, 'needs a "provider": rfc2136, exec, or one of dns-lexicon'),
                (4, "is a single label; a public domain has a dot in it"),
                (6, 'needs a "key_name": the TSIG key'),
                (8, "is not an IP address"),
                (9, "is 0; it takes a number from 1 to 65535"),
                (10, "is not a key in base64, as tsig-keygen prints it"),
                (11, "is none of hmac-sha1, hmac-sha224, hmac-sha256, hmac-sha384, hmac-sha512"),
                (12, '"serve" is not a key of [dns.zones.b.org]; did you mean "server"?'),
                (15, "is not the full path of a program"),
                (16, "holds a number; it takes a list of texts in quotes"),
                (17, "is a wildcard; name the zone"),
                (21, "is a list; it takes a text in quotes"),
                (22, "is a text; it takes true or false"),
            ],
            id="zones",
        ),
        pytest.param(
            ACME + 'http01 = "respond"\n'
            'eab_kid = "x"\n'
            "[[acme.backup]]\n"
            'email = "x"\n'
            "[[acme.backup]]\n"
            'directory = "letsencrypt"\n'
            'http01 = "webroot"\n'
            "[[acme.backup]]\n"
            'directory = "https://ca.example/dir"\n'
            'eab_hmac_key = "c2VjcmV0"\n'
            "[[acme.backup]]\n"
            'directory = "http://ca.example/dir"\n'
            'eab_kid = "x"\n'
            'eab_hmac_key = "not base64!"\n',
            [
                (3, '"respond" is not a value of this key; did you mean "responder"?'),
                (4, 'needs "eab_hmac_key" beside it: the CA gives both'),
                (5, 'needs a "directory": which CA it is'),
                (6, "is not an e-mail address"),
                (8, "names Let's Encrypt, which is asked already"),
                (9, "`http01` stands under [[acme.backup]]; it holds for every CA; write it under [acme]"),
                (12, 'needs "eab_kid" beside it: the CA gives both'),
                (14, "is neither letsencrypt, letsencrypt-staging nor an https URL"),
                (16, "is not a key in base64url, as the CA gives it"),
            ],
            id="further CAs",
        ),
        pytest.param(
            ACME + "[apps.shop]\n"
            'units = ["--now", "a b.service", "../x.service", "x.service\\n", "x.mount", 3]\n'
            'activate = [["./deploy.sh"]]\n'
            'activate_timeout = "0s"\n'
            "[apps.blog]\n"
            'activate = ["make"]\n'
            "[apps.wiki]\n"
            "activate = [[]]\n",
            [
                *(
                    (4, f'"{unit}" is not the name of a systemd unit, like "parkspot.service"')
                    for unit in ("--now", "a b.service", "../x.service", "x.service\\x0a", "x.mount")
                ),
                (4, "holds a number; it takes a list of texts in quotes"),
                (5, "names ./deploy.sh, which is nowhere: give the full path, nothing is run from the release"),
                (6, "is not between 1 second and 10 years"),
                (8, 'takes a list of programs with their arguments, like [["/usr/local/bin/migrate", "--all"]]'),
                (10, 'takes a program and its arguments as a list, like ["nginx", "-t", "-q"]'),
            ],
            id="activation",
        ),
        pytest.param("a = \n", [(1, "is not TOML: Invalid value")], id="toml"),
    ],
)
def test_every_problem_is_told_with_its_line(text: str, expected: list[tuple[int | None, str]]) -> None:
    """All that is wrong with the settings is reported at once, in the order of the lines."""
    with pytest.raises(SettingsError) as caught:
        parse(text.encode())
    assert [(problem.line, problem.text) for problem in caught.value.problems] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("letsencrypt", Authority("letsencrypt", "Let's Encrypt", LETS_ENCRYPT)),
        ("letsencrypt-staging", Authority("letsencrypt-staging", "Let's Encrypt (staging)", LETS_ENCRYPT_STAGING)),
        (LETS_ENCRYPT, Authority("letsencrypt", "Let's Encrypt", LETS_ENCRYPT)),
        (LETS_ENCRYPT_STAGING, Authority("letsencrypt-staging", "Let's Encrypt (staging)", LETS_ENCRYPT_STAGING)),
        ("https://127.0.0.1:14000/dir", PEBBLE),
        (
            "https://CA.Example.org/Acme/v2/Directory",
            Authority("ca.example.org-acme-v2-directory", "ca.example.org", "https://CA.Example.org/Acme/v2/Directory"),
        ),
        ("https://[::1]:14000/dir", Authority("1-14000-dir", "::1:14000", "https://[::1]:14000/dir")),
        ("https://a.org:443/../x", Authority("a.org-443---x", "a.org", "https://a.org:443/../x")),
        ("https://" + "a" * 120 + ".org/", Authority("a" * 100, "a" * 120 + ".org", "https://" + "a" * 120 + ".org/")),
    ],
)
def test_a_directory(text: str, expected: Authority) -> None:
    """A directory is a known word or a URL, and the folder that it is remembered by is one plain name."""
    assert authority(text) == expected
    assert "/" not in expected.name


@given(st.text(max_size=60).map(lambda text: f"https://{text}") | st.text(max_size=20))
def test_any_directory(text: str) -> None:
    """Any text is a directory or Invalid, never another error."""
    try:
        assert authority(text).directory
    except Invalid:
        return


@pytest.mark.parametrize(
    ("pattern", "domain", "allowed"),
    [
        ("a.org", "a.org", True),
        ("a.org", "www.a.org", False),
        ("*.a.org", "www.a.org", True),
        ("*.a.org", "x.www.a.org", True),
        ("*.a.org", "*.a.org", True),
        ("*.a.org", "*.www.a.org", True),
        ("*.a.org", "a.org", False),
        ("*.a.org", "wwwa.org", False),
        ("a.org", "*.a.org", False),
    ],
)
def test_patterns(pattern: str, domain: str, allowed: bool) -> None:
    """A pattern of allowed_domains is a domain, or "*." for any depth below one."""
    assert Pattern(Domain(pattern)).allows(Domain(domain)) is allowed


def test_where_things_are() -> None:
    """Every folder follows from the state folder."""
    settings, app = parse(EVERY_KEY.encode()), AppName("shop")
    assert [
        str(path)
        for path in (
            settings.challenges,
            settings.certificates,
            settings.records,
            settings.repository(app),
            settings.releases(app),
            settings.current(app),
            settings.log(app, 12),
        )
    ] == [
        "/srv/hookrunner/challenges",
        "/srv/hookrunner/certificates",
        "/srv/hookrunner/records",
        "/srv/hookrunner/repos/shop.git",
        "/srv/hookrunner/apps/shop/releases",
        "/srv/hookrunner/apps/shop/current",
        "/srv/hookrunner/apps/shop/logs/12.log",
    ]


@given(st.binary(max_size=200) | st.text(st.sampled_from('acme[]{}=".\n'), max_size=80).map(str.encode))
def test_any_bytes(content: bytes) -> None:
    """Arbitrary bytes are refused with listed problems, never with another exception."""
    with pytest.raises(SettingsError) as caught:
        parse(content)
    assert caught.value.problems


def test_further_cas_are_as_the_first_where_they_say_nothing_else() -> None:
    """Their order stays, and each has a folder name of its own."""
    text = (
        ACME + 'ca_bundle = "/etc/roots.pem"\nconcurrency = 4\neab_kid = "k"\neab_hmac_key = "YQ=="\n'
        '[[acme.backup]]\ndirectory = "https://127.0.0.1:14000/dir"\n'
        '[[acme.backup]]\ndirectory = "letsencrypt-staging"\nemail = "c@d.org"\nca_bundle = "/b.pem"\nconcurrency = 2\n'
        'eab_kid = "m"\neab_hmac_key = "Yi-_"\n'
    )
    acme = parse(text.encode()).acme
    first = Acme("a@b.org", authority("letsencrypt"), 4, Path("/etc/roots.pem"))
    second = first._replace(authority=PEBBLE)
    staging = authority("letsencrypt-staging")
    third = Acme("c@d.org", staging, 2, Path("/b.pem"), eab=Eab("m", "Yi-_"))
    assert acme == first._replace(eab=Eab("k", "YQ"), backups=(second, third))
    assert acme.authorities == ("letsencrypt", "127.0.0.1-14000-dir", "letsencrypt-staging")


def test_a_secret_is_never_shown() -> None:
    """Neither in a problem's line nor where a value is printed."""
    with pytest.raises(SettingsError) as raised:
        parse(f'{ACME}eab_kid = "k"\neab_hmac_key = "geheim!"\n'.encode())
    assert [problem.source for problem in raised.value.problems] == ["eab_hmac_key = …"]
    with pytest.raises(SettingsError) as raised:
        parse(f'{ACME}eab_hmac_key = "geheim\n'.encode())
    assert "geheim" not in f"{raised.value} {raised.value.problems}"
    settings = parse(f'{ACME}eab_kid = "k"\neab_hmac_key = "geheim"\n'.encode())
    assert settings.acme.eab
    assert settings.acme.eab.hmac_key == "geheim"
    assert "geheim" not in repr(settings)
