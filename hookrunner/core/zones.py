"""``[dns.zones."ZONE"]`` of server.toml: whose records can be changed, and with what."""

import base64
import binascii
from collections.abc import Callable, Mapping

from hookrunner.core.manifest import fields
from hookrunner.core.manifest.fields import Table
from hookrunner.model.names import Domain, Invalid
from hookrunner.model.server import Zone

_COMMON_KEYS = ("provider", "always", "nameservers")
_RFC2136_KEYS = ("server", "port", "key_name", "key_secret", "key_algorithm")
_EXEC_KEYS = ("program",)

# RFC 8945 section 6, without what it says not to use
ALGORITHMS = ("hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512")


def zones(table: Table, resolver: Callable[[str], tuple[str, int]], address: Callable[[str], str]) -> tuple[Zone, ...]:
    """The zones of the table, whose keys are their names."""
    found: list[Zone] = []
    for key in table.data:
        own = table.table(key)
        try:
            name = Domain.parse(key)
            if name.is_wildcard:
                raise Invalid("is a wildcard; name the zone")
        except Invalid as error:
            table.wrong(key, str(error))
            continue
        missing = 'needs a "provider": rfc2136, exec, or one of dns-lexicon'
        provider = own.need("provider", fields.text, missing=missing) or ""
        always = own.take("always", fields.flag, False)
        nameservers = own.take_each("nameservers", resolver) or ()
        found.append(Zone(name, provider, _options(own, provider, address), always, nameservers))
    return tuple(found)


def _options(own: Table, provider: str, address: Callable[[str], str]) -> Mapping[str, str]:
    match provider:
        case "":
            return {}
        case "rfc2136":
            own.refuse_unknown((*_COMMON_KEYS, *_RFC2136_KEYS))
            return _rfc2136(own, address)
        case "exec":
            own.refuse_unknown((*_COMMON_KEYS, *_EXEC_KEYS))
            missing = 'needs a "program": the full path of what sets the records'
            return {"program": own.need("program", fields.of_text(_program), missing=missing) or ""}
        case _:  # its options are its library's to know
            return {key: own.take(key, _word, "") for key in own.data if key not in _COMMON_KEYS}


def _rfc2136(own: Table, address: Callable[[str], str]) -> Mapping[str, str]:
    server = own.need("server", fields.of_text(address), missing='needs a "server": the address that takes updates')
    name = own.need("key_name", fields.of_text(_key_name), missing='needs a "key_name": the TSIG key')
    secret = own.need("key_secret", fields.of_text(_key_secret), missing='needs a "key_secret": that key, in base64')
    return {
        "server": server or "",
        "port": str(own.take("port", fields.port, 53)),
        "key_name": name or "",
        "key_secret": secret or "",
        "key_algorithm": own.take("key_algorithm", fields.of_text(_algorithm), "hmac-sha256"),
    }


def _word(value: object) -> str:
    """dns-lexicon takes texts; numbers and flags are written as they are in TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return fields.text(value)


def _program(text: str) -> str:
    if not text.startswith("/"):
        raise Invalid("is not the full path of a program")
    return text


def _key_name(text: str) -> str:
    if not text or any(not ("!" <= letter <= "~") for letter in text):
        raise Invalid("is not the name of a key")
    return text


def _key_secret(text: str) -> str:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Invalid("is not a key in base64, as tsig-keygen prints it") from None
    return text


def _algorithm(text: str) -> str:
    if text.lower().rstrip(".") not in ALGORITHMS:
        raise Invalid(f"is none of {', '.join(ALGORITHMS)}")
    return text.lower().rstrip(".")
