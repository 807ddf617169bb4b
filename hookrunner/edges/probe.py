"""Fetches the preflight token through one address, as a CA would: HTTP first, redirects to ports 80 and 443 only."""

import asyncio
import ipaddress
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

import h11

import hookrunner
from hookrunner.core.preflight import Address, Look, Seen

_PATIENCE = 5.0  # seconds for one look, redirects included
_REDIRECTS = 10  # as many as Let's Encrypt follows
_PORTION, _MOST_BODY = 4096, 1024  # bytes
_DEFAULT_PORTS = {"http": 80, "https": 443}
_MOVED = (301, 302, 303, 307, 308)


class Token(NamedTuple):
    """What is looked for: a path, and the body that only this server knows."""

    path: str
    content: bytes


class Web(NamedTuple):
    """How the internet reaches this server, and whom a look may be sent to."""

    http_port: int
    https_port: int
    is_own: Callable[[Address], bool]
    resolve: Callable[[str], Awaitable[Sequence[Address]]]

    def may_ask(self, address: Address) -> bool:
        """Nothing is sent to somebody's inner network because a DNS record or a redirect says so."""
        return address.is_global or self.is_own(address)


class _Answer(NamedTuple):
    status: int
    server: str
    location: str
    body: bytes


class _Stray(Exception):
    """A redirect that no CA follows, or that is not for us to follow."""


async def look(host: str, address: Address, token: Token, web: Web, *, has_https: bool) -> Look:
    """See who answers for ``host`` at ``address``. Raises nothing that a server can cause."""
    is_own = web.is_own(address)
    if not web.may_ask(address):
        return Look(address, Seen.UNASKED, is_own)
    try:
        async with asyncio.timeout(_PATIENCE):
            answer, url = await _follow(host, address, token, web)
    except _Stray as error:
        return Look(address, Seen.OTHER, is_own, url=str(error.args[0]), trouble=str(error.args[1]))
    except (OSError, TimeoutError, h11.ProtocolError, ValueError) as error:
        trouble = "no HTTP" if isinstance(error, h11.ProtocolError) else ""
        return Look(address, Seen.OTHER if trouble else Seen.SILENT, is_own, trouble=trouble)
    if answer.status == 200 and answer.body.strip() == token.content:
        found = Look(address, Seen.OURS, is_own, answer.status, answer.server, url)
        if found.is_cloudflare and not has_https:
            return found._replace(is_flexible=await _is_flexible(host, address, token, web))
        return found
    return Look(address, Seen.OTHER, is_own, answer.status, answer.server, url)


async def _is_flexible(host: str, address: Address, token: Token, web: Web) -> bool:
    """Whether HTTPS ends at our HTTP: we have no certificate for ``host`` yet, so nothing else could answer."""
    try:
        async with asyncio.timeout(_PATIENCE):
            answer = await _fetch("https", host, address, web.https_port, token.path)
    except (OSError, TimeoutError, h11.ProtocolError, ValueError):
        return False
    return answer.body.strip() == token.content


async def _follow(host: str, address: Address, token: Token, web: Web) -> tuple[_Answer, str]:
    """The last answer, and the URL that redirects led to ("" when there were none)."""
    scheme, name, port, path, url = "http", host, web.http_port, token.path, ""
    for _ in range(_REDIRECTS):
        answer = await _fetch(scheme, name, address, port, path)
        if answer.status not in _MOVED or not answer.location:
            return answer, url
        url = urljoin(f"{scheme}://{_authority(name, scheme, port)}{path}", answer.location)
        parts = urlsplit(url)
        scheme, target = parts.scheme, parts.hostname or ""
        port = parts.port or {"http": web.http_port, "https": web.https_port}.get(scheme, 0)
        if scheme not in _DEFAULT_PORTS or port not in (80, 443, web.http_port, web.https_port):
            raise _Stray(url, "no CA follows redirects there")
        path = parts.path or "/"
        if parts.query:
            path = f"{path}?{parts.query}"
        if target != name:
            name, address = target, await _place(target, web, url)
    raise _Stray(url, "redirects without an end")


async def _place(host: str, web: Web, url: str) -> Address:
    try:
        addresses: Sequence[Address] = [ipaddress.ip_address(host)]
    except ValueError:
        addresses = await web.resolve(host)
    if not addresses:
        raise _Stray(url, "has no address")
    if not all(web.may_ask(address) for address in addresses):
        raise _Stray(url, "is no public address")
    return addresses[0]


async def _fetch(scheme: str, host: str, address: Address, port: int, path: str) -> _Answer:
    context = _unverified() if scheme == "https" else None
    reader, writer = await asyncio.open_connection(
        str(address), port, ssl=context, server_hostname=host if context else None
    )
    try:
        return await _exchange(reader, writer, _authority(host, scheme, port), path)
    finally:
        writer.transport.abort()


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, authority: str, path: str) -> _Answer:
    connection = h11.Connection(h11.CLIENT)
    request = h11.Request(
        method="GET",
        target=path.encode("ascii", "backslashreplace"),
        headers=[
            ("Host", authority),
            ("User-Agent", f"hookrunner/{hookrunner.__version__} (preflight)"),
            ("Accept", "*/*"),
            ("Connection", "close"),
        ],
    )
    writer.write((connection.send(request) or b"") + (connection.send(h11.EndOfMessage()) or b""))
    await writer.drain()
    answer, body = _Answer(0, "", "", b""), b""
    while len(body) < _MOST_BODY:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(_PORTION))
        elif isinstance(event, h11.Response):
            headers = {name: value.decode("latin-1") for name, value in event.headers}
            answer = _Answer(event.status_code, headers.get(b"server", ""), headers.get(b"location", ""), b"")
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif not isinstance(event, h11.InformationalResponse):
            break
    return answer._replace(body=body)


def _authority(host: str, scheme: str, port: int) -> str:
    name = f"[{host}]" if ":" in host else host
    return name if port == _DEFAULT_PORTS.get(scheme) else f"{name}:{port}"


def _unverified() -> ssl.SSLContext:
    """A CA that follows a redirect to HTTPS does not verify what it finds there either."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
