"""`new` and `check`: app.toml on a laptop or in CI, without a server."""

import json
import sys
from pathlib import Path

import click

from hookrunner.cli.files import Unusable
from hookrunner.cli.output import say_all
from hookrunner.cli.tables import show_json
from hookrunner.core import wording
from hookrunner.core.manifest.parse import ManifestError, parse
from hookrunner.core.manifest.schema import json_schema
from hookrunner.core.manifest.toml import LARGEST, Problem
from hookrunner.core.wording import Kind, Line
from hookrunner.edges.shipped import shipped
from hookrunner.model.app import Manifest
from hookrunner.model.registration import MANIFEST


@click.command()
def new() -> None:
    """Write a commented app.toml into the current folder."""
    text = shipped("app.toml.example").read_text()
    try:
        with Path(MANIFEST).open("x") as file:
            file.write(text)
    except FileExistsError:
        raise Unusable(
            [
                wording.error("there is an app.toml here already"),
                wording.hint("hookrunner check tells what is wrong with it"),
            ]
        ) from None
    click.echo("wrote app.toml: put your domains in, then `hookrunner check`, commit and push")


@click.command()
@click.argument("file", type=click.Path(path_type=Path), default=MANIFEST)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of app.toml, for editors, and check nothing.")
def check(file: Path, *, as_json: bool, schema: bool) -> None:
    """Validate an app.toml anywhere: on a laptop, in CI. FILE may be - for standard input.

    What only the server knows, such as whose a domain is, is checked by the push.
    """
    if schema:
        click.echo(json.dumps(json_schema(), indent=2))
        return
    manifest: Manifest | None = None
    problems: tuple[Problem, ...] = ()
    if file.is_dir():
        file = file / MANIFEST
    try:
        manifest = parse(_read(file))
    except ManifestError as error:
        problems = error.problems
    if as_json:
        show_json(
            "check",
            {
                "file": str(file),
                "valid": not problems,
                "domains": [str(domain) for domain in manifest.domains] if manifest else [],
                "problems": [{"line": p.line, "source": p.source, "text": p.text} for p in problems],
            },
        )
    elif problems:
        hint = wording.hint("mend it, and check again; app.toml.example and `hookrunner new` show every key")
        say_all([*wording.problems(str(file), problems, "it cannot be deployed"), hint])
    elif manifest:
        _praise(file, manifest)
    if problems:
        sys.exit(2)


def _read(file: Path) -> bytes:
    if str(file) == "-":
        return sys.stdin.buffer.read(LARGEST + 1)
    try:
        return file.read_bytes()
    except OSError as error:
        hint = wording.hint("hookrunner new writes one")
        raise Unusable([wording.error(f"cannot read {file}: {error.strerror}"), hint]) from error


def _praise(file: Path, manifest: Manifest) -> None:
    for folder in manifest.folders:
        if str(file) != "-" and not (file.absolute().parent / folder.path).is_dir():
            say_all([Line(Kind.WARNING, f'root = "{folder}" is not a folder here; it must be in the commit')])
    click.echo(f"{file} is valid: {wording.counted(len(manifest.domains), 'domain')}")
