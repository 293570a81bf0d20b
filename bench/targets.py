"""How much the engine costs with many targets: its CPU, memory and late ticks, as the kernel counts them.

    python bench/targets.py --targets 500 --interval 5s --seconds 60            all answer
    python bench/targets.py --targets 500 --hanging 10                          every tenth accepts and never answers
    python bench/targets.py --targets 1000 --seconds 30                         does it still start?

A server in a process of its own answers for all targets on fifty loopback ports, each with a page of 55 kB in vLLM's shape whose numbers
grow; the engine is the real one (`tui-monitor engine`) with a configuration and directories of its own. Health, version and models are
asked as well, as in production.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "tests/pages/vllm/metrics.prom"
PORTS = 50
VARIANTS = 600  # a new one every other second: 20 minutes until the counters begin again, as after a restart


class Answers(asyncio.Protocol):
    """A minimal HTTP/1.1 server with ready-made answers."""

    pages: list[bytes] = []
    hanging = 0
    asked = 0
    begun_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.rest = b""

    def data_received(self, data: bytes) -> None:
        self.rest += data
        while (end := self.rest.find(b"\r\n\r\n")) >= 0:
            head, self.rest = self.rest[:end], self.rest[end + 4 :]
            path = head.split(b" ", 2)[1]
            target = path.split(b"/")[1][1:]
            number = int(target) if target.isdigit() else 1  # others look around on this host, too
            if self.hanging and number % self.hanging == 0:
                return
            Answers.asked += 1
            if path.endswith(b"/metrics"):
                self.transport.write(self.pages[int((time.monotonic() - self.begun_s) / 2) % VARIANTS])
            elif path.endswith(b"/v1/models"):
                self.transport.write(answer(b'{"data":[{"id":"tiny","owned_by":"vllm"}]}'))
            elif path.endswith(b"/version"):
                self.transport.write(answer(b'{"version":"0.32.0"}'))
            else:
                self.transport.write(answer(b""))


def answer(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def pages() -> list[bytes]:
    """The captured page with every counter larger from variant to variant."""
    lines = PAGE.read_text().splitlines()

    def grown(line: str, step: int) -> str:
        name, _, value = line.rpartition(" ")
        if line.startswith("#") or not re.search(r"_(total|count|sum|bucket)\b", name) or not re.fullmatch(r"[0-9.e+]+", value):
            return line
        return f"{name} {float(value) * (1 + step / 100):.1f}"

    return [answer("\n".join(grown(line, step) for line in lines).encode() + b"\n") for step in range(VARIANTS)]


async def serve(ports: int, hanging: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    Answers.pages, Answers.hanging, Answers.begun_s = pages(), hanging, time.monotonic()
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(Answers, "127.0.0.1", 0, backlog=2048) for _ in range(ports)]
    print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def engine(*words: str, environment: dict[str, str]) -> dict[str, object]:
    done = subprocess.run([sys.executable, "-m", "tui_monitor", *words], env=environment, capture_output=True, text=True, check=False)
    with contextlib.suppress(ValueError):
        return dict(json.loads(done.stdout))
    return {}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", type=int, default=500)
    parser.add_argument("--interval", default="5s")
    parser.add_argument("--tick", default="2s")
    parser.add_argument("--hanging", type=int, default=0, help="every so many-th target accepts and never answers")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--warm", type=float, default=20.0)
    parser.add_argument("--no-recording", action="store_true")
    parser.add_argument("--serve", type=int, default=0, help=argparse.SUPPRESS)
    call = parser.parse_args()
    if call.serve:
        asyncio.run(serve(call.serve, call.hanging))
        return 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = os.environ | {"PYTHONPATH": str(ROOT), "XDG_RUNTIME_DIR": name, "XDG_STATE_HOME": name, "XDG_CONFIG_HOME": name}
        server = subprocess.Popen(
            [sys.executable, __file__, "--serve", str(PORTS), "--hanging", str(call.hanging)], stdout=subprocess.PIPE, text=True
        )
        watched = None
        try:
            ports = (server.stdout or sys.stdin).readline().split()
            config = folder / "bench.toml"
            targets = "".join(
                f'[[targets]]\nname = "t{i}"\nkind = "vllm"\nurl = "http://127.0.0.1:{ports[i % PORTS]}/t{i}"\ninterval = "{call.interval}"\n'
                for i in range(call.targets)
            )
            recording = "[recording]\nenabled = false\n" if call.no_recording else ""
            config.write_text(f'interval = "{call.tick}"\n[discovery]\nenabled = false\n{recording}{targets}')
            log = (folder / "engine.log").open("w")
            watched = subprocess.Popen(
                [sys.executable, "-m", "tui_monitor", "engine", "--instance", "bench", "--config", str(config)],
                env=environment, stdout=log, stderr=log,
            )  # fmt: skip
            begun = time.monotonic()
            status: dict[str, object] = {}
            while not status and time.monotonic() - begun < 60 and watched.poll() is None:
                time.sleep(0.5)
                status = engine("engine", "status", "--json", "--instance", "bench", environment=environment)
            print(f"started after {time.monotonic() - begun:.1f} s")
            time.sleep(call.warm)
            before = engine("engine", "status", "--json", "--instance", "bench", environment=environment)
            used, at = cpu_s(watched.pid), time.monotonic()
            time.sleep(call.seconds)
            used, at = cpu_s(watched.pid) - used, time.monotonic() - at
            after = engine("engine", "status", "--json", "--instance", "bench", environment=environment)
            frame = engine("once", "--json", "--instance", "bench", environment=environment)
            states: dict[str, int] = {}
            for target in frame.get("targets", []):  # type: ignore[attr-defined]
                states[target["state"]] = states.get(target["state"], 0) + 1
            odd = next((f"{one['name']}: {one['why']}" for one in frame.get("targets", []) if one["state"] not in ("OK", "IDLE")), "")  # type: ignore[attr-defined]
            late = int(str(after.get("late_ticks", -1))) - int(str(before.get("late_ticks", 0)))
            rss = Path(f"/proc/{watched.pid}/statm").read_text().split()[1]
            print(
                f"{call.targets} targets every {call.interval}, tick {call.tick}, {at:.0f} s: CPU {used / at:.3f} of a core, "
                f"late ticks {late}, RSS {int(rss) * os.sysconf('SC_PAGE_SIZE') / 2**20:.0f} MiB, recording {after.get('recording')}, states {states}"
                + (f", such as {odd}" if odd else "")
            )
        finally:
            for process in (watched, server):
                if process is not None:
                    process.send_signal(signal.SIGTERM)
                    process.wait(20)
            print((folder / "engine.log").read_text()[-2000:])
    return 0


if __name__ == "__main__":
    sys.exit(main())
