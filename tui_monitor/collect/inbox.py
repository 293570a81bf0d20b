"""What may be posted, and which log it belongs to.

POST /predictions/NAME   NAME is that of a `[[predictions]]` log; with any other path the log is that of the event's service or model
    CloudEvents          of KServe's payload logger and of Seldon's, binary, structured or batched; request and response are joined
    a pair               {"request": {...}, "response": {...}, "id": ..., "model": ..., "time": ...}: both bodies of one call
    plain                {"id", "time", "prediction", "score", "label", "features": {...}}, a list of them, or one a line
    a late label         {"id", "label"}
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import unquote, urlsplit

import msgspec

from tui_monitor.collect.events import Event, Halves, Pair, event, payload, structured
from tui_monitor.collect.lines import row_of
from tui_monitor.collect.payload import Unreadable, rows_of
from tui_monitor.collect.posted import Full, ListenedLog, Row
from tui_monitor.model import clean


class Unknown(Exception):
    """No log has this name; the message is one line for who posted it."""


class Inbox:
    """Takes bodies and hands their rows to the logs."""

    def __init__(self, logs: Sequence[ListenedLog], clock: Callable[[], float] = time.time) -> None:
        """`clock` tells the wall clock's seconds since 1970."""
        self._by_name = {log.name: log for log in logs}
        self._clock = clock
        self._halves = Halves()

    def take(self, target: str, headers: Mapping[str, str], body: bytes) -> int:
        """Takes one body; returns the status of success.

        Raises:
            Unreadable: one line on what is wrong with it.
            Unknown: no log has this name.
            Full: the log's queue has no room.
        """
        named = self._named(target)
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "application/cloudevents-batch+json":
            events = payload(body)
            if not isinstance(events, list):
                raise Unreadable("a batch is a list of events")
            self._events([structured(one, len(body) // len(events)) for one in events], named)
            return 200
        if kind != "application/cloudevents+json" and "ce-type" in headers:
            attributes = {name[3:]: unquote(value) for name, value in headers.items() if name.startswith("ce-")}
            self._events([event(attributes, payload(body), len(body))], named)
            return 200
        found, broken = self._objects(body)
        if named:
            named.left_out["row_unreadable"] += broken
        if kind == "application/cloudevents+json" or all("specversion" in one and "type" in one for one in found):
            self._events([structured(one, len(body) // len(found)) for one in found], named)
            return 200
        self._plain(found, named, len(body))
        return 204

    @staticmethod
    def _objects(body: bytes) -> tuple[list[Row], int]:
        """(the JSON objects of a body: one, a list, or one a line; lines that are none)."""
        broken = 0
        try:
            known = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            lines = [row_of(line) for line in body.split(b"\n") if line.strip()]
            known = [row for row in lines if row is not None]
            broken = len(lines) - len(known)
        if isinstance(known, dict):
            known = [known]
        if not isinstance(known, list) or not known or not all(isinstance(one, dict) for one in known):
            raise Unreadable("the body is no JSON object, no list of objects, and not one object a line")
        return known, broken

    def _events(self, events: list[Event], named: ListenedLog | None) -> None:
        now_s = self._clock()
        logs = [named or self._log_of(one.names) for one in events]
        for log, one in zip(logs, events, strict=True):
            pair = self._halves.join(log.name, one, now_s)
            if pair is not None:
                self._paired(log, pair, now_s)
        self.sweep()

    def _paired(self, log: ListenedLog, pair: Pair, now_s: float) -> None:
        said = pair.response
        if said is None:
            log.left_out["response_missing"] += 1
            return
        asked = pair.request
        at_s = (asked.at_s if asked else None) or said.at_s or now_s
        try:
            rows = rows_of(log.settings, said.id, at_s, asked.data if asked else None, said.data)
        except Unreadable:
            log.left_out["row_unreadable"] += 1
            raise
        log.post(rows, [], said.size_bytes + (asked.size_bytes if asked else 0))

    def _plain(self, found: list[Row], named: ListenedLog | None, size_bytes: int) -> None:
        now_s = self._clock()
        ready: dict[str, tuple[list[Row], list[tuple[object, object]]]] = {}
        for one in found:
            name = one.get("model")
            log = named or self._log_of((name,) if isinstance(name, str) else ())
            rows, labels = ready.setdefault(log.name, ([], []))
            if isinstance(one.get("response"), dict) and isinstance(one.get("request"), dict):
                rows += self._pair(log, one, now_s)
                continue
            row, label = log.plain(one, now_s)
            rows += [row] if row else []
            labels += [label] if label else []
        for name, (rows, labels) in ready.items():
            self._by_name[name].post(rows, labels, size_bytes)

    @staticmethod
    def _pair(log: ListenedLog, one: Row, now_s: float) -> list[Row]:
        """Rows of a request and its response in one object."""
        identity = one.get("id") or one["response"].get("id") or one["request"].get("id")
        if not isinstance(identity, str | int) or isinstance(identity, bool):
            raise Unreadable("a pair of request and response needs an id")
        rows = rows_of(log.settings, str(identity), now_s, one["request"], one["response"])
        if one.get("time") is not None:
            for row in rows:
                row[log.settings.columns.time] = one["time"]
        return rows

    def _named(self, target: str) -> ListenedLog | None:
        path = unquote(urlsplit(target).path).strip("/")
        section, _, name = path.partition("/")
        return self._log_of((name,)) if section == "predictions" and name else None

    def _log_of(self, names: Sequence[str]) -> ListenedLog:
        for name in names:
            if name in self._by_name:
                return self._by_name[name]
        if not names:
            raise Unknown("post to /predictions/NAME, where NAME is that of a [[predictions]] log")
        raise Unknown(f"no [[predictions]] log is called {' or '.join(repr(clean(name, 60)) for name in names)}")

    def sweep(self) -> None:
        """Halves that have waited long enough go on alone: a response without its request is a row without features."""
        now_s = self._clock()
        for name, pair in self._halves.given_up(now_s):
            log = self._by_name[name]
            try:
                self._paired(log, pair, now_s)
            except (Unreadable, Full):
                pass  # counted there
