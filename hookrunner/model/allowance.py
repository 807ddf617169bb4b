"""What the settings let one app ask for, whoever asks: held when a manifest is read, and again by the publisher."""

from collections.abc import Collection

from hookrunner.model.app import Upstream
from hookrunner.model.names import AppName, Domain, Invalid
from hookrunner.model.server import Pattern


def check_domain(domain: Domain, app: AppName, allowed: Collection[Pattern] | None) -> None:
    """Raise :class:`Invalid` for a domain that is none of the app's ``allowed`` ones; None allows every one."""
    if allowed is not None and not any(pattern.allows(domain) for pattern in allowed):
        names = ", ".join(map(str, allowed)) or "none"
        raise Invalid(f"is not one of the domains that the server allows {app}: {names}")


def check_upstream(
    upstream: Upstream, app: AppName, proxies: Collection[Upstream], reserved_ports: Collection[int]
) -> None:
    """Raise :class:`Invalid` for an upstream that is nginx itself, or that is not the app's to reach."""
    if upstream.is_loopback and upstream.port in reserved_ports:
        raise Invalid(f"is port {upstream.port}, which nginx or hookrunner itself listens on")
    if upstream in proxies:
        return
    table = f"[apps.{app}] proxies in server.toml"
    if upstream.port is None:
        own = f"/run/{app}"
        inside = upstream.address.removeprefix(f"{own}/")
        if upstream.address == f"{own}.sock" or ("/" not in inside and inside.endswith(".sock")):
            return
        raise Invalid(f"is neither {own}.sock nor {own}/*.sock; the server's owner can add it to {table}")
    if not upstream.is_loopback:
        raise Invalid(f"is not on this machine; the server's owner can add it to {table}")
    if upstream.port < 1024:
        raise Invalid(f"is a port below 1024; the server's owner can add it to {table}")
