"""The layout: imports point one way, what decides is pure, and a push loads no more than it needs."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILES = {
    ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file
    for file in sorted((ROOT / "hookrunner").rglob("*.py"))
}

# What each layer may import of hookrunner; "package" is hookrunner/__init__.py itself.
ALLOWED = {
    "package": set[str](),
    "durable": set[str](),
    "model": {"model"},
    "core": {"core", "model"},
    "publisher": {"publisher", "model", "durable", "package"},
    "edges": {"edges", "core", "model", "durable", "package"},
    "flows": {"flows", "edges", "core", "model", "durable", "package"},
    "cli": {"cli", "flows", "edges", "core", "model", "durable", "package"},
}
# The way in, where it is in this process; and the service, where root's room meets the settings and the records.
EXCEPTIONS = {
    "hookrunner.edges.publisher": {"publisher"},
    "hookrunner.publisher.__main__": {"core", "edges"},
}

IMPURE = {
    "acme", "asyncio", "click", "cryptography", "dns", "h11", "git", "josepy", "os", "requests", "shutil", "socket", "subprocess", "time",
}  # fmt: skip
IMPURE_CALLS = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "open", "print"}
NOT_THE_PUBLISHERS = {"acme", "click", "dns", "git", "josepy", "requests"}
STARTS_PROGRAMS = {"hookrunner.edges.processes", "hookrunner.edges.git", "hookrunner.publisher.programs"}
TOO_SLOW_FOR_A_PUSH = {
    "acme", "asyncio", "click", "cryptography", "dns", "git", "h11", "idna", "jinja2", "josepy", "prometheus_client",
    "publicsuffixlist", "requests", "rich",
}  # fmt: skip


def imports(source: str, module: str, *, is_package: bool = False) -> set[str]:
    """Every module that ``source`` imports anywhere in it, by its full name."""
    return set(_imports(ast.parse(source), module, is_package=is_package))


def _imports(tree: ast.AST, module: str, *, is_package: bool) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = module.split(".")[: None if is_package else -1] if node.level else []
            start = start[: len(start) - max(node.level - 1, 0)]
            base = ".".join([*start, *filter(None, [node.module])])
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield inner if inner in FILES else base


def calls(source: str) -> set[str]:
    """Every plain or dotted name that ``source`` calls; of a dotted one, the last two parts."""
    found = set[str]()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name):
                found.add(node.func.id)
            elif isinstance(node.func, ast.Attribute):
                owner = node.func.value
                name = (
                    owner.attr if isinstance(owner, ast.Attribute) else owner.id if isinstance(owner, ast.Name) else ""
                )
                found.add(f"{name}.{node.func.attr}")
    return found


def layer(module: str) -> str:
    """Which part of hookrunner ``module`` belongs to."""
    parts = module.split(".")
    if len(parts) == 1:
        return "package"
    return "cli" if parts[1] == "__main__" else parts[1]


def imported(module: str) -> set[str]:
    """What a module of hookrunner imports."""
    file = FILES[module]
    return imports(file.read_text("utf-8"), module, is_package=file.name == "__init__.py")


def tops(modules: set[str]) -> set[str]:
    """The packages that ``modules`` are of."""
    return {module.partition(".")[0] for module in modules}


def of(*layers: str) -> list[str]:
    """The modules of some layers."""
    return [module for module in FILES if layer(module) in layers]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import os.path, sys as s", {"os.path", "sys"}),
        ("def f():\n    import click", {"click"}),
        ("class A:\n    async def f(self):\n        from git import Repo", {"git"}),
        ("if TYPE_CHECKING:\n    from hookrunner.publisher.door import Holders", {"hookrunner.publisher.door"}),
        ("try:\n    import dns.resolver\nexcept ImportError: ...", {"dns.resolver"}),
        ("from hookrunner import durable, __version__", {"hookrunner.durable", "hookrunner"}),
        ("from . import render", {"hookrunner.publisher.render"}),
        ("from .keys import Swap", {"hookrunner.publisher.keys"}),
        ("from ..edges.git import Repository", {"hookrunner.edges.git"}),
    ],
)
def test_no_import_hides(source: str, expected: set[str]) -> None:
    """An import counts wherever it stands and however it is written."""
    assert imports(source, "hookrunner.publisher.door") == expected


def test_a_package_imports_relative_to_itself() -> None:
    """A dot in an ``__init__.py`` means the package itself."""
    assert imports("from . import door", "hookrunner.publisher", is_package=True) == {"hookrunner.publisher.door"}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("print(1)", "print"),
        ("datetime.now(UTC)", "datetime.now"),
        ("datetime.datetime.now()", "datetime.now"),
        ("f(open(g))", "open"),
        ("click.echo('')", "click.echo"),
    ],
)
def test_no_call_hides(source: str, expected: str) -> None:
    """A call counts wherever it stands in an expression."""
    assert expected in calls(source)


def test_every_module_has_a_layer() -> None:
    """There is no module whose imports nobody holds to a rule, and no rule without a module."""
    assert {layer(module) for module in FILES} == ALLOWED.keys()


@pytest.mark.parametrize("module", FILES)
def test_imports_point_one_way(module: str) -> None:
    """model <- core <- edges <- flows <- cli, and model <- publisher <- edges/publisher.py and the service."""
    allowed = ALLOWED[layer(module)] | EXCEPTIONS.get(module, set())
    own = {name for name in imported(module) if name.partition(".")[0] == "hookrunner"}
    assert {name for name in own if layer(name) not in allowed} == set()


@pytest.mark.parametrize("module", FILES)
def test_imports_are_written_as_imports(module: str) -> None:
    """Nothing is imported by a text, where these tests would not see it."""
    assert "importlib" not in tops(imported(module))
    assert "__import__" not in calls(FILES[module].read_text("utf-8"))


def test_what_runs_as_root_loads_no_client() -> None:
    """The service reads settings and records, and has no library that talks to a network or to git."""
    code = "import sys, hookrunner.publisher.__main__; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert set(done.stdout.split()) & NOT_THE_PUBLISHERS == set()


def test_durable_stands_alone() -> None:
    """hookrunner/durable.py serves both sides of the wall, so it imports nothing of hookrunner."""
    assert "hookrunner" not in tops(imported("hookrunner.durable"))


@pytest.mark.parametrize("module", of("model", "core"))
def test_what_decides_is_pure(module: str) -> None:
    """The model and the core touch no file, process, network, clock, CA, git or terminal."""
    assert tops(imported(module)) & IMPURE == set()
    assert calls(FILES[module].read_text("utf-8")) & IMPURE_CALLS == set()


@pytest.mark.parametrize("module", of("publisher"))
def test_the_publisher_knows_little(module: str) -> None:
    """What runs as root knows no git, ACME, DNS or command line."""
    assert tops(imported(module)) & NOT_THE_PUBLISHERS == set()


@pytest.mark.parametrize("module", [module for module in FILES if layer(module) != "cli"])
def test_only_the_command_line_prints(module: str) -> None:
    """Nothing outside cli writes to the terminal."""
    assert calls(FILES[module].read_text("utf-8")) & {"print", "echo", "secho", "click.echo", "click.secho"} == set()


def test_programs_are_started_at_three_doorways() -> None:
    """Only the doorways of processes, of git and of the publisher import subprocess."""
    assert {module for module in FILES if "subprocess" in tops(imported(module))} == STARTS_PROGRAMS


def test_a_push_loads_no_heavy_library() -> None:
    """What every push imports leaves the slow libraries to the step that needs one."""
    code = "import sys, hookrunner.cli.hook; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(done.stdout.split())
    assert "hookrunner" in loaded
    assert loaded & TOO_SLOW_FOR_A_PUSH == set()
