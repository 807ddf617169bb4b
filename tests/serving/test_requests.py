"""Every request of the suite, over HTTP/1.1 and HTTP/2, against the running nginx."""

import os
from collections.abc import Iterator

import pytest

from tests.lab.server import Server
from tests.serving.deployed import Deployed
from tests.serving.sites import BOTH, ROWS, SITES, Row
from tests.serving.web import Request


@pytest.fixture(scope="session")
def deployed(server: Server) -> Iterator[Deployed]:
    """The sites that this worker has pushed."""
    made = Deployed(server)
    yield made
    made.stop()


def _cases() -> Iterator[object]:
    for row in ROWS:
        for over in row.over:
            yield pytest.param(row, over, id=f"{over} {row.method} {row.host or row.site}{ascii(row.path)[1:-1]}")


@pytest.mark.parametrize(("row", "over"), list(_cases()))
def test_what_comes_back(deployed: Deployed, row: Row, over: str) -> None:
    """Status, headers and body are those of the row."""
    site = SITES[row.site]
    host = row.host or site.manifest.split('"', 2)[1]
    answer = deployed.ask(row.site, site, Request(host, row.path, row.method, row.send, row.content), over)
    server = deployed.server
    ports = {"{https}": f":{server.https_port}", "{http}": f":{server.http_port}"}
    assert answer.status == row.status, answer
    for name, expected in row.headers.items():
        values = answer.all(name)
        if expected is None:
            assert values == []
        elif expected == "*":
            assert len(values) == 1
        else:
            for word, port in ports.items():
                expected = expected.replace(word, port)
            assert values == [expected]
    if row.body is not None:
        text = answer.body.decode()
        assert text == row.body or (row.body.startswith("<") and row.body[1:] in text)


def test_the_suite_is_large() -> None:
    """At least 120 rows, and nearly all of them over both."""
    assert len(ROWS) >= 200
    assert len([row for row in ROWS if row.over == BOTH]) >= 180
    assert {row.site for row in ROWS} == set(SITES)
    assert os.environ.get("CI") != "true" or len(list(_cases())) > 400


def test_an_unchanged_page_is_not_sent_again(deployed: Deployed) -> None:
    """With the ETag that came, the next request gets 304 and no body; with another, the page."""
    site = SITES["plain"]
    for over in BOTH:
        (etag,) = deployed.ask("plain", site, Request("plain.example", "/about"), over).all("etag")
        again = Request("plain.example", "/about", headers=(("if-none-match", etag),))
        assert deployed.ask("plain", site, again, over).status == 304
        other = Request("plain.example", "/about", headers=(("if-none-match", '"x"'),))
        assert deployed.ask("plain", site, other, over).status == 200


def test_what_is_compressed_is_what_was_asked_for(deployed: Deployed) -> None:
    """The bytes are those of the file, or of the .gz beside it."""
    import gzip

    site = SITES["plain"]
    for path, expected in (("/app.js", "0123456789abcdef" * 64), ("/ready.css", "made by the build")):
        for over in BOTH:
            asked = Request("plain.example", path, headers=(("accept-encoding", "gzip"),))
            assert gzip.decompress(deployed.ask("plain", site, asked, over).body).decode() == expected
