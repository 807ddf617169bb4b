"""Shows the CA that the names of an order are ours (RFC 8555 section 7.5): over HTTP, or in the DNS."""

from collections.abc import Container, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import requests
from acme import challenges, messages

from hookrunner.core.problems import Refusal
from hookrunner.edges.ca import polling
from hookrunner.edges.ca.account import Account
from hookrunner.edges.ca.client import Client
from hookrunner.edges.ca.dns01.records import Challenges
from hookrunner.edges.ca.http01 import Answers
from hookrunner.edges.ca.refusals import Refused, refusal
from hookrunner.edges.records import Store
from hookrunner.model.names import Domain
from hookrunner.model.server import Dns

OPEN = (messages.STATUS_PENDING, messages.STATUS_PROCESSING)


class _Shown(NamedTuple):
    """A challenge that the CA is to be told of: what it will look for is there."""

    challenge: messages.ChallengeBody
    response: Any
    authorization: str  # URL


@dataclass(frozen=True, slots=True)
class Authorizing:
    """Shows it over one connection, with one account."""

    client: Client
    account: Account
    http01: Answers
    dns: Dns
    store: Store

    def authorize(self, urls: Sequence[str], by_dns: Container[Domain]) -> None:
        """Show it for all of them; all is there before the CA is told of any.

        Raises what `acme` raises, :class:`Refused` and :class:`~hookrunner.edges.ca.dns01.errors.DnsFailed`.
        """
        with ExitStack() as stack:
            txt = stack.enter_context(Challenges(self.dns, self.store))
            shown: list[_Shown] = []
            for url in urls:
                authorization = messages.Authorization.from_json(self.client.fetch(url).json())
                if authorization.status == messages.STATUS_PENDING:
                    domain = _domain(authorization)
                    if domain in by_dns:
                        shown.append(_Shown(*self._by_dns(domain, authorization, txt), url))
                    else:
                        shown.append(_Shown(*self._by_http(authorization, stack), url))
            txt.wait()
            for one in shown:
                if one.challenge.status == messages.STATUS_PENDING:  # else an earlier run told the CA already
                    self._respond(*one)
            self._settle(urls)

    def _settle(self, urls: Sequence[str]) -> None:
        """Wait until all are valid; else raise, with the names that are not."""
        failed: list[Refused] = []
        for url in urls:
            answer = polling.until(self.client, url, _is_settled)
            authorization = messages.Authorization.from_json(answer.json())
            if authorization.status != messages.STATUS_VALID:
                failed.append(_refused(authorization))
        if failed:
            first = failed[0].refusal
            names = tuple(name for one in failed for name in one.refusal.names)
            raise Refused(replace(first, names=names))

    def _by_http(self, authorization: messages.Authorization, stack: ExitStack) -> tuple[messages.ChallengeBody, Any]:
        challenge = _challenge(authorization, challenges.HTTP01)
        token = challenge.chall.encode("token")
        response, answer = challenge.response_and_validation(self.account.key)
        stack.callback(self.http01.hide, token)
        self.http01.show(token, answer)
        return challenge, response

    def _by_dns(
        self, domain: Domain, authorization: messages.Authorization, txt: Challenges
    ) -> tuple[messages.ChallengeBody, Any]:
        challenge = _challenge(authorization, challenges.DNS01)
        response, value = challenge.response_and_validation(self.account.key)
        txt.show(domain, value)
        return challenge, response

    def _respond(self, challenge: messages.ChallengeBody, response: Any, authorization: str) -> None:
        try:
            self.client.submit(challenge.uri, response)
        except Refused:
            seen = messages.Authorization.from_json(self.client.fetch(authorization).json())
            told = _challenge(seen, type(challenge.chall)).status != messages.STATUS_PENDING
            if seen.status == messages.STATUS_PENDING and not told:
                raise  # else it was told before, and the answer was lost


def _domain(authorization: messages.Authorization) -> Domain:
    """The name as it was asked for (RFC 8555 section 7.1.4)."""
    return Domain.parse(f"{'*.' if authorization.wildcard else ''}{authorization.identifier.value}")


def _challenge(authorization: messages.Authorization, kind: type[challenges.Challenge]) -> messages.ChallengeBody:
    for challenge in authorization.challenges:
        if isinstance(challenge.chall, kind):
            return challenge
    raise Refused(Refusal("protocol", f"the CA offers no {kind.typ} challenge"))


def _is_settled(answer: requests.Response) -> bool:
    return messages.Authorization.from_json(answer.json()).status not in OPEN


def _refused(authorization: messages.Authorization) -> Refused:
    """Why it never will be valid."""
    names = (str(_domain(authorization)),)
    for challenge in authorization.challenges:
        if challenge.error is not None:
            by_dns = isinstance(challenge.chall, challenges.DNS01)
            return Refused(replace(refusal(challenge.error), by_dns=by_dns, names=names))
    why = f"the authorization is {authorization.status.name}, the CA does not say why"
    return Refused(Refusal("unauthorized", why, names=names))
