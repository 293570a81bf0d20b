"""Which alerts a silence means: `rule=stalled target!=chat model=~llama.*`, all of which must hold.

Keys are rule, target, kind (of the subject, or of server), model, severity, signal, gpu, and label.NAME for any other label. `=~` is a
regular expression for the whole value. A label that is not there is as good as an empty one. Values with spaces stand in double quotes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from tui_monitor.alerts.rules import SEVERITIES
from tui_monitor.language.expression import nearest
from tui_monitor.model import Episode, clean

KEYS = ("rule", "target", "kind", "model", "severity", "signal", "gpu")
MOST_MATCHERS = 20
LONGEST = 500  # characters of a value
MOST_REPEATS = 4  # in a regular expression: more of them can take for ever on a long name

_KEY = re.compile(r"[^\s=!~:\"]+")
_SIGN = re.compile(r"=~|!~|!=|==|=|~|!|:")
_VALUE = re.compile(r'"((?:[^"\\]|\\.)*)"(?=\s|$)|([^\s"]\S*)')
_REPEAT = re.compile(r"[*+]|\{\d*,?\d*\}")
_LITERAL = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]")  # where a * or ( means itself
_DID_YOU_MEAN = {"==": "=", ":": "=", "!~": "!=", "~": "=~", "!": "!="}


class MatchError(ValueError):
    """A match cannot be read; `column` (from 1) is the character at fault."""

    def __init__(self, column: int, message: str) -> None:
        super().__init__(message)
        self.column = column


class Matcher(Struct, frozen=True):
    """One condition."""

    key: str
    sign: str  # = != =~
    text: str

    def holds(self, episode: Episode) -> bool:
        """Whether it is true of an episode."""
        values = values_of(episode, self.key)
        if self.sign == "=~":
            return any(re.fullmatch(self.text, value[:LONGEST]) for value in values)
        return (self.text in values) == (self.sign == "=")

    def __str__(self) -> str:
        """As it is written."""
        plain = self.text and not re.search(r'[\s"]', self.text)
        return f"{self.key}{self.sign}{self.text if plain else _quoted(self.text)}"


Match = tuple[Matcher, ...]


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def values_of(episode: Episode, key: str) -> tuple[str, ...]:
    """What an episode calls by that key; some have two words for it."""
    labels = episode.labels
    match key:
        case "rule":
            return (episode.rule,)
        case "severity":
            return (episode.severity,)
        case "target":
            return (episode.target, labels["target"]) if "target" in labels else (episode.target,)
        case "kind":
            return (episode.kind, labels["kind"]) if "kind" in labels else (episode.kind,)
        case "gpu" | "signal":
            label = labels.get(key, "")
            return (episode.target, label) if episode.kind == key else (label,)
        case _:
            return (labels.get(key.removeprefix("label."), ""),)


def matches(match: Match, episode: Episode) -> bool:
    """Whether all conditions hold; no conditions mean nothing."""
    return bool(match) and all(matcher.holds(episode) for matcher in match)


def said_match(match: Match) -> str:
    """A match as it is written, in one spelling."""
    return " ".join(map(str, match))


def line_of(words: Sequence[str]) -> str:
    """The words of a command line as one match: what the shell took apart is quoted again."""
    parts: list[str] = []
    for word in words:
        key = _KEY.match(word)
        sign = _SIGN.match(word, key.end()) if key is not None else None
        text = word[sign.end() :] if sign is not None else ""
        loose = re.search(r'[\s"]', text) is not None and not text.startswith('"')
        parts.append(word[: len(word) - len(text)] + _quoted(text) if loose else word)
    return " ".join(parts)


def read_match(line: str) -> Match:
    """Read a match.

    Raises:
        MatchError: with the column of the character at fault.
    """
    found: list[Matcher] = []
    place = _skip(line, 0)
    while place < len(line):
        if len(found) >= MOST_MATCHERS:
            raise MatchError(place + 1, f"more than {MOST_MATCHERS} conditions")
        matcher, place = _read_one(line, place)
        found.append(matcher)
        place = _skip(line, place)
    if not found:
        raise MatchError(1, "say what to silence: key=value, key!=value or key=~regex")
    return tuple(found)


def _skip(line: str, place: int) -> int:
    while place < len(line) and line[place].isspace():
        place += 1
    return place


def _read_one(line: str, start: int) -> tuple[Matcher, int]:
    key = _KEY.match(line, start)
    if key is None:
        raise MatchError(start + 1, f"a key must stand here, not {clean(line[start], 1)!r}; known: {' '.join(KEYS)} label.NAME")
    name = key.group()
    sign = _SIGN.match(line, key.end())
    if sign is None:
        raise MatchError(key.end() + 1, f"after {clean(name, 40)!r} must stand = or != or =~")
    if sign.group() in _DID_YOU_MEAN:
        raise MatchError(sign.start() + 1, f"unknown sign {sign.group()} (did you mean {_DID_YOU_MEAN[sign.group()]}?); known: = != =~")
    if name not in KEYS and (not name.startswith("label.") or name == "label."):
        raise MatchError(start + 1, f"unknown key {clean(name, 40)!r}{nearest(name, KEYS)}; known: {' '.join(KEYS)} label.NAME")
    value = _VALUE.match(line, sign.end())
    if value is None:
        quote = line[sign.end() : sign.end() + 1] == '"'
        raise MatchError(
            sign.end() + 1, 'the quote must end the value: key="a b"' if quote else 'a value must stand here; "" is the empty one'
        )
    quoted, bare = value.groups()
    text = bare if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
    _check_value(name, sign.group(), text, sign.end() + 1 + (quoted is not None))
    return Matcher(name, sign.group(), text), value.end()


def _check_value(key: str, sign: str, text: str, column: int) -> None:
    if len(text) > LONGEST or any(not char.isprintable() for char in text):
        raise MatchError(column, f"a value has at most {LONGEST} printable characters")
    if sign == "=~":
        _check_regex(text, column)
    elif key == "severity" and text not in SEVERITIES:
        raise MatchError(column, f"unknown severity {clean(text, 40)!r}{nearest(text, SEVERITIES)}; known: {' '.join(SEVERITIES)}")


def _check_regex(text: str, column: int) -> None:
    """Refuse what is no regular expression, and what could take for ever: a repeat inside a repeat, or many of them."""
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        place = getattr(error, "pos", None) or 0
        raise MatchError(column + place, f"no regular expression: {error}") from None
    plain = _LITERAL.sub(lambda found: "x" * len(found.group()), text)
    if len(_REPEAT.findall(plain)) > MOST_REPEATS:
        raise MatchError(column, f"more than {MOST_REPEATS} repeats in a regular expression")
    opened: list[int] = []
    for place, char in enumerate(plain):
        if char == "(":
            opened.append(place)
        elif char == ")" and opened:
            inside = plain[opened.pop() : place]
            if _REPEAT.match(plain, place + 1) and (_REPEAT.search(inside) or "|" in inside):
                raise MatchError(column + place + 1, "a repeat of something that repeats, or that has alternatives, can take for ever")
