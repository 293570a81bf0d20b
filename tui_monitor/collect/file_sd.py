"""Prometheus' target files (`file_sd_configs`): which servers somebody else's configuration names, followed as it changes.

A file is JSON or YAML by its ending: a list of groups, each with `targets` (host:port) and `labels`. Understood are `__scheme__`,
`__metrics_path__`, `__address__`, and the plain labels `kind`, `model` (several with commas), `name` and `instance`; others mean nothing
here. A file that is broken, or half written, keeps what it said before and gives one line; a file that is gone takes its targets along,
as in Prometheus (prometheus.io/docs, "file_sd_config").
"""

from __future__ import annotations

import glob
import json
import re
from pathlib import Path
from typing import Any

from msgspec import Struct, structs

from tui_monitor.collect.servers.registry import KINDS
from tui_monitor.config import KINDS as KIND_NAMES
from tui_monitor.config import TargetSettings
from tui_monitor.model import clean

MAX_TARGETS = 10_000
MAX_FILES = 1_000
LIMIT_BYTES = 10_000_000
DEEPEST = 20  # a right file is 4 deep
ENDINGS = (".json", ".yml", ".yaml")
_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[^\s/:@\[\]]+)(:[0-9]{1,5})?")


class _Wrong(Exception):
    """A file that cannot be used; `line` is counted from 1, 0 where no line is to blame."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line = line


class _Read(Struct, frozen=True, eq=False):
    """What a file said when it was last looked at."""

    stamp: tuple[int, int, int]
    targets: tuple[TargetSettings, ...]
    problem: str


class TargetFiles:
    """All target files of some patterns."""

    def __init__(self, patterns: list[str], base: Path | None = None) -> None:
        """Nothing is read yet.

        Args:
            patterns: paths whose last part may hold `*`; `~` is the home.
            base: where relative ones begin; None: the working directory.
        """
        self._patterns = [str((base or Path()) / Path(pattern).expanduser()) for pattern in patterns]
        self._files: dict[str, _Read] = {}
        self._answer: tuple[list[TargetSettings], list[str]] = ([], [])
        self._state: tuple[list[str], list[_Read]] | None = None

    def read(self) -> tuple[list[TargetSettings], list[str]]:
        """The targets now and one line for each problem; the very same lists while no file changed, at the cost of one stat a file.

        Blocks on the file system, which may hang: not for the event loop.
        """
        paths, problems = self._paths()
        self._files = {path: _look(path, self._files.get(path)) for path in paths}
        state = (problems, list(self._files.values()))
        if state != self._state:
            self._state = state
            targets, cut = _named([target for one in self._files.values() for target in one.targets])
            self._answer = targets, [*problems, *(one.problem for one in self._files.values() if one.problem), *cut]
        return self._answer

    def _paths(self) -> tuple[list[str], list[str]]:
        """The files that the patterns mean now."""
        paths: list[str] = []
        problems = []
        for pattern in self._patterns:
            if not pattern.endswith(ENDINGS):
                problems.append(f"{pattern}: a target file ends in .json, .yml or .yaml")
                continue
            there = sorted(glob.glob(pattern))  # noqa: PTH207 - Path.glob wants a folder that exists, and loses "~" and ".."
            if not there:
                problems.append(f"{pattern}: no such file")
            paths += there
        paths = list(dict.fromkeys(paths))
        if len(paths) > MAX_FILES:
            problems.append(f"{len(paths)} target files: only the first {MAX_FILES} are read")
        return paths[:MAX_FILES], problems


def _look(path: str, before: _Read | None) -> _Read:
    """A file as it stands; the same object while it did not change."""
    stamp = (0, 0, 0)
    try:
        status = Path(path).stat()
        stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        if before is not None and stamp == before.stamp:
            return before
        if status.st_size > LIMIT_BYTES:
            raise _Wrong(0, f"is larger than {LIMIT_BYTES // 1_000_000} MB")
        return _Read(stamp, tuple(_targets(path, Path(path).read_text(encoding="utf-8"))), "")
    except _Wrong as wrong:
        line, what = wrong.line, str(wrong)
    except UnicodeDecodeError as error:
        line, what = 1, f"is not UTF-8 text (byte {error.start})"
    except OSError as error:
        line, what = 0, f"cannot be read: {error.strerror}"
    kept = before.targets if before is not None else ()
    goes_on = f"; its {len(kept)} targets of before stay" if kept else ""
    problem = f"{path}:{line or 1}: {clean(what)}{goes_on}"
    return before if before is not None and (before.stamp, before.problem) == (stamp, problem) else _Read(stamp, kept, problem)


def _targets(path: str, text: str) -> list[TargetSettings]:
    """The targets of one file, by their own names.

    Raises:
        _Wrong: it is no list of groups.
    """
    groups, lines = _json(text) if path.endswith(".json") else _yaml(text)
    found: list[TargetSettings] = []
    for group, line in zip(groups, lines, strict=True):
        if not isinstance(group, dict):
            raise _Wrong(line, "must be a list of groups with targets and labels")
        unknown = [key for key in group if key not in ("targets", "labels")]
        if unknown:
            raise _Wrong(line, f"unknown key {clean(unknown[0], 40)!r} (known: targets labels)")
        addresses, labels = group.get("targets") or [], group.get("labels") or {}
        if not isinstance(addresses, list):
            raise _Wrong(line, "targets must be a list of host:port")
        if not isinstance(labels, dict):
            raise _Wrong(line, "labels must be a table of names and values")
        said = {str(key): "" if value is None else str(value) for key, value in labels.items()}
        found += [_target(address, said, line) for address in addresses[: MAX_TARGETS + 1 - len(found)]]
    return found


def _target(address: object, labels: dict[str, str], line: int) -> TargetSettings:
    place = labels.get("__address__") or address
    if not isinstance(place, str) or not _ADDRESS.fullmatch(place):
        raise _Wrong(line, f"{clean(place, 60)!r} is no target (write host:port; a scheme goes into the label __scheme__)")
    port = re.search(r":([0-9]+)$", place)
    if port and not 0 < int(port[1]) < 65536:
        raise _Wrong(line, f"{clean(place, 60)!r}: no such port")
    scheme = labels.get("__scheme__") or "http"
    if scheme not in ("http", "https"):
        raise _Wrong(line, f"__scheme__ {clean(scheme, 20)!r} is neither http nor https")
    kind = labels.get("kind") or "auto"
    if kind not in KIND_NAMES:
        kind = "auto"  # the label is another's idea of a kind: it is asked what it is
    path = labels.get("__metrics_path__", "")
    if not path:
        page = KINDS[kind].metrics if kind in KINDS else None
        path = page.path if page else "/metrics" if kind not in KINDS else ""
    name = labels.get("name") or labels.get("instance") or place
    models = [clean(one, 120) for one in labels.get("model", "").split(",") if one.strip()]
    return TargetSettings(
        clean(name, 80), f"{scheme}://{place}{'' if not path or path.startswith('/') else '/'}{path}", kind, models=models
    )


def _named(targets: list[TargetSettings]) -> tuple[list[TargetSettings], list[str]]:
    """Each URL once, each under a name of its own; too many are cut."""
    by_url = {target.url: target for target in reversed(targets)}
    once = [target for target in targets if by_url[target.url] is target]
    cut = (
        [f"more than {MAX_TARGETS} targets in the target files: only the first {MAX_TARGETS} are watched"]
        if len(once) > MAX_TARGETS
        else []
    )
    times: dict[str, int] = {}
    taken = {target.name for target in once}
    result = []
    for target in once[:MAX_TARGETS]:
        name, times[target.name] = target.name, times.get(target.name, 0) + 1
        while times[target.name] > 1 and name in taken:
            name = f"{target.name}-{times[target.name]}"
            times[target.name] += name in taken
        taken.add(name)
        result.append(target if name == target.name else structs.replace(target, name=name))
    return result, cut


# -- the two formats ----------------------------------------------------------------------------------------------------------------------


def _json(text: str) -> tuple[list[Any], list[int]]:
    """The groups, and the line each begins in."""
    try:
        groups = json.loads(text)
    except json.JSONDecodeError as error:
        raise _Wrong(error.lineno, f"{error.msg[:1].lower()}{error.msg[1:]}") from None
    except RecursionError:
        raise _Wrong(1, "is nested too deeply") from None
    if not isinstance(groups, list):
        raise _Wrong(1, "must be a list of groups with targets and labels")
    decoder, at, lines = json.JSONDecoder(), text.index("[") + 1, []
    for _ in groups:
        at = re.compile(r"[\s,]*").match(text, at).end()  # type: ignore[union-attr]  # it always matches
        lines.append(text.count("\n", 0, at) + 1)
        at = decoder.raw_decode(text, at)[1]
    return groups, lines


def _yaml(text: str) -> tuple[list[Any], list[int]]:
    """The groups, and the line each begins in."""
    import yaml

    reader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    depth = 0
    loader = None
    try:
        for event in yaml.parse(text, Loader=reader):  # the C reader ends the whole process when a file is nested too deeply
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                raise _Wrong(event.start_mark.line + 1 if event.start_mark else 1, "is nested too deeply")
        loader = reader(text)
        node = loader.get_single_node()
        if node is None:
            return [], []
        groups = loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _Wrong(mark.line + 1 if mark else 1, error.problem or "is no YAML") from None
    except (yaml.YAMLError, RecursionError, ValueError, TypeError) as error:
        raise _Wrong(1, f"is no YAML: {clean(error, 80)}") from None
    finally:
        if loader is not None:
            loader.dispose()
    if not isinstance(groups, list):
        raise _Wrong(node.start_mark.line + 1, "must be a list of groups with targets and labels")
    return groups, [one.start_mark.line + 1 for one in node.value]
