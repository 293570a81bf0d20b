"""Which file systems can hold a write-ahead log: it needs memory that all processes share, and locks that hold. A network's have neither."""

from __future__ import annotations

from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "beegfs", "gpfs", "ncpfs")


def network_of(path: Path) -> str:
    """The kind of file system that a file is on, where that is one of the network or of a program (FUSE); else nothing.

    Read from the kernel's table of mounts, as statfs would tell it; nothing too where that cannot be read.
    """
    kind = kind_of(path)
    return kind if kind in _NETWORK or kind == "fuse" or kind.startswith("fuse.") else ""


def kind_of(path: Path) -> str:
    """The kind of the file system that holds a path: that of the longest mount point over it, the newest where several are equal."""
    try:
        lines = MOUNTS.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    place = path.absolute().parent.resolve()
    found, longest = "", -1
    for line in lines:
        fields, _, rest = line.partition(" - ")
        parts, kinds = fields.split(" "), rest.split(" ")
        if len(parts) < 5:
            continue
        mount = Path(_plain(parts[4]))
        if len(mount.parts) >= longest and place.is_relative_to(mount):
            found, longest = kinds[0], len(mount.parts)
    return found


def _plain(text: str) -> str:
    """Undo the kernel's escapes for space, tab, newline and backslash."""
    for code, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, char)
    return text
