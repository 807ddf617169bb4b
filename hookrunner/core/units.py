"""The files that make a machine a deploy server: systemd units, nginx includes, sshd and logrotate, as texts."""

from pathlib import Path
from typing import NamedTuple

from hookrunner.model.server import Settings

PUBLISHER = "hookrunner-publisher"
RENEW = "hookrunner-renew"
SOCKET = Path("/run/hookrunner/publisher.sock")
LOGS = Path("/var/log/hookrunner")
OURS = "Written by `hookrunner setup`; a change here is lost with its next run."

# What both services go without (systemd.exec(5)).
_SANDBOX = """\
NoNewPrivileges=yes
ProtectSystem=full
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
KeyringMode=private
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
"""


class Place(NamedTuple):
    """Where hookrunner is installed and configured."""

    python: Path  # of the virtual environment
    command: Path
    config: Path
    user: str  # that runs hooks, ACME and renewals

    @property
    def keys(self) -> Path:
        """The file of deploy keys."""
        return self.config.parent / "authorized_keys"


def publisher_socket(place: Place) -> str:
    """The socket that the hook's user may write to (systemd.socket(5)).

    Too many connections at once are dropped, and tried again by whoever asks; they must never stop the socket.
    """
    return f"""\
# {OURS}
[Unit]
Description=hookrunner: the way to the publisher, which alone has nginx and the private keys

[Socket]
ListenStream={SOCKET}
Accept=yes
SocketUser=root
SocketGroup={place.user}
SocketMode=0660
MaxConnections=64
TriggerLimitIntervalSec=0

[Install]
WantedBy=sockets.target
"""


def publisher_service(place: Place, settings: Settings) -> str:
    """The publisher for one connection: root, less nearly all that root can do.

    What is left is what `nginx -t` needs (it opens every log and binds every port), and to become the hook's user
    where that one's folders are touched.
    """
    return f"""\
# {OURS}
[Unit]
Description=hookrunner: the publisher, for one request
Documentation=man:systemd.exec(5)
CollectMode=inactive-or-failed

[Service]
ExecStart={place.python} -I -m hookrunner.publisher {place.config}
StandardInput=socket
StandardOutput=socket
StandardError=journal
SyslogIdentifier={PUBLISHER}
WorkingDirectory=/
RuntimeMaxSec=30min
TasksMax=64
LimitNOFILE=65536
CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_NET_BIND_SERVICE CAP_SETGID CAP_SETUID
ReadWritePaths={settings.nginx.sites} {settings.state}
MemoryDenyWriteExecute=yes
{_SANDBOX}"""


def renew_service(place: Place, settings: Settings) -> str:
    """What the timer runs, as the hook's user."""
    return f"""\
# {OURS}
[Unit]
Description=hookrunner: certificates that wait or are due, and deploys that were broken off
After=network-online.target nginx.service {PUBLISHER}.socket
Wants=network-online.target

[Service]
Type=oneshot
User={place.user}
ExecStart={place.command} --config {place.config} renew
TimeoutStartSec=2h
WorkingDirectory=/
CapabilityBoundingSet=
ReadWritePaths={settings.state}
{_SANDBOX}"""


def renew_timer() -> str:
    """Every five minutes, not at the same second as everybody else; what was missed is made up for."""
    return f"""\
# {OURS}
[Unit]
Description=hookrunner: every five minutes

[Timer]
OnCalendar=*:0/5
RandomizedDelaySec=90
Persistent=yes

[Install]
WantedBy=timers.target
"""


def nginx_include(settings: Settings, version: tuple[int, int, int]) -> str:
    """Inside http {}: hookrunner's files, and time for a kept connection to bring its next request at a reload."""
    kept = "keepalive_min_timeout 30s;\n" if version >= (1, 27, 4) else ""
    return f"# {OURS}\n{kept}include {settings.nginx.sites}/*.conf;\n"


def nginx_main() -> str:
    """Outside of http {}: how long old workers may finish downloads and WebSockets after a reload."""
    return f"# {OURS}\nworker_shutdown_timeout 6h;\n"


def sshd(place: Place) -> str:
    """What a deploy key may do: what `hookrunner ssh` lets through, and nothing else (sshd_config(5))."""
    return f"""\
# {OURS}
Match User {place.user}
    AuthorizedKeysFile {place.keys}
    AuthorizedKeysCommand none
    TrustedUserCAKeys none
    AuthenticationMethods publickey
    ForceCommand {place.command} --config {place.config} ssh
    ExposeAuthInfo yes
    DisableForwarding yes
    PermitTTY no
    PermitUserRC no
"""


def bash_completion(place: Place) -> str:
    """Read by bash when somebody first completes the command (bash-completion's README)."""
    return f'# {OURS}\neval "$({place.command} completion bash)"\n'


def logrotate(folder: Path, worker: str) -> str:
    """For each app's access and error log (logrotate(8))."""
    return f"""\
# {OURS}
{folder}/*.log {{
    daily
    rotate 14
    maxage 60
    missingok
    notifempty
    compress
    delaycompress
    create 0640 {worker} adm
    sharedscripts
    postrotate
        systemctl kill --kill-whom=main --signal=USR1 nginx.service
    endscript
}}
"""
