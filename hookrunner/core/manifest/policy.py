"""What the server lets one app ask for: allowed domains, upstreams, how many, and what other apps hold already."""

import posixpath
from collections.abc import Callable, Mapping
from typing import NamedTuple

from hookrunner.core import tree
from hookrunner.core.challenges import by_dns
from hookrunner.core.claims import Claims
from hookrunner.model import allowance
from hookrunner.model.app import Certificates, Folder, Tls, Upstream
from hookrunner.model.names import AppName, Domain, Invalid
from hookrunner.model.registration import MANIFEST
from hookrunner.model.server import Dns, Pattern, Settings


def _knows_none(_domain: Domain, _way: Certificates) -> str | None:
    return None


class Policy(NamedTuple):
    """The settings as far as a manifest can break them."""

    app: AppName
    allowed_domains: tuple[Pattern, ...] | None
    proxies: tuple[Upstream, ...]
    reserved_ports: frozenset[int]
    most_domains: int
    claims: Claims
    tree: Mapping[str, str]  # path to mode, of the commit
    manifest: str = MANIFEST  # its path in the commit
    dns: Dns | None = None  # the zones that can be changed; None: not known here
    missing_zone: Callable[[Domain, Certificates], str | None] = _knows_none  # the zone that dns-01 for a name lacks

    @classmethod
    def of(
        cls,
        settings: Settings,
        app: AppName,
        claims: Claims,
        tree: Mapping[str, str],
        manifest: str = MANIFEST,
        missing_zone: Callable[[Domain, Certificates], str | None] = _knows_none,
    ) -> "Policy":
        """The policy for one app. ``missing_zone`` is asked about names that only dns-01 will do for."""
        own = settings.app(app)
        return cls(
            app=app,
            allowed_domains=own.allowed_domains,
            proxies=own.proxies,
            reserved_ports=settings.reserved_ports,
            most_domains=settings.limits.domains,
            claims=claims._replace(names_holders=own.may_name_any),
            tree=tree,
            manifest=manifest,
            dns=settings.dns,
            missing_zone=missing_zone,
        )

    def check_domain(self, domain: Domain) -> None:
        """Raise :class:`Invalid` for a domain that the settings do not give this app."""
        allowance.check_domain(domain, self.app, self.allowed_domains)
        self.claims.check_domain(domain, self.app)

    def check_challenge(self, domain: Domain, tls: Tls) -> None:
        """Raise :class:`Invalid` for a domain that needs dns-01 where the settings have no zone for that."""
        if self.dns is None:
            return
        needs = tls.certificates is Certificates.WILDCARD or by_dns(domain, tls.challenge, self.dns)
        if needs and (zone := self.missing_zone(domain, tls.certificates)):
            raise Invalid(f'needs dns-01; add a table [dns.zones."{zone}"] to server.toml on the server')

    def check_folder(self, folder: Folder) -> None:
        """Raise :class:`Invalid` for a folder that the commit does not have as one, links on the way included."""
        if folder.path == ".":
            return
        parts = folder.path.split("/")
        for end in range(1, len(parts) + 1):
            path = "/".join(parts[:end])
            match self.tree.get(path):
                case tree.FOLDER:
                    continue
                case tree.LINK:
                    raise Invalid(f"leads through the link {path}; name the folder itself")
                case None:
                    beside = posixpath.join(posixpath.dirname(self.manifest), folder.path)
                    if self.tree.get(beside) == tree.FOLDER:
                        raise Invalid(f'is not in the pushed commit; "{beside}" is, and folders count from the top')
                    raise Invalid("is not in the pushed commit; git keeps no empty folders")
                case _:
                    raise Invalid(f"is not a folder: {path} is a file")

    def check_file(self, folder: Folder, file: str) -> None:
        """Raise :class:`Invalid` for a file below ``folder`` that the commit does not have."""
        path = file if folder.path == "." else f"{folder}/{file}"
        if self.tree.get(path) not in (*tree.FILES, tree.LINK):
            raise Invalid(f"is not a file of the pushed commit: {path}")

    def check_upstream(self, upstream: Upstream) -> None:
        """Raise :class:`Invalid` for an upstream that is nginx itself, or that is not this app's to reach."""
        self.claims.check_upstream(upstream, self.app)
        allowance.check_upstream(upstream, self.app, self.proxies, self.reserved_ports)
