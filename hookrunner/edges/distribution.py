"""What the distribution brought: its name, and its nginx as it is configured, outside of what `setup` makes."""

import hashlib
import platform
import pwd
import re
from contextlib import suppress
from pathlib import Path

from hookrunner.core.setup import DEFAULT_SITES, MAIN_FILE
from hookrunner.edges import processes
from hookrunner.edges.processes import ProgramFailed

_NGINX = Path("/etc/nginx")


def system() -> str:
    """What this machine runs (os-release(5))."""
    with suppress(OSError):
        return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    return "Linux"


def nginx_version(nginx: str) -> tuple[int, int, int]:
    """The version of nginx, (0, 0, 0) where it does not say."""
    with suppress(ProgramFailed):
        if found := re.search(r"nginx/(\d+)\.(\d+)\.(\d+)", processes.run([nginx, "-v"], env=processes.SYSTEM).err):
            return int(found[1]), int(found[2]), int(found[3])
    return 0, 0, 0


def nginx_conf() -> str:
    """nginx.conf, and what others than we have in the folder for the main context."""
    files = [_NGINX / "nginx.conf", *sorted((_NGINX / "modules-enabled").glob("*.conf"))]
    return "\n".join(file.read_text(errors="replace") for file in files if file.name != MAIN_FILE)


def nginx_worker(conf: str) -> str:
    """The user of nginx's workers."""
    said = re.search(r"^\s*user\s+([\w-]+)", conf, re.MULTILINE)
    for name in (said[1] if said else "", "www-data", "nginx"):
        with suppress(KeyError):
            return pwd.getpwnam(name).pw_name if name else ""
    return "nobody"


def default_site() -> Path | None:
    """The distribution's default site, where it stands in the way."""
    is_default = (path for path in DEFAULT_SITES if path.is_file())
    return next((path for path in is_default if "default_server" in path.read_text(errors="replace")), None)


def is_shipped(path: Path) -> bool:
    """Whether a file, or what a link leads to, is as its package brought it (dpkg-query(1), Conffiles)."""
    file = path.resolve()
    with suppress(ProgramFailed):
        owner = processes.run(["dpkg-query", "--search", str(file)], env=processes.SYSTEM).out.decode()
        words = ["dpkg-query", "--show", "--showformat=${Conffiles}", owner.partition(":")[0]]
        for line in processes.run(words, env=processes.SYSTEM).out.decode().splitlines():
            name, _, digest = line.strip().partition(" ")
            if name == str(file):
                return digest.split()[0] == hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()
    return False
