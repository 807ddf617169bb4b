"""What holds between the sites of app.toml, once each is read: a breach is a problem of the table it stands in."""

from hookrunner.core.manifest import loops
from hookrunner.core.manifest.fields import Table
from hookrunner.core.manifest.policy import Policy
from hookrunner.model.app import Https, Site, Tls
from hookrunner.model.names import Domain, Invalid

_LONGEST_CIRCLE = 5  # redirects that a problem names

Written = tuple[Table, Site]  # a site, and where it is written


def refuse_twice(sites: list[Written], policy: Policy | None) -> None:
    """No domain stands in the file twice, and there are not more than the server allows an app."""
    seen: dict[Domain, int] = {}
    for table, site in sites:
        for domain in site.domains:
            seen[domain] = seen.get(domain, 0) + 1
            if seen[domain] == 2:
                table.wrong("domains", f'"{domain}" is named twice')
    if policy and len(seen) > policy.most_domains:
        table, _ = sites[0]
        table.wrong("domains", f"has {len(seen)} domains; the server allows an app {policy.most_domains}")


def check_challenges(sites: list[Written], tls: Tls, policy: Policy) -> None:
    """Each domain can be validated by the way that [tls] asks for."""
    for table, site in sites:
        for domain in site.domains if site.https is not Https.OFF else ():
            try:
                policy.check_challenge(domain, tls)
            except Invalid as error:
                table.wrong("domains", f'"{domain}" {error}')


def refuse_loops(sites: list[Written]) -> None:
    """No redirect leads back to where it came from."""
    redirects = [table.tables("redirects") for table, _ in sites]
    for circle in loops.loops([site for _, site in sites]):
        first = circle[0]
        way = [sites[place.site][1].redirects[place.redirect] for place in circle]
        if len(way) == 1:
            text = f'leads to itself: "{way[0].to}" is matched by "{way[0].from_path}" again'
        else:
            shown = [str(redirect.to) for redirect in way[:_LONGEST_CIRCLE]]
            text = f"leads in a circle: {' → '.join(shown)}{' → …' if len(way) > _LONGEST_CIRCLE else ''}"
        redirects[first.site][first.redirect].wrong("from", text)
