"""The tutorial and the how-tos, typed as they stand; those for a move beside a real old world, under load."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.lab.container import Container
from tests.server.conftest import PEBBLE_ROOT
from tests.server.guides import SETTINGS, Walk, blocks, pages
from tests.server.laptop import Laptop, Page, until

MOVES = ("how-to/from-certbot.md", "how-to/from-dokku.md", "how-to/from-piku.md")
OF_THEIR_OWN = (*MOVES, "how-to/backup.md")  # the last has a file of its own: it takes the server away
ZONE = """\
#!/bin/sh
# What a program for dns-01 does at a provider's API: here it is the DNS of the tests.
case $1 in
  present) curl -s -d "{\\"host\\": \\"$2.\\", \\"value\\": \\"$3\\"}" URL/set-txt ;;
  cleanup) curl -s -d "{\\"host\\": \\"$2.\\"}" URL/clear-txt ;;
esac
"""
SERVED = {
    "tutorial.md": ["guest.example"],  # it ends with a rollback to the time before the second name
    "how-to/staging.md": ["shop.example", "staging.shop.example"],
    "how-to/www.md": ["bakery.example", "www.bakery.example"],
    "how-to/wildcard.md": ["clinic.example", "anything.clinic.example"],
    "how-to/cloudflare.md": ["cdn.example"],
    "how-to/ci.md": ["news.example"],
    "how-to/ssh.md": [],
}
PUT_BACK = ("how-to/ssh.md",)  # it forbids that apps are made by a push


def test_every_page_is_walked() -> None:
    """None escapes, and each block says where it is typed."""
    assert sorted([*SERVED, *OF_THEIR_OWN]) == sorted(pages())
    wheres = {block.where for page in pages() for block in blocks(page) if block.kind == "sh"}
    assert wheres == {"server", "laptop", "laptop refused", "server restore"}


@pytest.mark.parametrize("page", SERVED)
def test_a_page(laptop: Laptop, container: Container, page: str) -> None:
    """Each command ends well, each push in success, and the domains of the page are served."""
    program = ZONE.replace("URL", f"http://127.0.0.1:{laptop.pebble.dns_management}")
    container.put(program, "/usr/local/bin/zone", 0o755)
    before = container.read(SETTINGS)
    Walk(page, laptop, container).through()
    if page in PUT_BACK:
        container.run(f"cat > {SETTINGS}", input=before)
    for name in SERVED[page]:
        assert laptop.get(name).status in (200, 301), name


@pytest.fixture(scope="module")
def certbot(container: Container, laptop: Laptop) -> Callable[..., None]:
    """Debian's certbot with its nginx plugin; called with a command and names, it asks Pebble."""
    packages = "certbot python3-certbot-nginx"
    container.run(
        f"apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends {packages} >/dev/null 2>&1",
        timeout=600,
    )

    def ask(command: str, *names: str) -> None:
        asked = " ".join(f"-d {name}" for name in names)
        container.run(
            f"REQUESTS_CA_BUNDLE={PEBBLE_ROOT} certbot {command} --non-interactive --agree-tos -m a@example.org "
            f"--server {laptop.pebble.directory} {asked} 2>&1",
            timeout=300,
        )
        # The server of the tests listens on one address, and so must the old one beside it.
        container.run(
            r"sed -i 's/listen \(80\|443 ssl\)/listen 127.0.0.1:\1/; /listen \[::\]/d' /etc/nginx/sites-available/old 2>/dev/null; "
            "nginx -t -q && systemctl reload nginx"
        )

    return ask


def old_site(container: Container) -> None:
    """A site of files, as one has it before certbot."""
    container.put("The old site\n", "/var/www/old/index.html", 0o644)
    container.run("chmod 755 /var/www /var/www/old")
    container.put(
        "server {\n    listen 127.0.0.1:80;\n    server_name old.example www.old.example;\n    root /var/www/old;\n}\n",
        "/etc/nginx/sites-available/old", 0o644,
    )  # fmt: skip
    container.run("ln -s ../sites-available/old /etc/nginx/sites-enabled/old && nginx -t -q && systemctl reload nginx")


def program(container: Container, name: str, port: int) -> None:
    """A program that answers on a loopback port, as the app of another tool does."""
    container.put(f"The {name}\n", f"/srv/{name}/index.html", 0o644)
    container.run(f"chmod 755 /srv/{name}; systemd-run --quiet --unit {name} --property DynamicUser=yes "
                  f"python3 -m http.server --bind 127.0.0.1 --directory /srv/{name} {port}")  # fmt: skip


def proxied(name: str, port: int, chain: str, key: str) -> str:
    """The nginx file that Dokku or piku writes, in short."""
    return (
        f"server {{\n    listen 127.0.0.1:80;\n    server_name {name};\n    return 301 https://$host$request_uri;\n}}\n"
        f"server {{\n    listen 127.0.0.1:443 ssl;\n    server_name {name};\n    ssl_certificate {chain};\n"
        f"    ssl_certificate_key {key};\n    location / {{ proxy_pass http://127.0.0.1:{port}; }}\n}}\n"
    )


def dokku(container: Container) -> None:
    """Its file layout, with a certificate that its letsencrypt plugin would have asked for."""
    program(container, "wiki", 8010)
    container.run("mkdir -p /home/dokku/wiki/tls && cd /etc/letsencrypt/live/wiki.example && "
                  "cp -L fullchain.pem /home/dokku/wiki/tls/server.crt && cp -L privkey.pem /home/dokku/wiki/tls/server.key")  # fmt: skip
    tls = "/home/dokku/wiki/tls/server"
    container.put(proxied("wiki.example", 8010, f"{tls}.crt", f"{tls}.key"), "/home/dokku/wiki/nginx.conf")
    container.put("include /home/dokku/*/nginx.conf;\n", "/etc/nginx/conf.d/dokku.conf")
    container.run("nginx -t -q && systemctl reload nginx")


def piku(container: Container) -> None:
    """Its file layout."""
    program(container, "blog", 8020)
    folder = "/home/piku/.piku/nginx"
    container.run(f"mkdir -p {folder} && cd /etc/letsencrypt/live/piku-blog.example && "
                  f"cp -L fullchain.pem {folder}/blog.crt && cp -L privkey.pem {folder}/blog.key")  # fmt: skip
    container.put(proxied("piku-blog.example", 8020, f"{folder}/blog.crt", f"{folder}/blog.key"), f"{folder}/blog.conf")
    container.put(f"include {folder}/*.conf;\n", "/etc/nginx/conf.d/piku.conf")
    container.run("nginx -t -q && systemctl reload nginx")


@contextmanager
def load(laptop: Laptop, *names: str) -> Iterator[list[Page]]:
    """Visitors of these names for as long as the block lasts; none of them may meet an error."""
    over, pages, failed = threading.Event(), list[Page](), list[str]()

    def visit() -> None:
        while not over.is_set():
            for name in names:
                try:
                    page = laptop.get(name)
                except OSError as error:
                    failed.append(f"{name}: {error}")
                    continue
                pages.append(page)
                if page.status not in (200, 301):
                    failed.append(f"{name}: {page}")

    visitors = [threading.Thread(target=visit) for _ in range(2)]
    for visitor in visitors:
        visitor.start()
    try:
        yield pages
    finally:
        over.set()
        for visitor in visitors:
            visitor.join()
    assert failed == []
    assert len(pages) > 50


@pytest.mark.parametrize(
    ("page", "names", "content"),
    [
        (MOVES[0], ["old.example", "www.old.example"], "The old site"),
        (MOVES[1], ["wiki.example"], "The wiki"),
        (MOVES[2], ["piku-blog.example"], "The blog"),
    ],
)
def test_a_move(
    laptop: Laptop, container: Container, certbot: Callable[..., None], page: str, names: list[str], content: str
) -> None:
    """The same names with the same certificate at the end, no CA was asked, and no request failed meanwhile."""
    if page == MOVES[0]:
        old_site(container)
        certbot("--nginx --redirect", *names)
    else:
        certbot("certonly --nginx", *names)
        (dokku if page == MOVES[1] else piku)(container)
    until(lambda: laptop.get(names[0]).body == f"{content}\n", "the old site over HTTPS")
    before, asked = [laptop.leaf(name) for name in names], laptop.pebble.orders()
    walk = Walk(page, laptop, container)
    with load(laptop, *names) as visits:
        walk.through()
        seen = len(visits)
        while len(visits) < seen + 20:
            pass
    assert [laptop.leaf(name) for name in names] == before
    assert laptop.pebble.orders() == asked
    assert laptop.get(names[0]).body == f"{content}\n"
    assert re.search(r"success: deploy 1 is live", "".join(walk.shown))
    found = json.loads(container.run("hookrunner doctor --json", check=False).stdout)["findings"]
    assert [one for one in found if one["check"] in ("names", "certificates")] == []  # no old file has them any more
