"""A BIND that is the authority for zones of a test, and takes updates that a TSIG key signs."""

import base64
import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import dns.message
import dns.query
import dns.rdatatype

from tests.lab.machine import Ports, Process, listens, program

KEY_NAME = "hookrunner-lab"
ALGORITHM = "hmac-sha256"


class Named:
    """Started on creation; every name of its zones has the address 127.0.0.1, unless ``lines`` say else."""

    def __init__(
        self,
        folder: Path,
        ports: Ports,
        *zones: str,
        lines: Sequence[str] = (),
        address: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        folder.mkdir()
        self.address, self.port = address, port or ports.take()
        self.secret = base64.b64encode(os.urandom(32)).decode()
        self.log = folder / "named.log"
        # Not in its own place, where AppArmor keeps it to its own folders.
        named = shutil.copy(program("named"), folder / "named")
        for zone in zones:
            (folder / f"{zone}.zone").write_text(
                _zone(zone, [one for one in lines if f"{zone}." in one.split(" ")[0] or f"; {zone}." in one], address)
            )
        # Its own root, so that nothing is asked of the internet.
        (folder / "root.zone").write_text("$TTL 60\n@ SOA ns. owner. 1 60 60 600 1\n@ NS ns.\nns. A 127.0.0.1\n")
        (folder / "named.conf").write_text(
            f"""
            options {{
                directory "{folder}"; pid-file none; session-keyfile none; recursion yes; dnssec-validation no;
                listen-on port {self.port} {{ {address}; }}; listen-on-v6 {{ none; }}; allow-transfer {{ none; }};
            }};
            controls {{ }};
            zone "." {{ type primary; file "root.zone"; }};
            key "{KEY_NAME}" {{ algorithm {ALGORITHM}; secret "{self.secret}"; }};
            """
            + "".join(
                f'zone "{zone}" {{ type primary; file "{zone}.zone"; '
                f"update-policy {{ grant {KEY_NAME} zonesub TXT; }}; }};\n"
                for zone in zones
            )
        )
        self._process = Process([str(named), "-g", "-n", "1", "-c", str(folder / "named.conf")], self.log)
        self._process.wait_for(lambda: self._listens())

    def _listens(self) -> bool:
        return listens(self.port, self.address) and "running" in self.log.read_text()

    @property
    def server(self) -> str:
        """Where it is, as the settings name it."""
        return f"{self.address}:{self.port}"

    def zone(self, **more: object) -> dict[str, object]:
        """A table of ``[dns.zones]`` for it."""
        return {
            "provider": "rfc2136",
            "server": self.address,
            "port": self.port,
            "key_name": KEY_NAME,
            "key_secret": self.secret,
            "key_algorithm": ALGORITHM,
            "nameservers": [self.server],
            **more,
        }

    def texts(self, name: str) -> list[str]:
        """The TXT records that a name has now."""
        query = dns.message.make_query(f"{name}.", "TXT")
        reply = dns.query.udp(query, self.address, timeout=5, port=self.port)
        sets = [rrset for rrset in reply.answer if rrset.rdtype == dns.rdatatype.TXT]
        return [record.strings[0].decode() for rrset in sets for record in rrset]

    def changes(self, name: str) -> list[str]:
        """Every change that was ever made to a name's TXT records: "adding", "deleting"."""
        text = self.log.read_text()
        return re.findall(rf"(adding|deleting) an RR at '?{re.escape(name)}'? TXT", text)

    def stop(self) -> None:
        """End it."""
        self._process.stop()


def _zone(zone: str, lines: Sequence[str], address: str) -> str:
    base = f"""$TTL 60
@ SOA ns.{zone}. owner.{zone}. 1 60 60 600 1
@ NS ns.{zone}.
ns A {address}
@ A 127.0.0.1
* A 127.0.0.1
"""
    return base + "".join(f"{line}\n" for line in lines)
