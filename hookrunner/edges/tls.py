"""Which certificate is served for a name: one handshake (RFC 6066 section 3), nothing verified."""

import socket
import ssl

_PATIENCE = 5.0  # seconds


def leaf(host: str, address: str, port: int) -> bytes:
    """The leaf (DER) that is served for ``host`` there. Raises OSError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection((address, port), timeout=_PATIENCE) as connection,
        context.wrap_socket(connection, server_hostname=host) as secured,
    ):
        return secured.getpeercert(binary_form=True) or b""
