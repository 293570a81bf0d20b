"""A process file system as small as a test needs it, over ports that are really served."""

from __future__ import annotations

from pathlib import Path


class FakeProc:
    """Writes what discovery reads of /proc."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._rows: list[str] = []
        (root / "net").mkdir()
        (root / "stat").write_text("cpu 0\nbtime 1700000000\n")
        (root / "self/ns").mkdir(parents=True)
        (root / "self/ns/net").symlink_to("net:[1]")
        self._write()

    def listen(self, port: int, inode: int, host: str = "0100007F", uid: int = 1000) -> None:
        self._row(f"{host}:{port:04X}", "00000000:0000", "0A", inode, uid)

    def connect(self, port: int, remote_port: int) -> None:
        self._row(f"0100007F:{port:04X}", f"0100007F:{remote_port:04X}", "01", 0, 0)

    def process(
        self, pid: int, command: str, *, inodes: tuple[int, ...] = (), comm: str = "", parent: int = 1, net: str = "net:[1]"
    ) -> None:
        home = self.root / str(pid)
        (home / "fd").mkdir(parents=True)
        (home / "ns").mkdir()
        (home / "ns/net").symlink_to(net)
        words = command.split()
        (home / "cmdline").write_bytes(b"\0".join(word.encode() for word in words) + b"\0")
        name = comm or words[0].rpartition("/")[2][:15]
        (home / "stat").write_text(f"{pid} ({name}) S {parent} " + "0 " * 17 + "50000 0 0\n")
        for number, inode in enumerate(inodes):
            (home / "fd" / str(number + 3)).symlink_to(f"socket:[{inode}]")

    def _row(self, local: str, remote: str, state: str, inode: int, uid: int) -> None:
        self._rows.append(
            f"{len(self._rows):4}: {local} {remote} {state} 00000000:00000000 00:00000000 00000000 {uid:5} 0 {inode} 1 0 100 0 0 10 0"
        )
        self._write()

    def _write(self) -> None:
        (self.root / "net/tcp").write_text("\n".join(["  sl  local_address rem_address   st ...", *self._rows]) + "\n")
