"""Which deploy a rollback goes back to."""

from collections.abc import Iterable

from hookrunner.model.deploy import Deploy


def target(live: Deploy, history: Iterable[Deploy]) -> Deploy | None:
    """The newest good deploy of another commit before the one that is ``live``; None when there is none.

    A rollback stands for the deploy that it went back to: rolling back again goes further back, never forward to what
    was rolled back from. What failed, was abandoned or never was live is no target.
    """
    since = live.back_to or live.number
    earlier = [d for d in history if d.number < since and d.was_live and d.commit != live.commit]
    return max(earlier, key=lambda deploy: deploy.number, default=None)
