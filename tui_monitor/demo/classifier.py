"""A small real classifier over HTTP: is this message urgent? Run as `python -m tui_monitor.demo.classifier`.

It is trained when it starts, answers `POST /predict {"text": ...}`, counts itself on `/metrics` under its own names and writes each
prediction to a log. It does not know the truth; that arrives later, from whoever sent the text (see `traffic`).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import time
from pathlib import Path
from typing import Any

from tui_monitor.demo import lifeline, texts
from tui_monitor.demo.families import Histogram, Values, page
from tui_monitor.demo.http_server import TEXT, Asked, Said, listen
from tui_monitor.demo.logistic import Features, features, trained
from tui_monitor.demo.rows_file import RowsFile

SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
WORDS = (5, 10, 15, 20, 25, 30, 40, 50, 65, 80, 100, 150, 200, 300, 500, 1000)
CODES = ("200", "400", "500")
REFERENCE_EVERY_S = 0.05  # texts that were kept back stand in the reference as if they had come at the traffic's rate


class Server:
    """The classifier and what it counts."""

    def __init__(self, log: Path | None = None) -> None:
        self._log = None if log is None else RowsFile(log)
        self._classifier, self._kept_back = trained()
        right = sum((self._classifier.score(seen) >= 0.5) == urgent for seen, urgent in self._kept_back)
        self._requests = Values("classifier_requests_total", "counter", "Requests to /predict by status code.", labels=("code",))
        for code in CODES:
            self._requests.set(0.0, code)
        self._took = Histogram("classifier_request_seconds", "Time from request to answer.", SECONDS)
        self._in_flight = Values("classifier_requests_in_flight", "gauge", "Requests being answered now.")
        self._words = Histogram("classifier_input_words", "Words of the text.", WORDS)
        self._predictions = Values("classifier_predictions_total", "counter", "Predictions by class.", labels=("class",))
        for name in (texts.URGENT, texts.ROUTINE):
            self._predictions.set(0.0, name)
        self._log_errors = Values("classifier_log_errors_total", "counter", "Predictions that could not be logged.")
        self._accuracy = Values("classifier_holdout_accuracy", "gauge", "Accuracy on texts kept back when it was trained.")
        self._accuracy.set(right / len(self._kept_back))
        self._number = 0

    def predict(self, body: bytes, now_s: float) -> Said:
        """Answer one request; `now_s` is the wall clock."""
        try:
            text = json.loads(body)["text"]
            seen = features(text)
        except (ValueError, TypeError, KeyError, AttributeError):
            return Said(400, b'{"error": "a JSON object with a string `text` is needed"}')
        self._number += 1
        row = self._judged(f"{int(now_s * 1000):x}-{self._number}", now_s, seen)
        self._words.observe(seen.words)
        self._predictions.add(1.0, row["prediction"])
        if self._log is not None:
            try:
                self._log.append(row)
            except OSError:
                self._log_errors.add()
        return Said(200, json.dumps({key: row[key] for key in ("id", "prediction", "score")}).encode())

    def _judged(self, name: str, at_s: float, seen: Features) -> dict[str, Any]:
        """A row of the log."""
        score = self._classifier.score(seen)
        prediction = texts.URGENT if score >= 0.5 else texts.ROUTINE
        return {
            "id": name, "time": round(at_s, 3), "prediction": prediction, "score": round(score, 4),
            "words": seen.words, "alarms": round(seen.alarms, 4),
        }  # fmt: skip

    def write_reference(self, path: Path, now_s: float) -> None:
        """The texts that were kept back, with the truth, as rows of the same log.

        Raises:
            OSError: it cannot be written.
        """
        first_s = now_s - len(self._kept_back) * REFERENCE_EVERY_S
        rows = (
            self._judged(f"kept-{number}", first_s + number * REFERENCE_EVERY_S, seen)
            | {"label": texts.URGENT if urgent else texts.ROUTINE}
            for number, (seen, urgent) in enumerate(self._kept_back)
        )
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    async def answer(self, asked: Asked) -> Said:
        """Every path of the server; only `/predict` is counted."""
        match (asked.method, asked.path):
            case ("POST", "/predict"):
                self._in_flight.add(1.0)
                began_s = time.perf_counter()
                said = Said(500, b'{"error": "it failed"}')
                with contextlib.suppress(ArithmeticError):
                    said = self.predict(asked.body, time.time())
                self._took.observe(time.perf_counter() - began_s)
                self._requests.add(1.0, str(said.status))
                self._in_flight.add(-1.0)
                return said
            case ("GET" | "HEAD", "/metrics"):
                return Said(200, self.page(), TEXT)
            case ("GET" | "HEAD", "/health"):
                return Said(200, b'{"status": "ok"}')
            case _:
                return Said(404, b'{"error": "not found; there are /predict /health /metrics"}')

    def page(self) -> bytes:
        """The metrics page now."""
        return page(one for one in vars(self).values() if isinstance(one, Values | Histogram))

    def close(self) -> None:
        """Let go of the log."""
        if self._log is not None:
            self._log.close()


async def serve(arguments: argparse.Namespace) -> None:
    """Serve until told to end."""
    classifier = Server(arguments.log)
    if arguments.reference is not None:
        classifier.write_reference(arguments.reference, time.time())
    server, port = await listen(classifier.answer, arguments.port)
    lifeline.announce(port)
    await lifeline.until_told()
    server.close()
    classifier.close()


def main() -> None:
    """Start from the command line."""
    lifeline.follow_parent()
    parser = argparse.ArgumentParser(prog="tui_monitor.demo.classifier", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--reference", type=Path, default=None, help="where texts that were kept back are written, with the truth")
    parser.add_argument("--log", type=Path, default=None, help="where predictions are logged, as JSON lines")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
