"""What a folder of the server is like: to see that something changes nothing, or takes back all that it changed."""

from tests.lab.container import Container

_SHIPPED = "/root/shipped"


def snapshot(container: Container, *folders: str, but: str = "^$") -> str:
    """Every path with its type, mode, owner, link target and content."""
    find = f"find {' '.join(folders)} -printf '%p %y %m %u %g %l\\n' | grep -vE '{but}' | sort"
    sums = f"find {' '.join(folders)} -type f -exec sha256sum {{}} + | grep -vE '{but}' | sort -k 2"
    return container.run(f"{find}; {sums}").stdout


def shipped(container: Container) -> None:
    """Remember nginx as the distribution has it, before anything of ours is there."""
    container.put(snapshot(container, "/etc/nginx"), _SHIPPED)


def as_shipped(container: Container) -> str:
    """What was remembered."""
    return container.read(_SHIPPED)
