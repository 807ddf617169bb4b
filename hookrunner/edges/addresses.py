"""This machine's addresses, asked of its kernel."""

import ipaddress
import socket
from collections.abc import Iterator

from hookrunner.core.preflight import Address

_PATIENCE = 2.0  # seconds
# Documentation addresses (RFC 5737, RFC 3849): nothing is sent there, a datagram socket only picks its own address.
_FAR = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))


def is_own(address: Address) -> bool:
    """Whether an interface of this machine has it: only then can a socket be bound to it."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return not address.is_unspecified and not address.is_multicast


def answers(address: str, port: int) -> bool:
    """Whether anything takes a connection there."""
    try:
        with socket.create_connection((address, port), timeout=_PATIENCE):
            return True
    except OSError:
        return False


def public() -> tuple[Address, ...]:
    """The global addresses that this machine speaks to the internet from, IPv4 first; none behind a NAT."""
    return tuple(_outgoing())


def _outgoing() -> Iterator[Address]:
    for family, far in _FAR:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((far, 9))
                address = ipaddress.ip_address(probe.getsockname()[0])
        except OSError:
            continue
        if address.is_global:
            yield address
