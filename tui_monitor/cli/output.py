"""Results to stdout, diagnostics to stderr, one line each; a reader that has gone is no error."""

from __future__ import annotations

import os
import sys

from tui_monitor.cli.exits import Stop


def write(text: str) -> None:
    """A result, as it is. A closed pipe is silent, and what follows goes nowhere.

    Raises:
        Stop: it could not be written.
    """
    if sys.stdout is None:
        raise Stop("cannot write the result: stdout is closed")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_stdout()
    except UnicodeEncodeError:
        sys.stdout.buffer.write(text.encode("ascii", "replace"))  # a terminal without UTF-8 still gets its result
        sys.stdout.flush()
    except OSError as error:
        _drop_stdout()
        raise Stop(f"cannot write the result: {error.strerror}") from None


def say(line: str) -> None:
    """One line of a result."""
    write(line + "\n")


def warn(line: str) -> None:
    """One line for people, on stderr; nobody to read it is no reason to fail."""
    point(f"tui-monitor: {line}")


def point(line: str) -> None:
    """One line that begins with FILE:LINE:, as editors read it."""
    try:
        print(" ".join(line.split()), file=sys.stderr, flush=True)
    except (OSError, ValueError, AttributeError):
        pass


def _drop_stdout() -> None:
    """Let the interpreter's last flush go to nowhere instead of raising."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
