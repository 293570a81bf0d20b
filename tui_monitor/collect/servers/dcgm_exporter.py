"""NVIDIA's DCGM exporter: the GPUs of another host, or of this one where the driver's library cannot be asked.

A CSV file on its side decides which fields exist; ECC counters and throttle reasons are switched off in the default one. A MIG slice is a
series of its own beside its GPU: devices are known by UUID and GPU_I_ID. Numbers change only as often as the exporter samples (30 s by
default), and a field that the GPU does not support has a value near the end of its type's range.
"""

from __future__ import annotations

from msgspec import Struct

from tui_monitor.collect.servers.kind import Ask, Kind, Page
from tui_monitor.mapping import Latest, Says, Share, first, latest, total
from tui_monitor.model import Layout, clean

BLANK = 2147483632.0  # DCGM_INT32_BLANK; the blanks of the wider types lie above it (dcgm_structs.h)
MIB = 2.0**20
MEGAHERTZ = 1e6
_used = total("DCGM_FI_DEV_FB_USED")
_free = total("DCGM_FI_DEV_FB_FREE")
_in_csv = "is not in the exporter's list of counters (-f, default-counters.csv)"

DCGM_EXPORTER = Kind(
    name="dcgm-exporter",
    api_port=9400,
    metrics=Page(0, "/metrics"),
    ready=Ask("/health", accept=(200, 404, 500, 503)),
    read_ready=lambda status, _: status in (200, 404),  # old ones have no /health
    process=r"^(\S*/)?dcgm-exporter( |$)",
    families=("DCGM_FI_",),
    says=Says(
        measures={
            "gpu.util": latest("DCGM_FI_DEV_GPU_UTIL", worst=True, unit=0.01),
            "gpu.memory.used": Latest(_used, unit=MIB),
            "gpu.memory.total": first(latest("DCGM_FI_DEV_FB_TOTAL", unit=MIB), Latest(_used + _free, unit=MIB)),
            "gpu.memory.used.ratio": Share(_used, _used + _free),
            "gpu.temperature": latest("DCGM_FI_DEV_GPU_TEMP", worst=True),
            "gpu.power": latest("DCGM_FI_DEV_POWER_USAGE"),
            "gpu.power.limit": latest("DCGM_FI_DEV_POWER_MGMT_LIMIT", "DCGM_FI_DEV_ENFORCED_POWER_LIMIT"),
            "gpu.clock.sm": latest("DCGM_FI_DEV_SM_CLOCK", worst=True, unit=MEGAHERTZ),
            "gpu.ecc.corrected": latest("DCGM_FI_DEV_ECC_SBE_VOL_TOTAL"),
            "gpu.ecc.uncorrected": latest("DCGM_FI_DEV_ECC_DBE_VOL_TOTAL"),
            "gpu.xid": latest("DCGM_FI_DEV_XID_ERRORS", worst=True),
        },
        by=("UUID", "GPU_I_ID"),
        about="gpu",
        waiting=(),
        needs={
            "gpu.power.limit": f"DCGM_FI_DEV_POWER_MGMT_LIMIT {_in_csv}",
            "gpu.ecc.corrected": f"DCGM_FI_DEV_ECC_SBE_VOL_TOTAL {_in_csv}",
            "gpu.ecc.uncorrected": f"DCGM_FI_DEV_ECC_DBE_VOL_TOTAL {_in_csv}",
        },
        cannot={"gpu.throttled": f"DCGM_FI_DEV_CLOCK_THROTTLE_REASONS {_in_csv}"},
        blank=BLANK,
    ),
)


class Device(Struct, frozen=True):
    """A GPU, or a slice of one, as the exporter's labels name it."""

    index: int
    name: str
    host: str
    slice: str = ""  # GPU_I_ID and profile of a MIG instance


def devices(layout: Layout) -> dict[tuple[str, str], Device]:
    """(UUID, GPU_I_ID) -> what the labels say of that device."""
    found: dict[tuple[str, str], Device] = {}
    for key in layout.series:
        if not key.name.startswith("DCGM_FI_"):
            continue
        labels = dict(key.labels)
        uuid, instance = clean(labels.get("UUID", "")), clean(labels.get("GPU_I_ID", ""))
        if uuid and (uuid, instance) not in found:
            number = labels.get("gpu", "")
            found[uuid, instance] = Device(
                index=int(number) if number.isdecimal() and len(number) < 5 else len(found),
                name=clean(labels.get("modelName", ""), 60) or "GPU",
                host=clean(labels.get("Hostname", ""), 60),
                slice=f"MIG {instance} {clean(labels.get('GPU_I_PROFILE', ''), 20)}".rstrip() if instance else "",
            )
    return found
