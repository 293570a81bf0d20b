"""The doctor's checks of servers: which are found and answer, what hides numbers or cannot be seen, and the cure for each."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tui_monitor.cli.finding import Finding
from tui_monitor.config import PrometheusSettings, Settings, TargetSettings
from tui_monitor.model import Failure, Found, Orphan, Reading, ServerAnswer, clean

if TYPE_CHECKING:
    from tui_monitor.collect.discover import Discovered
    from tui_monitor.collect.servers.kind import Kind

ANSWER_S = 2.0
MAX_SHOWN = 30
PATIENCE_S = 10.0  # for target files on a file system that may hang


def credentials(chosen: Settings) -> Iterator[Finding]:
    """Whether every file and variable that holds a secret or a certificate can be read; what is in them is never shown."""
    from tui_monitor.collect.credentials import read

    watched: list[TargetSettings | PrometheusSettings] = [*chosen.targets, *chosen.prometheus]
    for one in watched:
        known = read(one)
        if isinstance(known, Failure):
            cure = "without it the server refuses us: make the file readable, or set the variable, for the user who runs the engine"
            yield Finding("FAIL", "secret", clean(f"{one.name}: {known.message}", 300), cure)
        for key in ("ca", "cert", "key"):
            path = getattr(one.tls, key)
            if path and not os.access(Path(path).expanduser(), os.R_OK):
                there = Path(path).expanduser().exists()
                why = "may not be read by this user" if there else "is not there"
                yield Finding("FAIL", "secret", clean(f"{one.name}: tls.{key} {path}: {why}", 300), "name a PEM file that can be read")


def target_files(chosen: Settings) -> Iterator[Finding]:
    """Whether the target files can be read, and what they name."""
    if not chosen.discovery.file_sd:
        return
    from tui_monitor.collect.file_sd import TargetFiles
    from tui_monitor.collect.worker import Worker

    files = TargetFiles(chosen.discovery.file_sd)
    try:
        targets, problems = asyncio.run(Worker[tuple[list[TargetSettings], list[str]]]("target-files").run(files.read, PATIENCE_S))
    except TimeoutError:
        yield Finding(
            "WARN", "file_sd", f"the file system did not answer within {PATIENCE_S:g} s", "are they on a network mount that hangs?"
        )
        return
    if targets or not problems:
        yield Finding("PASS", "file_sd", f"{len(targets)} target{'' if len(targets) == 1 else 's'} in the target files")
    for line in problems[:MAX_SHOWN]:
        yield Finding("WARN", "file_sd", clean(line, 300), "correct the file; it is read again as soon as it changes")


def servers(chosen: Settings) -> Iterator[Finding]:
    """Every configured and every discovered server: where it is, and whether it answers; then what could not be seen."""
    seen, answers = asyncio.run(_ask(chosen))
    for found, kind, reading in answers:
        yield from _server(found, kind, reading)
    known = {found.name for found, _, _ in answers}
    for one in chosen.targets:
        if one.name not in known:
            yield Finding(
                "WARN", "server", f"{one.name} at {_shown(one)} does not tell what kind of server it is", "set its kind in [[targets]]"
            )
    if seen is None:
        yield Finding("PASS", "discovery", "[discovery] is switched off")
        return
    if not answers:
        cure = "" if seen.unseen else "start one, or name one under [[targets]]"
        yield Finding("WARN" if cure else "PASS", "discovery", "no server of models was found on this host", cure)
    yield from (_left_behind(one) for one in seen.orphans[:MAX_SHOWN])
    for line in seen.unseen[:MAX_SHOWN]:
        reason, _, cure = line.rpartition(" - ") if " - " in line else (line, "", "")
        yield Finding("WARN", "unseen", clean(reason, 300), clean(cure, 200))
    if len(seen.unseen) > MAX_SHOWN:
        yield Finding("WARN", "unseen", f"and {len(seen.unseen) - MAX_SHOWN} more")


def _server(found: Found, kind: Kind, reading: Reading) -> Iterator[Finding]:
    place = f"{found.name}: {found.kind} at {_shown(found)}"
    place += f", process {found.pid}" if found.pid else ""
    place += f", {found.container}" if found.container else ""
    answer = reading.content if isinstance(reading.content, ServerAnswer) else None
    if answer is None:
        why = reading.failure.message if reading.failure else "no answer"
        kind_of_failure = reading.failure.kind if reading.failure else ""
        cures = {
            "refused": "it is starting, or it listens elsewhere: give its URL in [[targets]]",
            "timeout": "it accepts and is silent: it is starting, busy or hangs; see its log",
            "auth": "set bearer_token_file, basic_auth or headers of its [[targets]]",
            "tls": "set tls = {ca = ...} of its [[targets]]",
            "unreadable": "make it readable",
        }
        yield Finding("WARN", "server", clean(f"{place}: {why}", 300), cures.get(kind_of_failure, "see its log"))
    else:
        said = place + (f", version {answer.version}" if answer.version else "")
        if answer.ready is None and answer.ready_why:
            cure = "if it is of another kind, set kind in [[targets]]"
            yield Finding("WARN", "server", clean(f"{said}: does not say whether it is ready: {answer.ready_why}", 300), cure)
        elif answer.ready is False:
            yield Finding(
                "WARN", "server", clean(f"{said}: not ready, {answer.ready_why}", 300), "it is loading, or a model is broken; see its log"
            )
        else:
            yield Finding("PASS", "server", clean(said + ("" if kind.metrics else "; it has no metrics page: state and models only"), 300))
        yield from _page(found, kind, answer.page_failure)
    if found.orphan:
        yield Finding(
            "WARN", "orphan", f"{found.name} (process {found.pid}) serves on, but whoever started it is gone", "nobody will start it again"
        )


def _page(found: Found, kind: Kind, failure: Failure | None) -> Iterator[Finding]:
    """Why it tells no numbers."""
    if kind.metrics is None or failure is None:
        return
    if failure.kind == "unsupported" and kind.page_flag:
        yield Finding("WARN", "numbers", f"{found.name} tells no numbers: its metrics page is switched off", kind.page_flag)
    else:
        cure = "[targets.urls] metrics names another place"
        if failure.kind == "too_large":
            cure = "raise [limits] page"
        yield Finding("WARN", "numbers", clean(f"{found.name} tells no numbers: {failure.message}", 300), cure)


def _left_behind(one: Orphan) -> Finding:
    ports = f"port{'s' if len(one.ports) > 1 else ''} {' '.join(map(str, one.ports[:8]))}"
    return Finding(
        "WARN", "orphan", f"{one.name} (process {one.pid}) was left behind by {one.kind} and holds {ports}", f"`kill {one.pid}` frees it"
    )


def _shown(one: Found | TargetSettings | PrometheusSettings) -> str:
    from tui_monitor.collect.http import without_secrets

    return without_secrets(one.url)


async def _ask(chosen: Settings) -> tuple[Discovered | None, list[tuple[Found, Kind, Reading]]]:
    """Looks around, and asks each server once, side by side."""
    from tui_monitor.collect.discover import discover, recognise
    from tui_monitor.collect.servers.exporter import exporter_kind
    from tui_monitor.collect.servers.registry import KINDS

    configured: list[tuple[Found, Kind, TargetSettings | None]] = []
    autos = [one for one in chosen.targets if one.kind == "auto"]
    for one, found in zip(autos, await asyncio.gather(*(recognise(one) for one in autos)), strict=True):
        if found is not None:
            configured.append((found, KINDS[found.kind], one))
    for one in chosen.targets:
        if one.kind != "auto":
            kind = exporter_kind(one) if one.kind == "prometheus" else KINDS[one.kind]
            configured.append((Found(one.name, one.kind, one.url, urls=dict(one.urls), configured=True), kind, one))
    seen = await discover(chosen.discovery.extra_ports, [found for found, _, _ in configured]) if chosen.discovery.enabled else None
    if seen is not None:
        configured = [(seen.known.get(found.name, found), kind, settings) for found, kind, settings in configured]
        configured += [(found, KINDS[found.kind], None) for found in seen.found]
    readings = await asyncio.gather(*(_read(*one) for one in configured))
    return seen, [(found, kind, reading) for (found, kind, _), reading in zip(configured, readings, strict=True)]


async def _read(found: Found, kind: Kind, settings: TargetSettings | None) -> Reading:
    from tui_monitor.collect.servers.source import ServerSource

    source = ServerSource(found, kind, settings, ANSWER_S, ANSWER_S)
    try:
        return await source.read(time.time())
    finally:
        await source.close()
