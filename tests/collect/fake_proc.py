"""A process file system as small as a test needs it, over ports that are really served."""

from __future__ import annotations

import shutil
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

    def listen_all(self, ports: dict[int, int]) -> None:
        """Many ports at once: port -> inode."""
        self._rows += [
            _line(f"0100007F:{port:04X}", "00000000:0000", "0A", inode, 1000, number) for number, (port, inode) in enumerate(ports.items())
        ]
        self._write()

    def connect(self, port: int, remote_port: int) -> None:
        self._row(f"0100007F:{port:04X}", f"0100007F:{remote_port:04X}", "01", 0, 0)

    def process(
        self,
        pid: int,
        command: str,
        *,
        inodes: tuple[int, ...] = (),
        comm: str = "",
        parent: int = 1,
        net: str = "net:[1]",
        uid: int | None = None,
        cgroup: str = "",
        ticks: int = 50000,
    ) -> Path:
        """One process; `net` other than "net:[1]" is another network namespace, "" one that the kernel does not tell."""
        home = self.root / str(pid)
        (home / "fd").mkdir(parents=True)
        (home / "ns").mkdir()
        if net:
            (home / "ns/net").symlink_to(net)
        words = command.split()
        (home / "cmdline").write_bytes(b"\0".join(word.encode() for word in words) + b"\0")
        name = comm or words[0].rpartition("/")[2][:15]
        (home / "stat").write_text(f"{pid} ({name}) S {parent} " + "0 " * 17 + f"{ticks} 0 0\n")
        if uid is not None:
            (home / "status").write_text(f"Name:\t{name}\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n")
        if cgroup:
            (home / "cgroup").write_text(cgroup)
        self.hold(pid, *inodes)
        return home

    def hold(self, pid: int, *inodes: int) -> None:
        """A process opens sockets."""
        folder = self.root / str(pid) / "fd"
        for number, inode in enumerate(inodes, len(list(folder.iterdir())) + 3):
            (folder / str(number)).symlink_to(f"socket:[{inode}]")

    def end(self, pid: int, heir: int = 1) -> None:
        """A process ends; its children get another parent."""
        shutil.rmtree(self.root / str(pid))
        for stat in self.root.glob("[0-9]*/stat"):
            before, _, after = stat.read_text().partition(f") S {pid} ")
            if after:
                stat.write_text(f"{before}) S {heir} {after}")

    def next_door(self, pid: int, ports: dict[int, int], address: str = "") -> None:
        """What a process of another network namespace sees there: port -> inode, and its address."""
        net = self.root / str(pid) / "net"
        net.mkdir()
        rows = [
            _line(f"00000000:{port:04X}", "00000000:0000", "0A", inode, 0, number) for number, (port, inode) in enumerate(ports.items())
        ]
        (net / "tcp").write_text("\n".join(["  sl  local_address rem_address   st ...", *rows]) + "\n")
        if address:
            (net / "fib_trie").write_text(
                f"Local:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 127.0.0.1\n        /32 host LOCAL\n     |-- {address}\n        /32 host LOCAL\n"
            )

    def _row(self, local: str, remote: str, state: str, inode: int, uid: int) -> None:
        self._rows.append(_line(local, remote, state, inode, uid, len(self._rows)))
        self._write()

    def _write(self) -> None:
        (self.root / "net/tcp").write_text("\n".join(["  sl  local_address rem_address   st ...", *self._rows]) + "\n")


def _line(local: str, remote: str, state: str, inode: int, uid: int, number: int) -> str:
    return f"{number:4}: {local} {remote} {state} 00000000:00000000 00:00000000 00000000 {uid:5} 0 {inode} 1 0 100 0 0 10 0"
