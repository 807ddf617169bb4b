"""docs/how-to/backup.md, typed as it stands: a backup, a machine without anything, and all is served as before."""

import json

from tests.lab.container import Container
from tests.server.guides import Walk
from tests.server.laptop import Laptop

GONE = (
    "hookrunner setup --undo >/dev/null && rm -rf /etc/hookrunner /var/lib/hookrunner /var/log/hookrunner "
    "/etc/nginx/hookrunner && userdel git"
)


def test_backup_and_restore(laptop: Laptop, container: Container) -> None:
    """Every name has the certificate that it had, no CA is asked, keys push, and the next push goes through."""
    report = json.loads(container.run("hookrunner report --json", check=False).stdout)["certificates"]
    names = [one["domain"].replace("*", "any") for one in report if one["state"] == "good"]
    assert len(names) > 8
    before, asked = {name: laptop.leaf(name) for name in names}, laptop.pebble.orders()
    walk = Walk("how-to/backup.md", laptop, container)
    walk.only(lambda block: block.where == "server")
    container.run(GONE)
    assert container.run("test -e /var/lib/hookrunner", check=False).returncode == 1
    walk.only(lambda block: block.where == "server restore")
    assert {name: laptop.leaf(name) for name in names} == before
    assert laptop.pebble.orders() == asked
    clone = laptop.cloned("late")
    clone.commit({"public/index.html": "after the restore"})
    assert clone.push().verdict.startswith("success: ")
    assert laptop.get("late.example").body == "after the restore"
