"""Push options: the three words, and what is said of others."""

import pytest

from hookrunner.core.options import Options


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], Options()),
        (["dry-run"], Options(dry_run=True)),
        (["skip-deploy", "verbose"], Options(skip_deploy=True, verbose=True)),
        (["verbose", "verbose"], Options(verbose=True)),
        (["Verbose", ""], Options(unknown=("Verbose", ""))),
        (["dry-run=yes"], Options(unknown=("dry-run=yes",))),
    ],
)
def test_words(words: list[str], expected: Options) -> None:
    """Each word is known to the letter, or unknown."""
    assert Options.of(words) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["dry-run"], []),
        (["dryrun"], ['"dryrun" is no push option; did you mean "dry-run"?']),
        (["dry_run"], ['"dry_run" is no push option; did you mean "dry-run"?']),
        (["skip"], ['"skip" is no push option; known: dry-run, skip-deploy, verbose']),
        (["skip-deploys"], ['"skip-deploys" is no push option; did you mean "skip-deploy"?']),
        (["VERBOSE"], ['"VERBOSE" is no push option; did you mean "verbose"?']),
        (["ci.skip"], ['"ci.skip" is no push option; known: dry-run, skip-deploy, verbose']),
    ],
)
def test_unknown_words_get_the_nearest_right_one(words: list[str], expected: list[str]) -> None:
    """What is not known is named, with what was probably meant."""
    assert Options.of(words).complaints() == expected


def test_many_unknown_words_do_not_fill_the_screen() -> None:
    """Some are named, the others counted."""
    complaints = Options.of(f"x{number}" for number in range(1000)).complaints()
    assert (len(complaints), complaints[-1]) == (6, "and 995 more are none")
