"""``[acme]`` of server.toml: the CA, and the ones that are asked when it cannot be had."""

import base64
import binascii
import re
from pathlib import Path
from urllib.parse import urlsplit

from hookrunner.core.manifest import fields
from hookrunner.core.manifest.fields import Table
from hookrunner.model.names import Invalid
from hookrunner.model.server import LETS_ENCRYPT, LETS_ENCRYPT_STAGING, Acme, Authority, Eab

_OWN_KEYS = ("email", "directory", "ca_bundle", "concurrency", "eab_kid", "eab_hmac_key")
KEYS = (*_OWN_KEYS, "preflight", "http01", "responder_port", "backup")

_CONCURRENCY = 16
_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f,<>]+@[^@\s\x00-\x1f\x7f,<>]+\.[^@\s\x00-\x1f\x7f,<>]+\Z")
_UNSAFE_IN_NGINX = re.compile(r"[\x00-\x1f\x7f$\"'\\{};\s]")


def acme(table: Table) -> Acme:
    """The settings of the table."""
    table.refuse_unknown(KEYS)
    email = table.need("email", fields.of_text(_email), missing='needs an "email"; write email = "you@example.org"')
    bundle = table.take("ca_bundle", fields.text, "")
    first = Acme(
        email=email or "",
        authority=table.take("directory", fields.of_text(authority), authority("letsencrypt")),
        ca_bundle=Path(bundle) if bundle else None,
        concurrency=table.take("concurrency", fields.whole(1, 64), _CONCURRENCY),
        eab=_eab(table),
        preflight=table.take("preflight", fields.flag, True),
    )
    return first._replace(backups=_backups(table, first))


def authority(text: str) -> Authority:
    """The CA that ``directory = …`` names: a known word or an https URL. Raises :class:`Invalid`."""
    match text:
        case "letsencrypt":
            return Authority("letsencrypt", "Let's Encrypt", LETS_ENCRYPT)
        case "letsencrypt-staging":
            return Authority("letsencrypt-staging", "Let's Encrypt (staging)", LETS_ENCRYPT_STAGING)
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError as error:
        raise Invalid(f"is not a URL: {error}") from error
    if url.scheme != "https" or not url.hostname or _UNSAFE_IN_NGINX.search(text):
        raise Invalid("is neither letsencrypt, letsencrypt-staging nor an https URL")
    for known in (authority("letsencrypt"), authority("letsencrypt-staging")):
        if text == known.directory:
            return known
    place = "-".join(filter(None, (url.hostname, str(port or ""), url.path.strip("/"))))
    title = url.hostname if port in (None, 443) else f"{url.hostname}:{port}"
    name = re.sub(r"[^a-z0-9.]+|\.{2,}", "-", place.lower()).strip("-.")[:100]
    if not name:
        raise Invalid("has a host name that no folder can be called after; write it as A-labels (xn--…)")
    return Authority(name, title, text)


def _backups(table: Table, first: Acme) -> tuple[Acme, ...]:
    """The further CAs in their order; what they do not say is as for the first."""
    found: list[Acme] = []
    seen = {first.authority.name}
    for own in table.tables("backup"):
        elsewhere = dict.fromkeys(KEYS[len(_OWN_KEYS) :], "it holds for every CA; write it under [acme]")
        own.refuse_unknown(_OWN_KEYS, elsewhere=elsewhere)
        named = own.need("directory", fields.of_text(authority), missing='needs a "directory": which CA it is')
        if named and named.name in seen:
            own.wrong("directory", f"names {named.title}, which is asked already")
        bundle = own.take("ca_bundle", fields.text, "")
        backup = first._replace(
            email=own.take("email", fields.of_text(_email), first.email),
            authority=named or first.authority,
            ca_bundle=Path(bundle) if bundle else first.ca_bundle,
            concurrency=own.take("concurrency", fields.whole(1, 64), first.concurrency),
            eab=_eab(own),
        )
        seen.add(backup.authority.name)
        found.append(backup)
    return tuple(found)


def _eab(table: Table) -> Eab | None:
    kid, key = table.take("eab_kid", fields.text, ""), table.take("eab_hmac_key", fields.of_text(_mac_key), "")
    if kid and not table.data.get("eab_hmac_key"):
        table.wrong("eab_kid", 'needs "eab_hmac_key" beside it: the CA gives both')
    if key and not kid:
        table.wrong("eab_hmac_key", 'needs "eab_kid" beside it: the CA gives both')
    return Eab(kid, key) if kid and key else None


def _mac_key(text: str) -> str:
    """RFC 8555 section 7.3.4: base64url; the padding that some CAs add goes."""
    bare = text.rstrip("=").replace("+", "-").replace("/", "_")
    try:
        base64.b64decode(f"{bare}{'=' * (-len(bare) % 4)}", altchars=b"-_", validate=True)
    except binascii.Error:
        raise Invalid("is not a key in base64url, as the CA gives it") from None
    return bare


def _email(text: str) -> str:
    if not _EMAIL.match(text):
        raise Invalid("is not an e-mail address")
    return text
