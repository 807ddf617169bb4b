"""One list of keys: the parser, the reference in docs/ and the JSON Schema for editors say the same."""

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

import jsonschema
import pytest

from hookrunner.core.manifest import schema
from hookrunner.core.manifest.parse import ManifestError, parse
from hookrunner.core.manifest.schema import Key

ROOT = Path(__file__).parents[3]
REFERENCE = (ROOT / "docs" / "app.toml.md").read_text("utf-8")
EXAMPLE = (ROOT / "app.toml.example").read_text("utf-8")
VALIDATOR = jsonschema.Draft7Validator(schema.json_schema())
GOOD = 'domains = ["a.org"]\nroot = "."\n'

TABLES = [
    pytest.param("## A site", schema.SITE, id="site"),
    pytest.param("## Routes", schema.ROUTE, id="route"),
    pytest.param("## Redirects", schema.REDIRECT, id="redirect"),
    pytest.param("## Headers", schema.HEADER, id="header"),
    pytest.param("## [tls]", schema.TLS, id="tls"),
    pytest.param("## [[sites]]", schema.APP, id="app"),
]


@pytest.mark.parametrize(("heading", "keys"), TABLES)
def test_the_reference_has_every_key_and_no_other(heading: str, keys: Mapping[str, Key]) -> None:
    """Each table of the reference names the keys of its schema, in order, with their words and their defaults."""
    section = REFERENCE[REFERENCE.index(heading) :]
    section = section[: section.index("\n## ", 1)]
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \|$", section, re.MULTILINE)
    assert [(name, says) for name, says, _ in rows] == [(name, key.says) for name, key in keys.items()]
    for name, _, default in rows:
        key = keys[name]
        expected = "required" if key.is_required else f"`{key.default}`" if key.default else None
        assert default == expected or (expected is None and not default.startswith("`"))


def test_every_default_of_the_schema_is_the_parsers() -> None:
    """A file that writes the defaults out means what one means that leaves them away."""
    site = "".join(f"{name} = {key.default}\n" for name, key in schema.SITE.items() if key.default)
    tls = "".join(f"{name} = {key.default}\n" for name, key in schema.TLS.items() if key.default)
    assert parse(f"{GOOD}{site}[tls]\n{tls}".encode()) == parse(GOOD.encode())


def test_the_schema_in_docs_is_the_commands() -> None:
    """docs/app.schema.json is what `hookrunner check --schema` prints."""
    assert json.loads((ROOT / "docs" / "app.schema.json").read_text()) == schema.json_schema()


def test_the_examples_fit_the_schema() -> None:
    """The example, with and without its optional keys, and the reference's own files are valid in an editor."""
    jsonschema.Draft7Validator.check_schema(schema.json_schema())
    sites = re.findall(r"```toml\n(\[\[sites\]\].*?)```", REFERENCE, re.DOTALL)
    assert len(sites) == 1
    parts = re.findall(r"```toml\n((?!\[\[sites\]\]).*?)```", REFERENCE, re.DOTALL)
    assert len(parts) == 3
    for text in (
        EXAMPLE,
        re.sub(r"^#(?! )", "", EXAMPLE, flags=re.MULTILINE),
        *sites,
        *(GOOD + part for part in parts),
    ):
        parse(text.encode())
        VALIDATOR.validate(tomllib.loads(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        'root = "."\n',
        "domains = 1\n",
        "domains = [1]\n",
        GOOD + "root_ = 1\n",
        GOOD + 'https = "on"\n',
        GOOD + 'hsts = "180"\n',
        GOOD + 'max_body = "10"\n',
        GOOD + 'timeout = "1w"\n',
        GOOD + '[routes]\n"/a" = { folder = "x" }\n',
        GOOD + '[[redirects]]\nfrom = "/a"\n',
        GOOD + '[[redirects]]\nfrom = "/a"\nto = "ftp://b"\n',
        GOOD + '[[redirects]]\nfrom = "/a"\nto = "/b"\nstatus = 200\n',
        GOOD + '[[headers]]\nfor = "/a"\n',
        GOOD + '[[headers]]\nfor = "/a"\n[headers.values]\nA = 1\n',
        GOOD + '[tls]\nkey = "dsa"\n',
        GOOD + "[tls]\nkeys = 1\n",
        GOOD + '[[sites]]\ndomains = ["b.org"]\nroot = "."\n',
        '[[sites]]\nroot = "."\n',
    ],
)
def test_what_the_schema_refuses_the_parser_refuses(text: str) -> None:
    """An editor marks no file that would be deployed, and these mistakes it does mark."""
    assert not VALIDATOR.is_valid(tomllib.loads(text))
    with pytest.raises(ManifestError):
        parse(text.encode())
