"""A freshly booted Debian with systemd and sshd, in a container that shares this machine's network.

``python -m tests.lab.container`` prints why this machine cannot have one, and exits with 77 then.
"""

import contextlib
import fcntl
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from subprocess import CompletedProcess

from tests.lab.machine import Missing, Ports, program

CACHE = Path(os.environ.get("HOOKRUNNER_CACHE") or "/var/cache/hookrunner-tests")
PACKAGES = "systemd,systemd-sysv,dbus,ca-certificates,iproute2,openssh-server,curl"
FILES = {
    "etc/hostname": "your-server\n",
    "etc/hosts": "127.0.0.1 localhost your-server\n::1 localhost\n",
    "etc/default/locale": "LANG=C.UTF-8\n",  # what Debian's images for clouds have; without it perl complains
}
NEEDED = {
    "debootstrap": "debootstrap",
    "systemd-nspawn": "systemd-container",
    "setpriv": "util-linux",
    "ssh": "openssh-client",
    "scp": "openssh-client",
    "ssh-keygen": "openssh-client",
}
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
CONSOLE = "console.log"
REBOOTS = 133  # how nspawn ends when the system in it wants to be started again
CANNOT = 77


class CannotBoot(Exception):
    """This machine cannot boot one after all: a sentence, and the last lines of the log."""

    def __init__(self, reason: str, log: Path | None = None) -> None:
        lines = log.read_text("utf-8", "replace").splitlines()[-8:] if log and log.exists() else []
        super().__init__("\n".join([reason, *(f"  {line.rstrip()}" for line in lines)]))


def unable() -> str | None:
    """Why this machine cannot boot one, in a sentence; installs the programs that are missing where apt can."""
    if sys.platform != "linux":
        return f"a container needs Linux, and this is {sys.platform}"
    if os.geteuid() != 0:
        return "a container is booted by root, and this is another user"
    for port in (80, 443):
        if not _is_free(port):
            return f"port {port} is taken, and the container's nginx needs it"
    missing = {package for name, package in NEEDED.items() if not _has(name)}
    if not KEYRING.exists():
        missing.add("debian-archive-keyring")
    if not missing:
        return None
    packages = sorted(missing)
    if not _has("apt-get"):
        return f"{', '.join(packages)} is missing, and there is no apt-get to install it"
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        done = subprocess.run(["apt-get", *words], capture_output=True, text=True, env=env, check=False, timeout=900)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["without a word"])[-1]
            return f"apt-get cannot install {', '.join(packages)}: {last}"
    return None


class Container:
    """Booted on creation from a throw-away copy of ``suite``; :meth:`down` ends it and removes the copy.

    Its sshd has a free port of 127.0.0.1; its nginx will have the machine's 80 and 443, so there is one at a time.
    Raises :class:`CannotBoot`. It ends with the thread that made it, so that a killed test leaves nothing running.
    """

    def __init__(self, suite: str) -> None:
        base = _base(suite)
        self._ports = Ports()
        self._port = self._ports.take()
        self._machine = f"hookrunner-{suite}-{self._port}"
        with _locked("containers"):
            for left in CACHE.glob("container-*"):
                if _in_use(left):  # they would share control groups too
                    raise CannotBoot(f"another one runs, in {left}, and there is one at a time.")
                _remove(left)  # its test was killed
            self._folder = Path(tempfile.mkdtemp(prefix=f"container-{suite}-", dir=CACHE))
            self._console = (self._folder / CONSOLE).open("ab")
            fcntl.flock(self._console, fcntl.LOCK_EX)  # nspawn writes to the same, and so holds it too
        self.root, self.log = self._folder / "root", self._folder / CONSOLE
        self.key, self.ssh_config = self._folder / "id_ed25519", self._folder / "ssh_config"
        self._process: subprocess.Popen[bytes] | None = None
        try:
            _must(["cp", "-a", "--reflink=auto", str(base), str(self.root)], self.log, f"cannot copy {base}")
            _set_up_clients(self.root, self.log)
            self._let_in()
            self._start()
            self._wait_until_up()
        except BaseException:
            self.down()
            raise

    def run(
        self,
        command: str,
        *,
        user: str | None = None,
        check: bool = True,
        timeout: float = 600,
        input: str = "",  # noqa: A002 — as subprocess calls it
    ) -> CompletedProcess[str]:
        """Run a line of bash over ssh, as root or in a login of ``user``, whatever that one's shell is."""
        line = f"bash -c {shlex.quote(command)}"
        if user:
            line = f"runuser -l {shlex.quote(user)} -s /bin/bash -c {shlex.quote(command)}"
        done = self._client(["ssh", "-F", str(self.ssh_config), "root@your-server", line], said=input, timeout=timeout)
        if check:
            who = user or "root"
            assert done.returncode == 0, f"{who}# {command}\nstatus {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def put(self, text: str, path: str, mode: int = 0o644) -> None:
        """Write a file of root's, and the folders above it."""
        self.run(f"install -D -m {mode:o} /dev/stdin {shlex.quote(path)}", input=text)

    def read(self, path: str) -> str:
        """The text of a file."""
        return self.run(f"cat {shlex.quote(path)}").stdout

    def copy(self, source: Path, target: str) -> None:
        """Copy a file, or a folder with all that is in it."""
        words = ["scp", "-q", "-r", "-F", str(self.ssh_config), str(source), f"root@your-server:{target}"]
        done = self._client(words, said="", timeout=300)
        assert done.returncode == 0, f"cannot copy {source} to {target}\n{done.stdout}{done.stderr}"

    def reboot(self) -> None:
        """Reboot as an administrator does, and wait until it is up again."""
        assert self._process
        self.run("systemctl reboot", check=False, timeout=60)
        status = self._process.wait(120)
        assert status == REBOOTS, f"it ended with {status}\n{CannotBoot('The console:', self.log)}"
        self._start()
        try:
            self._wait_until_up()
        except CannotBoot as not_up:
            raise AssertionError(f"after a reboot: {not_up}") from not_up

    def down(self) -> None:
        """End what was started here, and remove its files."""
        if self._process:
            _end(self._process)
        _unmount(Path("/run/systemd/nspawn/unix-export") / self._machine)
        _remove(self._folder)
        self._console.close()
        self._ports.release()

    def _let_in(self) -> None:
        done = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", str(self.key)]
        subprocess.run(done, check=True, timeout=30)
        keys = self.root / "root/.ssh"
        keys.mkdir(mode=0o700, exist_ok=True)
        shutil.copy(self.key.with_suffix(".pub"), keys / "authorized_keys")
        sshd = self.root / "etc/ssh/sshd_config.d/lab.conf"
        sshd.write_text(f"Port {self._port}\nListenAddress 127.0.0.1\n")
        options = {
            "HostName": "127.0.0.1",
            "Port": self._port,
            "User": "root",
            "IdentityFile": self.key,
            "IdentitiesOnly": "yes",
            "BatchMode": "yes",
            "StrictHostKeyChecking": "no",
            "UserKnownHostsFile": "/dev/null",
            "LogLevel": "ERROR",
            "ConnectTimeout": 10,
        }
        self.ssh_config.write_text("Host your-server\n" + "".join(f"  {name} {is_}\n" for name, is_ in options.items()))

    def _start(self) -> None:
        argv = ["setpriv", "--pdeathsig", "TERM", "systemd-nspawn", "--quiet", "--boot", "--directory", str(self.root)]
        argv += ["--register=no", "--keep-unit", f"--machine={self._machine}"]
        argv += ["--resolv-conf=copy-host", "--link-journal=no"]
        self._process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=self._console,
            stderr=self._console,
            start_new_session=True,
            # Debian from 13 on does not boot with the old control groups, which some machines still have.
            env=os.environ | {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
        )

    def _wait_until_up(self, seconds: float = 60) -> None:
        assert self._process
        until = time.monotonic() + seconds
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                done = self.run("systemctl is-system-running --wait", check=False, timeout=seconds)
                if done.stdout.strip() in {"running", "degraded"}:
                    return
            if self._process.poll() is not None:
                raise CannotBoot(f"the container ended with {self._process.returncode} instead of booting.", self.log)
            if time.monotonic() > until:
                raise CannotBoot(f"the container did not come up within {seconds:.0f} seconds.", self.log)
            time.sleep(0.2)

    def _client(self, words: Sequence[str], *, said: str, timeout: float) -> CompletedProcess[str]:
        return subprocess.run(
            words, input=said, capture_output=True, encoding="utf-8", errors="replace", timeout=timeout, check=False
        )


def _base(suite: str) -> Path:
    """The folder of the base system; built once, and anew when what it is made of changes."""
    base, building, log = CACHE / f"base-{suite}", CACHE / f"building-{suite}", CACHE / f"base-{suite}.log"
    mirror, security = _mirrors()
    made_of = "\n".join([PACKAGES, mirror, security, *FILES.values()])
    done = CACHE / f"base-{suite}.done"
    with _locked(f"base-{suite}"):
        if base.exists() and done.exists() and done.read_text() == made_of:
            return base
        done.unlink(missing_ok=True)
        for left in (base, building):
            _remove(left)
        log.unlink(missing_ok=True)
        try:
            _build(building, suite, (mirror, security), log)
        except BaseException:
            _remove(building)
            raise
        building.rename(base)
        done.write_text(made_of)
    return base


def _build(root: Path, suite: str, mirrors: tuple[str, str], log: Path) -> None:
    mirror, security = mirrors
    words = ["debootstrap", "--variant=minbase", f"--keyring={KEYRING}", f"--include={PACKAGES}", suite, str(root)]
    where = mirror or "its default mirror"
    _must([*words, *filter(None, [mirror])], log, f"debootstrap could not fetch Debian {suite} from {where}.")
    for name, text in FILES.items():
        (root / name).write_text(text)
    _set_up_clients(root, log)
    sources = root / "etc/apt/sources.list"
    plain = sources.read_text()  # debootstrap's own: one line with the mirror that it took
    mirror = plain.split()[1]
    more = f"deb {mirror} {suite}-updates main\n" + (f"deb {security} {suite}-security main\n" if security else "")
    sources.write_text(plain + more)
    update = ["chroot", str(root), "apt-get", "update", "-o", "APT::Update::Error-Mode=any"]
    if _run(update, log):
        sources.write_text(plain)
        _must(update, log, f"apt cannot fetch the package lists of {suite}.")
    _must(["chroot", str(root), "apt-get", "clean"], log, "apt cannot clean up.")
    for found in (root / "var/lib/apt/lists").glob("*_*"):  # a new server has none either
        found.unlink()


def _mirrors() -> tuple[str, str]:
    """Where this machine gets Debian and its security fixes from; empty when it is no Debian."""
    folder = Path("/etc/apt")
    files = [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))]
    text = "\n".join(file.read_text("utf-8", "replace") for file in files if file.is_file())
    text = re.sub(r"(?m)^\s*#.*", "", text)
    found = [re.search(rf"https?://\S+/{name}(?=/?(?:\s|$))", text) for name in ("debian", "debian-security")]
    return found[0].group() if found[0] else "", found[1].group() if found[1] else ""


def _set_up_clients(root: Path, log: Path) -> None:
    """Let apt, pip and TLS inside reach what they reach on this machine, the same way."""
    kept = r"Acquire::(https?::\S*|Check-Valid-Until|Check-Date|ForceIPv4) "
    if _has("apt-config"):
        told = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True, timeout=30).stdout
        lines = [line for line in told.splitlines() if re.match(kept, line, re.IGNORECASE)]
        (root / "etc/apt/apt.conf.d/80as-outside").write_text("".join(f"{line}\n" for line in lines))
    for file in (Path("/etc/pip.conf"), Path("/etc/resolv.conf")):
        if file.exists():
            inside = root / file.relative_to("/")
            inside.unlink(missing_ok=True)
            shutil.copy(file, inside)
    trusted, bundle = root / "usr/local/share/ca-certificates", Path("/etc/ssl/certs/ca-certificates.crt")
    trusted.mkdir(parents=True, exist_ok=True)
    own = [one for one in Path("/etc/ssl/certs").glob("*.pem") if not one.is_symlink()]
    for file in (*own, *Path("/usr/local/share/ca-certificates").rglob("*.crt")):
        shutil.copy(file, trusted / f"{file.stem}.crt")
    _must(["chroot", str(root), "update-ca-certificates"], log, "update-ca-certificates failed.")
    if bundle.exists():  # with what was only written into it
        shutil.copy(bundle, root / bundle.relative_to("/"))


def _must(argv: Sequence[str], log: Path, otherwise: str) -> None:
    if _run(argv, log):
        raise CannotBoot(otherwise, log)


def _run(argv: Sequence[str], log: Path) -> int:
    env = os.environ | {"LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
    with log.open("ab") as output:
        try:
            return subprocess.run(
                argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=env, check=False, timeout=1200
            ).returncode
        except subprocess.TimeoutExpired as late:
            output.write(f"{late}\n".encode())
            return 1


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let it shut down; kill it when that takes too long."""
    for sent, seconds in ((signal.SIGTERM, 20), (signal.SIGKILL, 20)):
        if process.poll() is None:
            os.killpg(process.pid, sent)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(seconds)


def _unmount(folder: Path) -> None:
    """Unmount what is mounted at or below ``folder``, the innermost first."""
    mounted = [line.split()[1].replace("\\040", " ") for line in Path("/proc/self/mounts").read_text().splitlines()]
    for path in reversed(mounted):
        if Path(path).is_relative_to(folder):
            subprocess.run(["umount", "--lazy", path], check=True, timeout=30)


def _remove(folder: Path) -> None:
    _unmount(folder)  # fails rather than let the next line reach what is mounted
    if folder.exists():
        shutil.rmtree(folder)


@contextlib.contextmanager
def _locked(name: str) -> Iterator[None]:
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _in_use(folder: Path) -> bool:
    try:
        with (folder / CONSOLE).open("ab") as console:
            fcntl.flock(console, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _is_free(port: int) -> bool:
    try:
        with socket.create_server(("", port)):
            return True
    except OSError:
        return False


def _has(name: str) -> bool:
    try:
        return bool(program(name))
    except Missing:
        return False


if __name__ == "__main__":
    if reason := unable():
        print(reason)
        sys.exit(CANNOT)
