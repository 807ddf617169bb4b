"""TOML with line numbers: every key is found where it stands, and what is no TOML is refused in words."""

import pytest

from hookrunner.core.manifest.toml import LARGEST, Document, Path, Problem, Unreadable, read


def whole_file(text: str) -> Problem:
    """A problem of the file as such, which no line is to blame for."""
    return Problem(None, "", text)


def refused(content: bytes) -> Problem:
    """Why `read` does not take it."""
    with pytest.raises(Unreadable) as caught:
        read(content)
    return caught.value.problem


PLACES: list[tuple[str, str, dict[Path, int | None]]] = [
    ("a key at the top", "a = 1\n\nb = 2\n", {("a",): 1, ("b",): 3}),
    ("comments and blank lines", "# a = 0\n\n  # [\na = 1 # ]\nb = 2", {("a",): 4, ("b",): 5}),
    ("indented keys", "\t a = 1\n  [t]\n  b = 2", {("a",): 1, ("t",): 2, ("t", "b"): 3}),
    ("a multi-line array", 'a = [\n  "x", # ]\n  "y",\n]\nb = 1', {("a",): 1, ("b",): 5}),
    ("nested arrays", "a = [[1,\n 2],\n [3\n]]\nb = 1", {("a",): 1, ("b",): 5}),
    ("an array that seems to hold a header", 'a = [\n"[t]",\n["b"],\n]\nb = 1', {("a",): 1, ("b",): 5, ("t",): None}),
    ("an array of inline tables", "a = [\n{ x = 1 },\n{ x = 2 },\n]\nb = 1", {("a",): 1, ("a", 1, "x"): 1, ("b",): 5}),
    ("brackets in a basic string", 'a = "[[{"\nb = "]"\nc = 1', {("a",): 1, ("b",): 2, ("c",): 3}),
    ("brackets in a literal string", "a = '[\\'\nb = '}'\nc = 1", {("a",): 1, ("b",): 2, ("c",): 3}),
    ("an escaped quote before a bracket", 'a = "\\"["\nb = 1', {("a",): 1, ("b",): 2}),
    ("a hash in a string", 'a = "#["\nb = 1', {("a",): 1, ("b",): 2}),
    ("a quote in a comment", 'a = 1 # don\'t [\nb = "x" # "[\nc = 1', {("a",): 1, ("b",): 2, ("c",): 3}),
    ("a multi-line basic string", 'a = """\nb = 1 [\n\\"""\n""""\nb = 2', {("a",): 1, ("b",): 5}),
    ("a multi-line literal string", "a = '''\nb = 1 {\n''\\'''\nb = 2", {("a",): 1, ("b",): 4}),
    ("a string that ends in five quotes", 'a = """["""""\nb = 1', {("a",): 1, ("b",): 2}),
    ("quoted keys", '"a b" = 1\n\'c.d\' = 2\n"\\u0065" = 3', {("a b",): 1, ("c.d",): 2, ("e",): 3}),
    ("a quoted key that holds brackets", '["[x]"]\n"]=" = 1\nb = 2', {("[x]",): 1, ("[x]", "]="): 2, ("[x]", "b"): 3}),
    ("dotted keys", 'a.b = 1\na . c = 2\na."d.e" = 3', {("a",): 1, ("a", "b"): 1, ("a", "c"): 2, ("a", "d.e"): 3}),
    ("tables", "[a]\nx = 1\n[a.b]\nx = 2\n[c] # [d]\n", {("a",): 1, ("a", "x"): 2, ("a", "b", "x"): 4, ("c",): 5}),
    ("a header with white space", "[ a . 'b' ]\nx = 1", {("a", "b"): 1, ("a", "b", "x"): 2}),
    ("a table that is only implied", "[a.b]\nx = 1", {("a",): 1, ("a", "b"): 1}),
    (
        "arrays of tables",
        "[[s]]\nx = 1\n[[s]]\nx = 2\n",
        {("s",): 1, ("s", 0): 1, ("s", 0, "x"): 2, ("s", 1): 3, ("s", 1, "x"): 4},
    ),
    (
        "tables below arrays of tables",
        "[[s]]\n[s.t]\nx = 1\n[[s]]\n[s.t]\nx = 2\n[[s.u]]\nx = 3\n[[s.u]]\nx = 4\n",
        {
            ("s", 0, "t"): 2,
            ("s", 0, "t", "x"): 3,
            ("s", 1, "t", "x"): 6,
            ("s", 1, "u", 0, "x"): 8,
            ("s", 1, "u", 1, "x"): 10,
        },
    ),
    ("an inline table over its key", "\na = { b = { c = 1 } }", {("a",): 2, ("a", "b"): 2, ("a", "b", "c"): 2}),
    ("no such key", "a = 1", {("b",): None, (): None}),
]


@pytest.mark.parametrize(("content", "places"), [p[1:] for p in PLACES], ids=[p[0] for p in PLACES])
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_each_key_has_the_line_it_stands_on(content: str, places: dict[Path, int | None], newline: str) -> None:
    """A key's line is that of its own statement, whatever strings, comments and arrays stand before it."""
    document = read(content.replace("\n", newline).encode())
    assert {path: document.line_of(path) for path in places} == places


def test_values_are_those_of_tomllib() -> None:
    """The values come whole, under the keys as they are meant."""
    assert read(b'a."b.c" = ["x"]\n[[s]]\nn = 1\n').data == {"a": {"b.c": ["x"]}, "s": [{"n": 1}]}


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("", None),
        ("a = 1\n", None),
        ("a = 1\n[t]\n[u]\n", 2),
        ("a = 1\r\n\r\n[[t]]\r\n", 3),
        ("# [t]\n [u]\n", 2),
    ],
)
def test_first_table(content: str, line: int | None) -> None:
    """The first table's line is that of the first header, or None without one."""
    assert read(content.encode()).first_table() == line


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        (("a",), Problem(1, "a = 1 # one", "is wrong")),
        (("t", "b"), Problem(3, "b = 2", "is wrong")),
        (("t", "missing"), Problem(2, "[t]", "is wrong")),
        (("missing",), Problem(None, "", "is wrong")),
        ((), Problem(None, "", "is wrong")),
    ],
)
def test_a_problem_quotes_its_line(path: Path, problem: Problem) -> None:
    """A problem carries the line of its key, or of what should hold it, and that line's text without its margins."""
    assert read(b"a = 1 # one  \r\n[t]\r\n   b = 2\r\n").problem(path, "is wrong") == problem


def test_a_problem_quotes_no_more_than_100_characters() -> None:
    """A line that is too long for a reader is cut."""
    document = read(b'a = "' + b"x" * 500 + b'"')
    assert document.problem(("a",), "is wrong").source == 'a = "' + "x" * 94 + "…"


def test_an_empty_document_has_no_lines() -> None:
    """A document that was not read from a file knows no places."""
    assert Document({}).problem(("a",), "is wrong") == whole_file("is wrong")


UNDECODABLE = [
    ("too large", b"#" * (LARGEST + 1), "is larger than 64 KiB"),
    (
        "an LFS pointer",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
        "is a Git LFS pointer, not the file itself; keep it out of LFS (git lfs untrack)",
    ),
    ("a BOM", b"\xef\xbb\xbfa = 1", "starts with a byte order mark (BOM); save it as UTF-8 without one"),
    ("UTF-16, little endian", "a = 1".encode("utf-16"), "is UTF-16; save it as UTF-8"),
    ("UTF-16, big endian", b"\xfe\xff\x00a", "is UTF-16; save it as UTF-8"),
    ("a NUL byte", b"a = 1\0", "holds a NUL byte; it is not a text"),
    ("Latin-1", b'a = 1\nb = "caf\xe9"\n', "is not UTF-8: line 2 holds byte 0xe9"),
    ("a surrogate", b'a = "\xed\xa0\x80"', "is not UTF-8: line 1 holds byte 0xed"),
    ("a character cut short", b"a = 1\n\n# \xe2\x82", "is not UTF-8: line 3 holds byte 0xe2"),
]


@pytest.mark.parametrize(("content", "text"), [u[1:] for u in UNDECODABLE], ids=[u[0] for u in UNDECODABLE])
def test_undecodable(content: bytes, text: str) -> None:
    """What is no small UTF-8 text is refused with the reason and, where it helps, what to do."""
    assert refused(content) == whole_file(text)


def test_the_largest_file_is_read() -> None:
    """64 KiB are just small enough."""
    assert read(b"a = 1\n#".ljust(LARGEST, b"x")).data == {"a": 1}


SYNTAX = [
    ("an open array", b"domains = [\n", Problem(1, "domains = [", "is not TOML: Invalid value")),
    (
        "two keys on one line",
        b"x = 0\n a=1 b=2\n",
        Problem(2, "a=1 b=2", "is not TOML: Expected newline or end of document after a statement"),
    ),
    ("a key twice", b"a = 1\na = 2\n", Problem(2, "a = 2", "is not TOML: Cannot overwrite a value")),
    ("a text without quotes", b"\nroot = public\n", Problem(2, "root = public", "is not TOML: Invalid value")),
    ("an open string", b'a = "x\n', Problem(1, 'a = "x', "is not TOML: Illegal character '\\n'")),
    ("CRLF", b"a = 1\r\nb =\r\n", Problem(2, "b =", "is not TOML: Invalid value")),
    ("no such day", b"a = 2026-02-30\n", Problem(1, "a = 2026-02-30", "is not TOML: Invalid date or datetime")),
]


@pytest.mark.parametrize(("content", "problem"), [s[1:] for s in SYNTAX], ids=[s[0] for s in SYNTAX])
def test_no_toml(content: bytes, problem: Problem) -> None:
    """A slip of the pen is refused with its line and that line's text."""
    assert refused(content) == problem


DEEP = [
    ("50,000 [ as a value", b"a = " + b"[" * 50_000),
    ("20,000 { as a value", b"a = " + b"{a=" * 20_000),
    ("a key of 30,000 parts", b".".join([b"a"] * 30_000) + b" = 1"),
    ("a header of 30,000 parts", b"[" + b".".join([b"a"] * 30_000) + b"]"),
    ("a key of 65 dots", b".".join([b"a"] * 66) + b" = 1"),
]


@pytest.mark.parametrize("content", [d[1] for d in DEEP], ids=[d[0] for d in DEEP])
def test_nested_too_deeply(content: bytes) -> None:
    """A file that would take the parser's stack or memory is refused in words."""
    assert refused(content) == whole_file("is nested too deeply")


def test_50_000_brackets() -> None:
    """A file of nothing but brackets is refused like any other that is no TOML."""
    assert refused(b"[" * 50_000) == Problem(1, "[" * 99 + "…", "is not TOML: Invalid initial character for a key part")


@pytest.mark.parametrize(
    "content",
    [
        b".".join([b"a"] * 65) + b" = 1",
        b'a = "' + b"." * 1000 + b'"',
        b"a = '''\n" + b"." * 1000 + b"'''",
        b"# " + b"." * 1000,
        b"a = [" + b"1.5, " * 1000 + b"]",
    ],
    ids=["64 dots", "in a string", "in a long string", "in a comment", "in numbers"],
)
def test_dots_that_nest_nothing(content: bytes) -> None:
    """Dots are counted in keys alone, and 64 are fine."""
    assert read(content).data is not None


def test_a_huge_integer_is_read_or_refused_in_words() -> None:
    """A number of more digits than Python converts is refused, not a traceback."""
    problem = refused(b"a = " + b"9" * 60_000)
    assert (problem.line, problem.text.partition(":")[0]) == (None, "is not TOML")


def test_a_huge_hexadecimal_integer_is_read() -> None:
    """A number that Python does convert is a value like others, whose range the schema checks."""
    assert read(b"a = 0x" + b"f" * 10_000).data["a"] == 16**10_000 - 1
