"""GPUs and hosts elsewhere, as their exporters tell of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tui_monitor.analyse.target import TargetNumbers
from tui_monitor.collect.exposition import PageReader
from tui_monitor.collect.servers.dcgm_exporter import DCGM_EXPORTER, Device, devices
from tui_monitor.collect.servers.kind import fits
from tui_monitor.collect.servers.node_exporter import NODE_EXPORTER
from tui_monitor.mapping import Says
from tui_monitor.model import Page

PAGES = Path(__file__).parent.parent / "pages"
H100 = "GPU-8f1c0a52-1111-4e2b-9d00-6c2a5d3e9f01"
SLICED = "GPU-8f1c0a52-2222-4e2b-9d00-6c2a5d3e9f02"


def page(text: str) -> Page:
    read = PageReader().read(text.encode())
    assert isinstance(read, Page)
    return read


def numbers(says: Says, *texts: str) -> TargetNumbers:
    """The target after pages that came 10 s apart."""
    target = TargetNumbers(says, 10.0)
    reader = PageReader()
    for i, text in enumerate(texts):
        read = reader.read(text.encode())
        assert isinstance(read, Page)
        target.observe(1000.0 + 10 * i, read)
    return target


def test_gpus_and_their_slices_are_told_apart() -> None:
    text = (PAGES / "dcgm-exporter/metrics.prom").read_text()
    assert devices(page(text).layout) == {
        (H100, ""): Device(0, "NVIDIA H100 80GB HBM3", "gpu-node-7"),
        (SLICED, "1"): Device(1, "NVIDIA H100 80GB HBM3", "gpu-node-7", "MIG 1 3g.40gb"),
        (SLICED, "2"): Device(1, "NVIDIA H100 80GB HBM3", "gpu-node-7", "MIG 2 3g.40gb"),
    }


def test_a_gpu_in_si_units() -> None:
    measured = numbers(DCGM_EXPORTER.says, (PAGES / "dcgm-exporter/metrics.prom").read_text()).measure(1000.0)
    gpu = measured.models[H100, ""]
    assert gpu["gpu.util"] == pytest.approx(0.87)
    assert gpu["gpu.memory.used"] == 61440 * 2**20
    assert gpu["gpu.memory.total"] == (61440 + 20480) * 2**20
    assert gpu["gpu.memory.used.ratio"] == pytest.approx(0.75)
    assert gpu["gpu.temperature"] == 61
    assert gpu["gpu.power"] == pytest.approx(412.734)
    assert gpu["gpu.clock.sm"] == 1755e6
    assert measured.metrics["gpu.memory.used.ratio"] == pytest.approx(0.75)  # of the fullest
    assert measured.metrics["gpu.xid"] == 31


def test_what_the_gpu_does_not_support_is_no_number() -> None:
    measured = numbers(DCGM_EXPORTER.says, (PAGES / "dcgm-exporter/metrics.prom").read_text()).measure(1000.0)
    slice_ = measured.models[SLICED, "1"]
    assert (slice_["gpu.util"], slice_["gpu.power"]) == (None, None)  # 2147483632 and 140737488355328
    assert slice_["gpu.temperature"] == 44
    assert slice_["gpu.memory.used.ratio"] == pytest.approx(10320 / 40320)


def test_a_field_that_the_exporter_was_not_told_to_read_names_it() -> None:
    measured = numbers(DCGM_EXPORTER.says, (PAGES / "dcgm-exporter/metrics.bare.prom").read_text()).measure(1000.0)
    assert measured.metrics["gpu.clock.sm"] == 210e6
    assert "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL" in measured.absent["gpu.ecc.uncorrected"]
    assert "default-counters.csv" in measured.absent["gpu.throttled"]
    assert measured.metrics["gpu.util"] is None


def test_a_host_elsewhere_means_what_this_one_means() -> None:
    text = (PAGES / "node-exporter/metrics.prom").read_text()
    later = re.sub(r'(node_cpu_seconds_total\{cpu="0",mode="user"\}) (\S+)', lambda m: f"{m[1]} {float(m[2]) + 4:.2f}", text)
    later = re.sub(r'(node_cpu_seconds_total\{cpu="0",mode="iowait"\}) (\S+)', lambda m: f"{m[1]} {float(m[2]) + 6:.2f}", later)
    later = re.sub(r'(node_cpu_seconds_total\{cpu="1",mode="idle"\}) (\S+)', lambda m: f"{m[1]} {float(m[2]) + 10:.2f}", later)
    later = re.sub(r'(node_network_receive_bytes_total\{device="eth0"\}) (\S+)', lambda m: f"{m[1]} {float(m[2]) + 5e6:.0f}", later)
    later = re.sub(r"(?m)^(node_pressure_cpu_waiting_seconds_total) (\S+)", lambda m: f"{m[1]} {float(m[2]) + 2.5:.6f}", later)
    metrics = numbers(NODE_EXPORTER.says, text, later).measure(1010.0).metrics
    total, available = (
        float(re.search(rf"(?m)^node_memory_{name}_bytes (\S+)", text)[1])  # type: ignore[index]
        for name in ("MemTotal", "MemAvailable")
    )
    assert metrics["cpu.util"] == pytest.approx(0.2)  # of 20 s of two cores; waiting for a disk is not use
    assert metrics["memory.used"] == total - available
    assert metrics["memory.used.ratio"] == pytest.approx((total - available) / total)
    assert metrics["swap.used"] == 0
    assert metrics["disk.used.ratio"] == pytest.approx(0.9)  # /data; a full tmpfs is no disk
    assert metrics["net.rx"] == pytest.approx(5e5)
    assert metrics["pressure.cpu"] == pytest.approx(0.25)


def test_a_kernel_without_pressure_says_so() -> None:
    text = (PAGES / "node-exporter/metrics.prom").read_text()
    bare = "".join(line for line in text.splitlines(keepends=True) if "pressure" not in line)
    measured = numbers(NODE_EXPORTER.says, bare, bare).measure(1010.0)
    assert measured.metrics["pressure.io"] is None
    assert "--collector.pressure" in measured.absent["pressure.io"]


@pytest.mark.parametrize(
    ("kind", "command"),
    [
        (DCGM_EXPORTER, "/usr/bin/dcgm-exporter -f /etc/dcgm-exporter/default-counters.csv"),
        (DCGM_EXPORTER, "dcgm-exporter"),
        (NODE_EXPORTER, "/usr/bin/prometheus-node-exporter --web.listen-address=127.0.0.1:9100"),
        (NODE_EXPORTER, "/bin/node_exporter --path.rootfs=/host"),
    ],
)
def test_the_command_line_tells_the_kind(kind: object, command: str) -> None:
    assert [one.name for one in (DCGM_EXPORTER, NODE_EXPORTER) if fits(one.process, tuple(command.split()))] == [kind.name]  # type: ignore[attr-defined]
