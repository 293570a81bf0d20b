"""The Prometheus project's node exporter: another host's cores, memory, disks and network.

This host is measured directly (`collect.host`), so a node exporter on it is not looked for; one that the configuration names is a host
elsewhere. Numbers mean what they mean for this host: a core that waits for a disk is not in use, memory in use is what new programs
cannot have, and of file systems the fullest counts.
"""

from __future__ import annotations

from tui_monitor.collect.servers.kind import Kind, Page
from tui_monitor.mapping import Latest, Rate, Says, Share, latest, per, rate, total

_cpu = total("node_cpu_seconds_total", unless={"mode": "guest|guest_nice"})  # guests are counted in user and nice already
_unused = total("node_cpu_seconds_total", where={"mode": "idle|iowait"})
_memory = total("node_memory_MemTotal_bytes", "node_memory_MemTotal")
_available = total("node_memory_MemAvailable_bytes", "node_memory_MemAvailable")
_swap, _swap_free = total("node_memory_SwapTotal_bytes"), total("node_memory_SwapFree_bytes")
_no_disk = {"fstype": "tmpfs|ramfs|overlay|squashfs|iso9660|devtmpfs|nsfs|fuse.lxcfs|rpc_pipefs|autofs|erofs"}
_size = total("node_filesystem_size_bytes", "node_filesystem_size", unless=_no_disk)
_free = total("node_filesystem_free_bytes", "node_filesystem_free", unless=_no_disk)
_avail = total("node_filesystem_avail_bytes", "node_filesystem_avail", unless=_no_disk)
_inside = {"device": "lo|veth.*|docker.*|br-.*|cni.*|flannel.*|cali.*|virbr.*|ifb.*|dummy.*"}


def _flow(direction: str) -> Rate:
    return rate(total(f"node_network_{direction}_bytes_total", f"node_network_{direction}_bytes", unless=_inside))


def _pressure(resource: str) -> Rate:
    return rate(total(f"node_pressure_{resource}_waiting_seconds_total"))


_psi = "this kernel does not measure pressure (PSI), or the collector is off (--collector.pressure)"

NODE_EXPORTER = Kind(
    name="node-exporter",
    api_port=9100,
    metrics=Page(0, "/metrics"),
    process=r"^(\S*/)?(prometheus-)?node[_-]exporter( |$)",
    families=("node_exporter_build_info", "node_cpu_seconds_total"),
    says=Says(
        measures={
            "cpu.util": per(rate(_cpu - _unused), rate(_cpu)),
            "load.1m": latest("node_load1"),
            "memory.used": Latest(_memory - _available),
            "memory.total": Latest(_memory),
            "memory.used.ratio": Share(_memory - _available, _memory),
            "swap.used": Latest(_swap - _swap_free),
            "disk.used.ratio": Share(_size - _free, _size - _free + _avail),  # as df counts: what is kept for root is nobody's
            "net.rx": _flow("receive"),
            "net.tx": _flow("transmit"),
            **{f"pressure.{resource}": _pressure(resource) for resource in ("cpu", "memory", "io")},
        },
        by=("mountpoint",),
        about="host",
        waiting=(),
        needs={f"pressure.{resource}": _psi for resource in ("cpu", "memory", "io")},
    ),
)
