"""Records by DNS UPDATE (RFC 2136), signed with TSIG (RFC 8945): BIND, Knot, PowerDNS and others."""

import dns.exception
import dns.name
import dns.query
import dns.rcode
import dns.tsig
import dns.update

from hookrunner.edges.ca.dns01.errors import DnsFailed
from hookrunner.model.server import Zone

_TIMEOUT = 10.0  # seconds
_TTL = 60  # seconds; a record lives about as long
_REFUSALS = {
    dns.rcode.NOTAUTH: "it has no such zone",
    dns.rcode.NOTZONE: "it says that the name is not in the zone",
    dns.rcode.REFUSED: "this key may not change the zone",
    dns.rcode.NOTIMP: "it takes no updates",
}
_KEY_REFUSALS: dict[type[dns.tsig.PeerError], str] = {
    dns.tsig.PeerBadKey: "it has no key of the name key_name",
    dns.tsig.PeerBadSignature: "key_secret or key_algorithm is wrong",
    dns.tsig.PeerBadTime: "its clock and this server's are too far apart",
}


class Rfc2136:
    """One zone at the server that takes its updates."""

    def __init__(self, zone: Zone) -> None:
        self._zone = str(zone.name)
        self._server, self._port = zone.options["server"], int(zone.options["port"])
        self._key = dns.tsig.Key(
            dns.name.from_text(zone.options["key_name"]), zone.options["key_secret"], zone.options["key_algorithm"]
        )

    def check(self) -> None:
        """Send an update that changes nothing (RFC 2136 section 2.5: it may be empty). Raises :class:`DnsFailed`."""
        self._send(self._update())

    def present(self, name: str, value: str) -> None:
        """Add the TXT record beside those that the name has. Raises :class:`DnsFailed`."""
        update = self._update()
        update.add(dns.name.from_text(name), _TTL, "TXT", f'"{value}"')
        self._send(update)

    def cleanup(self, name: str, value: str) -> None:
        """Take this value away, and no other. Raises :class:`DnsFailed`."""
        update = self._update()
        update.delete(dns.name.from_text(name), "TXT", f'"{value}"')
        self._send(update)

    def _update(self) -> dns.update.UpdateMessage:
        return dns.update.UpdateMessage(dns.name.from_text(self._zone), keyring=self._key)

    def _send(self, update: dns.update.UpdateMessage) -> None:
        try:
            reply = dns.query.tcp(update, self._server, timeout=_TIMEOUT, port=self._port)
        except dns.tsig.PeerError as error:
            raise self._failed(f"refuses: {_KEY_REFUSALS.get(type(error), 'its own signature is wrong')}") from None
        except dns.exception.Timeout:
            raise self._failed(f"does not answer within {_TIMEOUT:.0f} s") from None
        except (OSError, EOFError) as error:
            raise self._failed(f"cannot be reached: {getattr(error, 'strerror', None) or error}") from None
        except dns.exception.DNSException as error:
            raise self._failed(f"answers wrongly: {type(error).__name__}") from None
        if reply.rcode() != dns.rcode.NOERROR:
            why = _REFUSALS.get(reply.rcode(), f"it answers {dns.rcode.to_text(reply.rcode())}")
            raise self._failed(f"refuses: {why}")

    def _failed(self, what: str) -> DnsFailed:
        return DnsFailed(f"{self._server} {what}")
