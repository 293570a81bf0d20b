"""A good model server of vLLM's kind, and one for each nastiness, on loopback."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from loopback import reply

PAGES = Path(__file__).parent.parent / "pages"
REQUESTS, TOKENS, LATENCY_S = 5.0, 50.0, 0.4  # per second, per second, mean
BEGAN_AT = 1_000_000.0  # where counters stand at first: what is wrongly taken for a restart makes a rate of thousands
NASTY = "\x1b[31mred\x1b[0m \x9b5m[bold]x[/bold] [/] \x1b]0;title\x07 \u202eevil\u200b\u2066 a\tb\x7fc\u2028"

TIMEOUT_S = 1.93
OURS = f"Seconds: {TIMEOUT_S}\r\n".encode()  # told with every question: whoever asks otherwise is not the engine of the test

PageOf = Callable[[int, float], bytes]  # (how often it was asked, seconds since the start) -> the whole reply


def lines_of(
    seconds: float, *, model: str = "m", began_at: float = BEGAN_AT, running: str = "2", waiting: str = "1", les: str = "0.25 0.5 1 +Inf"
) -> list[str]:
    """A page of vLLM's names, as lines: everything grows steadily."""
    label = f'model_name="{model}"'
    done, tokens = began_at + REQUESTS * seconds, began_at + TOKENS * seconds
    lines = [
        "# HELP vllm:num_requests_running Requests in the batch.",
        "# TYPE vllm:num_requests_running gauge",
        f"vllm:num_requests_running{{{label}}} {running}",
        "# TYPE vllm:num_requests_waiting gauge",
        f"vllm:num_requests_waiting{{{label}}} {waiting}",
        "# TYPE vllm:kv_cache_usage_perc gauge",
        f"vllm:kv_cache_usage_perc{{{label}}} 0.5",
        "# TYPE vllm:prompt_tokens_total counter",
        f"vllm:prompt_tokens_total{{{label}}} {2 * tokens:.3f}",
        "# TYPE vllm:generation_tokens_total counter",
        f"vllm:generation_tokens_total{{{label}}} {tokens:.3f}",
        "# TYPE vllm:e2e_request_latency_seconds histogram",
    ]
    for le in les.split():
        share = 1.0 if le != "0.25" else 0.0
        lines.append(f'vllm:e2e_request_latency_seconds_bucket{{{label},le="{le}"}} {share * done:.3f}')
    lines += [
        f"vllm:e2e_request_latency_seconds_sum{{{label}}} {LATENCY_S * done:.3f}",
        f"vllm:e2e_request_latency_seconds_count{{{label}}} {done:.3f}",
        "# TYPE vllm:request_success_total counter",
        f'vllm:request_success_total{{{label},finished_reason="stop"}} {done:.3f}',
    ]
    return lines


def page(seconds: float, **more: Any) -> bytes:
    """The same as bytes."""
    return ("\n".join(lines_of(seconds, **more)) + "\n").encode()


def unmeasured(body: bytes) -> bytes:
    """A reply whose end is the connection's: nothing tells a cut one."""
    return b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body


class ModelServer:
    """Answers health, version and models well, and its metrics page as `page_of` says."""

    def __init__(
        self,
        page_of: PageOf | None = None,
        *,
        closes: bool = False,
        health: bytes | None = None,
        version: bytes | None = None,
        models: bytes | None = None,
        instead: Callable[[asyncio.StreamWriter], Awaitable[None]] | None = None,
    ) -> None:
        self._page_of, self._closes, self._instead = page_of or well, closes, instead
        self._fixed = {
            b"/health": health or reply(),
            b"/version": version or reply(b'{"version": "0.11.0"}'),
            b"/v1/models": models or reply(b'{"data": [{"id": "m"}]}'),
        }
        self._began_s = time.monotonic()
        self._conversations: set[asyncio.Task[None]] = set()
        self.asked_s: list[float] = []  # when its page was asked for
        self.url = ""

    async def start(self) -> None:
        """Listens on a free port."""
        self._server = await asyncio.start_server(self._converse, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        """Ends all conversations."""
        self._server.close()
        for conversation in self._conversations:
            conversation.cancel()
        await asyncio.gather(*self._conversations, return_exceptions=True)
        await asyncio.sleep(0)  # what is aborted is closed in the loop's next turn

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if task := asyncio.current_task():
            self._conversations.add(task)
        try:
            while request := await reader.readuntil(b"\r\n\r\n"):
                if OURS not in request:
                    break  # another monitor of this machine looks around
                path = request.split(b" ", 2)[1]
                if path in self._fixed:
                    writer.write(self._fixed[path])
                    continue
                self.asked_s.append(time.monotonic())
                if self._instead is not None:
                    await self._instead(writer)
                else:
                    writer.write(self._page_of(len(self.asked_s), time.monotonic() - self._began_s))
                await writer.drain()
                if self._closes:
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()  # what floods would be written for ever


# -- what is wrong with their pages --------------------------------------------------------------------------------------------------------


def well(_: int, seconds: float) -> bytes:
    return reply(page(seconds))


def html(_: int, __: float) -> bytes:
    return reply(b"<!DOCTYPE html><html><h1>\x1b[31m502 Bad Gateway</h1></html>", headers="Content-Type: text/html\r\n")


def cut_by_length(count: int, seconds: float) -> bytes:
    whole = page(seconds)
    return reply(whole[:-30], length=len(whole)) if count % 3 == 0 else reply(whole)


def cut_chunk(count: int, seconds: float) -> bytes:
    whole = page(seconds)
    chunk = f"{len(whole):x}\r\n".encode() + whole
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + (chunk[:-30] if count % 3 == 0 else chunk + b"\r\n0\r\n\r\n")


def cut_unseen(count: int, seconds: float) -> bytes:
    """The first and each fourth page lose their last digits: the counter in their last line is 1000 times too small, or more."""
    whole = page(seconds)
    return unmeasured(whole[:-9] if count % 4 == 1 else whole)


def cut_though_measured(count: int, seconds: float) -> bytes:
    """As before, but cut by the server itself, which then tells the length of what is left."""
    whole = page(seconds)
    return reply(whole[:-9] if count % 4 == 0 else whole)


def never_ends(_: int, seconds: float) -> bytes:
    """No page of it ends with a line end, and its length is never told: nothing is cut."""
    return unmeasured(page(seconds)[:-1])


def twice(_: int, seconds: float) -> bytes:
    """A gauge and a counter stand there once more, before, with other numbers and their labels in another order."""
    first = 'vllm:num_requests_running{model_name="m"} 77', 'vllm:request_success_total{finished_reason="stop",model_name="m"} 3'
    return reply("\n".join([*first, *lines_of(seconds), ""]).encode())


def wrong_types(_: int, seconds: float) -> bytes:
    text = page(seconds, les="0.25 0.5 1 much NaN").decode()
    return reply(text.replace(" counter", " gauge").replace(" histogram", " untyped").encode())


def many_labels(count: int, seconds: float) -> bytes:
    """10,000 values at once from the third page on, and a hundred more with each."""
    more = range(10_000 + 100 * count if count > 2 else 0)
    text = "".join(f'vllm:request_success_total{{model_name="m",finished_reason="r{one}"}} 7000000\n' for one in more)
    return reply(page(seconds) + text.encode())


def many_models(_: int, seconds: float) -> bytes:
    return reply("".join("\n".join(lines_of(seconds, model=f"m{one:03}")[-1:]) + "\n" for one in range(100)).encode())


def nasty_labels(_: int, seconds: float) -> bytes:
    return reply(page(seconds, model=NASTY))


def swears(_: int, __: float) -> bytes:
    return reply(NASTY.encode(), "500 Internal Server Error")


def other_kind(count: int, seconds: float) -> bytes:
    return well(count, seconds) if count < 6 else torchserve(count, seconds)


def torchserve(_: int, __: float) -> bytes:
    return reply((PAGES / "torchserve" / "metrics.prom").read_bytes())


def turns_to_text(count: int, seconds: float) -> bytes:
    return reply(page(seconds, running="2" if count < 5 else "two"))


def beyond_2_53(_: int, seconds: float) -> bytes:
    big = 2**60  # a double counts such numbers in steps of 256
    done = big + 1_000_000 * int(REQUESTS * seconds * 1000) // 1000
    return reply(f'vllm:request_success_total{{model_name="m",finished_reason="stop"}} {done}\nvllm:num_requests_running 1\n'.encode())


def negative(_: int, seconds: float) -> bytes:
    """A counter that is below zero and falls."""
    return reply(f'vllm:request_success_total{{model_name="m"}} {-5 - 3 * seconds:.3f}\nvllm:num_requests_running -3\n'.encode())


def not_a_number(_: int, seconds: float) -> bytes:
    lines = (line if line.startswith("#") else line.rpartition(" ")[0] + " NaN" for line in lines_of(seconds))
    return reply("\n".join([*lines, ""]).encode())


def infinite(count: int, seconds: float) -> bytes:
    lines = lines_of(seconds, running="+Inf")
    ends = (" +Inf", " -Inf", " 1.7e308")
    lines = [line if line.startswith("#") or count < 3 else line.rpartition(" ")[0] + ends[at % 3] for at, line in enumerate(lines)]
    return reply("\n".join([*lines, ""]).encode())


def overflowing(_: int, __: float) -> bytes:
    names = ("num_requests_running", "num_requests_waiting", "request_success_total")
    return reply("".join(f'vllm:{name}{{model_name="{model}"}} 1.7e308\n' for name in names for model in "ab").encode())


def empty(_: int, __: float) -> bytes:
    return reply()


def in_json(_: int, __: float) -> bytes:
    return reply(json.dumps({"error": "\x1b[31mnope [/red]", "code": [1, 2]}, indent=1).encode())


def broken_gzip(_: int, seconds: float) -> bytes:
    body = bytearray(gzip.compress(page(seconds), mtime=0))
    body[40:60] = b"\xff" * 20
    return reply(bytes(body), headers="Content-Encoding: gzip\r\n")


def locked_first(count: int, seconds: float) -> bytes:
    return reply(b"who are you?", "401 Unauthorized") if count < 4 else well(count, seconds)


def in_circles(count: int, _: float) -> bytes:
    return reply(b"", "302 Found", headers=f"Location: /metrics?{count}\r\n")


FILLING = b"".join(b'x{n="%d"} 1\n' % one for one in range(200_001))


def too_many(count: int, seconds: float) -> bytes:
    """200,001 samples; what is counted stands at the front, and once more behind the limit."""
    return reply(page(seconds) + FILLING + b'vllm:request_success_total{model_name="m",finished_reason="late"} %d\n' % (10**9 * count))


async def drips(writer: asyncio.StreamWriter) -> None:
    for letter in b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n" * 50:
        if not writer.is_closing():
            writer.write(bytes([letter]))
            await asyncio.sleep(0.02)


async def floods(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
    while not writer.is_closing():  # 100 MB, if anybody takes it
        writer.write(b"aaaaaaaa 1\n" * 90_910)
        await writer.drain()
