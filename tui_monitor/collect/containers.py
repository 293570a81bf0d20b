"""In which container a process is, as its control group tells: docker, podman, containerd, CRI-O, LXC and systemd-nspawn.

A service or session of systemd is no container. Formats: systemd's scope names and the folders of cgroup v1 that each engine makes.
"""

from __future__ import annotations

import re

from tui_monitor.model import clean

_ID = r"([0-9a-f]{12})[0-9a-f]{20,52}"
_KNOWN = (
    ("docker", re.compile(rf"/docker[-/]{_ID}(\.scope)?(/|$)")),
    ("podman", re.compile(rf"/libpod(?:-payload)?-{_ID}(\.scope)?(/|$)")),
    ("containerd", re.compile(rf"(?:/|:)(?:cri-containerd|nerdctl|containerd)[-:]{_ID}(\.scope)?(/|$)")),
    ("cri-o", re.compile(rf"/crio-{_ID}(\.scope)?(/|$)")),
    ("kubernetes", re.compile(rf"/kubepods[^:]*/{_ID}(/|$)")),
    ("lxc", re.compile(r"/lxc(?:\.payload)?[./]([^/]{1,64})(/|$)")),
    ("nspawn", re.compile(r"/(?:machine\.slice/)?(?:systemd-nspawn@|machine-)([^/]{1,64})\.(?:service|scope)(/|$)")),
)


def container(cgroup: str) -> str:
    """The container of a `/proc/PID/cgroup`, for people: "docker 3f2a9c01b2d4"; "" where there is none that we know.

    >>> container("0::/system.slice/ollama.service")
    ''
    """
    for line in cgroup.splitlines()[:50]:
        path = line.split(":", 2)[-1]
        for engine, expression in _KNOWN:
            found = expression.search(path)
            if found:
                name = found[1].replace(r"\x2d", "-")
                return clean(f"{engine} {name}", 60)
    return ""
