"""The CA's limits: what still fits, and until when the rest waits."""

from datetime import UTC, datetime, timedelta

from hookrunner.core.budget import KNOWN, Later, Ledger, Limit, Limits, Spent
from hookrunner.model.names import AppName, Domain

NOW = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
HOUR, WEEK = timedelta(hours=1), timedelta(days=7)
LIMITS = Limits(
    orders=Limit(8, 3 * HOUR), registered=Limit(3, WEEK), exact=Limit(2, WEEK), failures=Limit(2, HOUR)
)  # fmt: skip


def spent(
    name: str, at: datetime = NOW, app: str = "shop", *, is_renewal: bool = False, has_failed: bool = False
) -> Spent:
    """An order for one name."""
    registered = ".".join(name.split(".")[-2:])
    return Spent(at, AppName(app), frozenset({Domain(name)}), frozenset({registered}), is_renewal, has_failed)


def ago(hours: float) -> datetime:
    """A moment before now."""
    return NOW - hours * HOUR


def test_half_of_the_orders_are_kept_for_renewals_and_others() -> None:
    """One app gets half of them; another, and renewals, get what is left."""
    ledger = Ledger(LIMITS, [], NOW)
    later = [ledger.later(spent(f"a.n{n}.org")) for n in range(5)]
    words = "left for later: 4 new orders of shop, the rest is kept for renewals and other apps in 3 hours"
    assert later == [None, None, None, None, Later(words, NOW + 3 * HOUR)]
    assert [ledger.later(spent(f"b.n{n}.org", app="blog")) for n in range(2)] == [None, None]
    assert [ledger.later(spent(f"c.n{n}.org", is_renewal=True)) for n in range(2)] == [None, None]
    assert ledger.later(spent("d.d.org", app="wiki", is_renewal=True)) == Later(
        "left for later: 8 new orders of this server in 3 hours", NOW + 3 * HOUR
    )


def test_what_is_older_than_the_window_is_free_again() -> None:
    """The moment is when the oldest order that counts leaves the window."""
    old = [spent(f"a.n{n}.org", ago(2.9 - n / 10)) for n in range(3)] + [spent("z.z.org", ago(3))]
    ledger = Ledger(LIMITS, old, NOW)
    assert ledger.later(spent("b.b.org")) is None
    later = ledger.later(spent("c.c.org"))
    assert later
    assert later.until == ago(2.9) + 3 * HOUR


def test_certificates_of_a_registered_domain() -> None:
    """New sets of names count; the same names again, renewals and failures do not."""
    before = [spent(f"n{n}.one.org", ago(24 * n)) for n in range(1, 4)] + [
        spent("x.one.org", ago(30), has_failed=True),
        spent("y.one.org", ago(30), is_renewal=True),
    ]
    ledger = Ledger(LIMITS, before, NOW)
    assert ledger.later(spent("n4.one.org")) == Later(
        "left for later: 3 certificates of one.org in 7 days", ago(72) + WEEK
    )
    assert ledger.later(spent("n1.one.org")) is None
    assert ledger.later(spent("n1.one.org")) == Later(
        "left for later: 2 certificates of the same names in 7 days", ago(24) + WEEK
    )


def test_failed_tries_of_one_name() -> None:
    """Even the owner's retries stop before the CA's limit."""
    before = [spent("a.one.org", ago(0.5), has_failed=True), spent("a.one.org", ago(0.2), has_failed=True)]
    later = Ledger(LIMITS, before, NOW).later(spent("a.one.org"))
    assert later == Later("left for later: 2 failed tries for a.one.org in an hour", ago(0.5) + HOUR)
    assert Ledger(LIMITS, before, NOW).later(spent("b.one.org")) is None


def test_the_longest_wait_counts() -> None:
    """Where two limits are reached, the name is tried when both are free."""
    before = [spent("a.one.org", ago(24)), spent("a.one.org", ago(20)), *(spent(f"a.n{n}.org") for n in range(4))]
    later = Ledger(LIMITS, before, NOW).later(spent("a.one.org"))
    assert later
    assert later.until == ago(24) + WEEK


def test_the_limits_that_are_known() -> None:
    """Let's Encrypt's, as it publishes them."""
    assert KNOWN["letsencrypt"] == (
        Limit(300, 3 * HOUR), Limit(50, WEEK), Limit(5, WEEK), Limit(5, HOUR),
    )  # fmt: skip
    assert KNOWN["letsencrypt-staging"].orders == Limit(1500, 3 * HOUR)
