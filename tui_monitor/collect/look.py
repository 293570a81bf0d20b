"""Who listens on this host: sockets and the processes behind them, and which of them are worth a question."""

from __future__ import annotations

import os
import re
from pathlib import Path

from tui_monitor.collect.processes import Host, Process
from tui_monitor.collect.servers.kind import fits
from tui_monitor.collect.servers.registry import KINDS
from tui_monitor.collect.sockets import Listener, listeners

# Spoken to in other protocols than HTTP, or with nothing to find behind them: GETs there are only noise in somebody's log.
OTHER_PORTS = frozenset({
    21, 22, 23, 25, 53, 88, 110, 111, 123, 135, 139, 143, 179, 389, 443, 445, 465, 514, 515, 587, 631, 636, 873, 993, 995, 1433,
    1521, 1883, 2049, 2181, 2375, 2376, 2379, 2380, 3128, 3306, 3389, 4222, 5432, 5671, 5672, 5900, 6379, 6380, 6443, 8883, 9042,
    9092, 9200, 9300, 10250, 10255, 11211, 26379, 27017, 50051,
})  # fmt: skip
OTHER_PROCESSES = re.compile(
    r"(sshd|dbus|systemd.*|cupsd|rpcbind|rpc\..*|master|postgres|mysqld|mariadbd|redis-server|valkey-server|mongod|memcached|dnsmasq|named|ntpd"
    r"|chronyd|dockerd|containerd.*|kubelet|kube-.*|etcd|coredns|crio|Xorg|Xvfb|Xtigervnc|nginx|haproxy|envoy|traefik|caddy|apache2|httpd|squid"
    r"|raylet|gcs_server|plasma.*|prometheus|promtail|loki|tempo|mimir|thanos|victoria-.*|vmagent|grafana.*|alertmanager|pushgateway"
    r"|node[-_]exporter|prometheus-node|.*_exporter|cadvisor|otelcol.*|telegraf|influxd|fluent-bit|vector|java_exporter|code-server|node)"
)
WORKERS = re.compile(  # of any kind: what they listen on is for their server alone
    r"^(VLLM::|ray::|sglang::|ray-dashboard-)|^(\S*/)?python[0-9.]* .*(from multiprocessing|resource_tracker|/ray/(_private|dashboard|autoscaler)/)"
    r"|ray\.util\.client\.server|triton_python_backend_stub|/model_service_worker\.py|(^|/)ollama(_llama_server)? runner|ollama_llama_server"
)
OTHER_COMMANDS = re.compile(
    r"ipykernel_launcher|debugpy|(^|[ /])(tensorboard|jupyter(-\w+)?|torchrun)( |$)|-m (torch\.distributed\.\w+|jupyter\w*) "
    r"|-m tui_monitor\.demo\."  # somebody tries the demo: what it plays is no server of this host, and stopping it no incident
)
FORWARDERS = re.compile(r"(docker-proxy|rootlessport|rootlesskit|slirp4netns|pasta.*|conmon|ssh|socat|kube-proxy)")  # not the server itself
TOOLS = re.compile(  # have a server's name on their command line without being one
    r"(ba|da|z|fi|)sh|vi|n?vim|nano|emacs|less|tail|grep|watch|timeout|sudo|ssh|tmux.*|screen|docker|podman|nerdctl|kubectl|nohup|setsid|nice|strace|gdb"
)


class Look:
    """The host as it stood at one moment. What could not be seen is told in `unseen`."""

    def __init__(self, root: Path = Path("/proc")) -> None:
        """Looks; takes some 50 ms on a busy host, and may hang in the kernel with a stuck process: not for the event loop."""
        self.host = host = Host(root)
        self.root = root
        self.unseen: list[str] = []
        found: list[Listener] = []
        pids: list[int] = []
        try:
            found = listeners(root)
        except OSError as error:
            self.unseen.append(f"listening sockets: {error.strerror or 'not shown'} ({root}/net/tcp)")
        try:
            pids = host.pids()
        except OSError as error:
            self.unseen.append(f"processes: {error.strerror or 'not shown'} ({root})")
        self.sockets = frozenset(one.inode for one in found)
        self.ports: dict[int, list[Listener]] = {}
        for one in found:
            self.ports.setdefault(one.port, []).append(one)
        self.processes: dict[int, Process] = {pid: process for pid in pids if (process := host.process(pid)) is not None}
        self._holders = host.holders(self.sockets, sorted(self.processes, key=lambda pid: (self.processes[pid].ticks, pid)))
        self._ports_of: dict[int, set[int]] = {}
        for one in found:
            for pid in self._holders.get(one.inode, []):
                self._ports_of.setdefault(pid, set()).add(one.port)
        self._children: dict[int, list[int]] = {}
        for process in self.processes.values():
            self._children.setdefault(process.parent, []).append(process.pid)

    def owners(self, port: int) -> list[Process]:
        """The processes that hold a port's listening socket, as far as they are ours to see; the eldest first."""
        pids = {pid for one in self.ports.get(port, []) for pid in self._holders.get(one.inode, [])}
        return sorted((self.processes[pid] for pid in pids), key=lambda process: (process.ticks, process.pid))

    def family(self, pid: int) -> list[int]:
        """A process and those above it: a server started by a launcher listens in a child."""
        line: list[int] = []
        while pid in self.processes and len(line) < 8:
            line.append(pid)
            pid = self.processes[pid].parent
        return line

    def below(self, pid: int) -> list[int]:
        """A process and all that came from it."""
        found = [pid] if pid in self.processes else []
        seen = set(found)
        for one in found:  # grows while it is walked
            fresh = [child for child in self._children.get(one, []) if child not in seen]
            seen.update(fresh)
            found += fresh
        return found

    def ports_of(self, pids: list[int]) -> set[int]:
        """The ports that some processes hold."""
        return set().union(*(self._ports_of.get(pid, ()) for pid in pids))

    def sharers(self, pid: int) -> set[int]:
        """Other processes that hold one of its listening sockets."""
        return {other for held in self._holders.values() if pid in held for other in held} - {pid}

    def is_worker(self, process: Process) -> bool:
        """Whether its command line says that it works for a server."""
        words = process.words or (process.comm,)
        return WORKERS.search(" ".join(words)) is not None or any(fits(kind.workers, words) for kind in KINDS.values())

    def may_serve(self, process: Process) -> bool:
        """Whether a process may be a server of models at all: not a worker of one, not a tool, not ourselves."""
        return process.pid != os.getpid() and not TOOLS.fullmatch(process.comm) and not self.is_worker(process)

    def worth_asking(self, port: int) -> bool:
        """Whether a model server may be behind a port of unknown purpose."""
        if port in OTHER_PORTS:
            return False
        owners = self.owners(port)
        if not owners:
            return True  # another user's: its answers have to tell
        return any(FORWARDERS.fullmatch(one.comm) or self.may_be_asked(one) for one in owners)

    def may_be_asked(self, process: Process) -> bool:
        """Whether the port of a process is worth a question."""
        return (
            self.may_serve(process)
            and not OTHER_PROCESSES.fullmatch(process.comm)
            and OTHER_COMMANDS.search(" ".join(process.words)) is None
        )
