"""``python -I -m hookrunner.publisher SETTINGS``: answers the request on its standard input, for systemd.

Here alone root's room meets the settings file and the records, which it reads as their owner.
"""

import os
import sys
from pathlib import Path

from hookrunner.core import settings as schema
from hookrunner.edges.claims import read_claims
from hookrunner.edges.records import FileStore, Record
from hookrunner.publisher import service
from hookrunner.publisher.acting import as_owner
from hookrunner.publisher.changeover import Holders
from hookrunner.publisher.door import Door


class _OwnersStore(FileStore):
    """Records of the hook's user, read as that user."""

    def get(self, key: str) -> Record | None:
        with as_owner(self.folder):
            return super().get(key)

    def list(self, prefix: str) -> list[Record]:
        with as_owner(self.folder):
            return super().list(prefix)


def _door() -> Door:
    settings = schema.parse(Path(sys.argv[1]).read_bytes())
    claims = read_claims(_OwnersStore(settings.records))
    return Door(settings, lambda: Holders(claims.domains, claims.upstreams))


if __name__ == "__main__":
    os.umask(0o022)
    service.answer(service.standard_input(), _door)
