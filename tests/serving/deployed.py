"""Sites of the request suite, deployed by a push when a test first asks for one."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.lab.server import Server
from tests.serving.program import Program
from tests.serving.web import Request, Response, ask

Files = Mapping[str, str | bytes]


@dataclass(frozen=True)
class Site:
    """A manifest and the files of each commit that is pushed; ``PROGRAM`` and ``DOWN`` in it are ports."""

    manifest: str
    commits: tuple[Files, ...]
    has_program: bool = False


@dataclass
class Deployed:
    """The lab server of a worker, and what was pushed to it so far."""

    server: Server
    programs: dict[str, Program] = field(default_factory=dict)
    _done: set[str] = field(default_factory=set)

    def ask(self, name: str, site: Site, request: Request, over: str) -> Response:
        """The answer of the site, which is pushed first if nobody asked it before."""
        if name not in self._done:
            self._push(name, site)
            self._done.add(name)
        return ask(self.server, request, over)

    def _push(self, name: str, site: Site) -> None:
        ports = self.server.ports
        program, down = ports.take(), ports.take()
        if site.has_program:
            self.programs[name] = Program(program)
        manifest = site.manifest.replace("PROGRAM", str(program)).replace("DOWN", str(down))
        clone = self.server.app(name)
        for files in site.commits:
            for path in clone.folder.iterdir():
                if path.name != ".git":
                    clone.git("rm", "-r", "--quiet", path.name)
            clone.commit({"app.toml": manifest, **files})
            push = clone.push()
            assert push.status == 0, push.text
            assert " is live " in push.verdict, push.text

    def stop(self) -> None:
        """End the programs."""
        for program in self.programs.values():
            program.stop()
