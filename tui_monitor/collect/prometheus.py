"""A Prometheus (Thanos, Mimir, VictoriaMetrics) asked politely: named numbers now, and the charts' past once at the start.

Instant queries go through our own HTTP client: deadline, warnings and the server's own error words are kept. The past comes through
prometheus-api-client as pandas frames, in a thread of its own and never before it is needed; what that library cannot do itself (a
deadline, a size limit, refusing redirects, empty answers) stands here around it.
"""

from __future__ import annotations

import ast
import asyncio
import math
import re
import threading
import time
import warnings
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec

from tui_monitor.collect.credentials import CredentialError, Credentials, credentials
from tui_monitor.collect.http import Answer, Client
from tui_monitor.collect.worker import Worker
from tui_monitor.config import PrometheusSettings
from tui_monitor.model import Failure, FailureKind, Metrics, Queried, Reading, clean
from tui_monitor.vocabulary import seconds

if TYPE_CHECKING:
    import pandas as pd

LIMIT_BYTES = 8_000_000
AT_ONCE = 2  # questions in flight to one server
MOST_POINTS = 11_000  # Prometheus refuses more
MOST_SERIES = 200  # of a frame: it repeats every label for every sample
BACKFILL_LONGEST_S = 60.0
_TELLS_ERRORS = frozenset((200, 400, 422, 503))  # bodies of these are the server's JSON, errors included

Line = list[tuple[float, float]]  # (time_s, value)


def one_number(kind: str, result: Any) -> tuple[float | None, str]:
    """The number of an instant query's answer, or None and why it is none."""
    if kind == "scalar":
        sample = result
    elif kind == "vector":
        if not result:
            return None, "no series fits"
        if len(result) > 1:
            return None, f"{len(result)} series, one is needed: aggregate them, as in sum(...)"
        if "value" not in result[0]:
            return None, "a histogram, not a number: use histogram_quantile(...)"
        sample = result[0]["value"]
    else:
        return None, f"a {clean(kind, 20)}, not a number"
    value = float(sample[1])
    if math.isnan(value):
        return None, "NaN: there is nothing to compute it from"
    return (None, "infinite: divided by 0") if math.isinf(value) else (value, "")


class PrometheusSource:
    """One configured server and its named instant queries."""

    def __init__(self, settings: PrometheusSettings) -> None:
        """Nothing is opened before the first read."""
        self.name = settings.name
        self.interval_s = seconds(settings.interval)
        self._timeout_s = seconds(settings.timeout)  # the server's; ours is a second longer
        self.deadline_s = 2 * (self._timeout_s + 1)
        self._settings = settings
        self._client: Client | None = None
        self._engine = ""

    async def read(self, now_s: float) -> Reading:
        """The newest value of every query (content `Queried`); a failure when none of them was answered."""
        begun_s = time.monotonic()
        try:
            if self._client is None:
                self._client = _client(self._settings, credentials(self._settings))
            content: Queried | Failure = await self._ask_all(self._client)
        except CredentialError as error:
            content = Failure("unreadable", clean(error))
        took_s = time.monotonic() - begun_s
        if isinstance(content, Failure):
            self._engine = ""  # what answers next may be another version
            if content.kind == "auth":
                await self.close()  # the token's file may hold a new one
            return Reading(self.name, now_s, took_s, failure=content)
        return Reading(self.name, now_s, took_s, content=content)

    async def close(self) -> None:
        """Closes the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _ask_all(self, client: Client) -> Queried | Failure:
        values: Metrics = dict.fromkeys(self._settings.queries)
        absent = dict.fromkeys(values, f"not answered within {self.deadline_s:g} s")
        partial: dict[str, None] = {}
        failures: list[Failure] = []
        answered = 0
        lanes = asyncio.Semaphore(AT_ONCE)

        async def ask(name: str, query: str) -> None:
            nonlocal answered
            async with lanes:
                if failures and not answered:  # nobody is there: not another wait for each query
                    absent[name] = failures[0].message
                    return
                answer = await self._ask(client, query)
            if isinstance(answer, Failure):
                failures.append(answer)
                absent[name] = answer.message
                return
            answered += 1
            partial.update(dict.fromkeys(client.said(word) for word in answer.get("warnings") or ()))
            values[name], why = self._number(client, answer)
            absent[name] = why

        try:
            async with asyncio.timeout(self.deadline_s):
                await asyncio.gather(*(ask(name, query) for name, query in self._settings.queries.items()))
                if answered and not self._engine:
                    self._engine = await _engine(client)
        except TimeoutError:
            pass  # those that were not reached say so
        if not answered and self._settings.queries:
            return failures[0] if failures else Failure("timeout", f"no answer within {self.deadline_s:g} s")
        reasons = {name: why for name, why in absent.items() if values[name] is None}
        return Queried(values, reasons, self._engine, clean("; ".join(partial)))

    async def _ask(self, client: Client, query: str) -> dict[str, Any] | Failure:
        form = urlencode({"query": query, "timeout": f"{self._timeout_s:g}s"}).encode()
        answer = await client.get(
            "/api/v1/query", method="POST", body=form, accept=_TELLS_ERRORS, content_type="application/x-www-form-urlencoded"
        )
        return answer.failure or _json(client, answer)

    def _number(self, client: Client, answer: dict[str, Any]) -> tuple[float | None, str]:
        if answer["status"] != "success":
            kind, error = answer.get("errorType", "error"), client.said(answer.get("error", ""))
            if kind == "timeout" or "deadline exceeded" in error:
                return None, f"the query took longer than {self._timeout_s:g} s"
            return None, f"{client.said(kind, 40)}: {error}"
        try:
            return one_number(answer["data"]["resultType"], answer["data"]["result"])
        except (KeyError, IndexError, TypeError, ValueError):
            return None, "an answer of a shape that no Prometheus has"


def _client(settings: PrometheusSettings, given: Credentials) -> Client:
    return Client(
        settings.url,
        seconds(settings.timeout) + 1,
        headers=given.headers,
        auth=given.auth,
        tls=given.tls,
        limit_bytes=LIMIT_BYTES,
    )


def _json(client: Client, answer: Answer) -> dict[str, Any] | Failure:
    """The API's envelope, or a failure for what is no such thing (a proxy's page, a wrong port)."""
    try:
        envelope = msgspec.json.decode(answer.body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        envelope = {}
    if envelope.get("status") in ("success", "error"):
        return envelope
    if answer.status != 200:
        return Failure("bad_status", f"{answer.status}: {client.said(answer.body[:200].decode(errors='replace'))}")
    return Failure("not_metrics", "answers, but not as a Prometheus does: is the URL its base?")


async def _engine(client: Client) -> str:
    """What answers and its version, such as "prometheus 2.42.0"; "" when it does not tell."""
    answer = await client.get("/api/v1/status/buildinfo")
    envelope = answer.failure or _json(client, answer)
    data = {} if isinstance(envelope, Failure) else envelope.get("data")
    if not isinstance(data, dict) or "version" not in data:
        return ""
    return clean(f"{data.get('application') or 'prometheus'} {data['version']}", 60).lower()


# -- the past -----------------------------------------------------------------------------------------------------------------------

_lanes: defaultdict[str, threading.Semaphore] = defaultdict(
    threading.Semaphore
)  # one question a server at a time; URLs are configured ones


async def backfill(
    settings: PrometheusSettings, queries: Mapping[str, str], start_s: float, end_s: float, step_s: float
) -> dict[str, Line] | Failure:
    """What each query was between two moments; a name whose answer is empty, several series or an error has no samples.

    Never raises and never outlasts its deadline: the thread of a server that hangs is left behind.
    """
    deadline_s = min(BACKFILL_LONGEST_S, (seconds(settings.timeout) + 1) * (len(queries) + 1))
    worker: Worker[dict[str, Line] | Failure] = Worker(f"backfill {settings.name}")
    try:
        return await worker.run(lambda: _fetch(settings, queries, (start_s, end_s, step_s), deadline_s), deadline_s)
    except TimeoutError:
        return Failure("timeout", f"the past did not come within {deadline_s:g} s")
    except CredentialError as error:
        return Failure("unreadable", clean(error))
    except Exception as error:  # noqa: BLE001 - the border of a source: what a foreign library raises on a foreign answer
        return Failure("damaged", clean(type(error).__name__))


class RangeFailure(Exception):
    """A range query without an answer."""

    def __init__(self, kind: FailureKind, message: str) -> None:
        super().__init__(message)
        self.failure = Failure(kind, message)


class RangeSource:
    """Range queries as pandas frames, through prometheus-api-client with its gaps closed. Blocks: for threads only."""

    def __init__(self, settings: PrometheusSettings) -> None:
        """Loads the library, which takes a moment.

        Raises:
            CredentialError: a file of the settings cannot be read.
        """
        from prometheus_api_client import PrometheusConnect
        from urllib3.util.retry import Retry

        given = credentials(settings)
        timeout_s = seconds(settings.timeout)
        self._said = _client(settings, given).said
        self._timeout_s = timeout_s
        self._connect = PrometheusConnect(
            url=settings.url.rstrip("/"),
            headers=given.headers or None,
            auth=given.auth,
            retry=Retry(total=0),  # by default it asks a hanging server four times
            session=_bounded_session(timeout_s + 1, given),
            timeout=timeout_s,
        )

    def frame(self, query: str, start_s: float, end_s: float, step_s: float, most_series: int = MOST_SERIES) -> pd.DataFrame:
        """One row a sample: labels and `value`, indexed by `timestamp`; empty when nothing fits.

        Moments are whole seconds, which is all that the library passes on. A partial answer is not marked: its warnings get lost.

        Raises:
            RangeFailure: no answer, and why.
        """
        from prometheus_api_client import MetricRangeDataFrame

        series = [_plain(one) for one in self._series(query, start_s, end_s, step_s) if one.get("values")]
        if len(series) > most_series:
            raise RangeFailure("too_large", f"{len(series)} series, at most {most_series}: aggregate them")
        if not series:  # the library raises KeyError on an empty answer
            import pandas as pd

            return pd.DataFrame({"value": []}, index=pd.DatetimeIndex([], name="timestamp"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # it calls pandas in a way that pandas 4 will refuse
            frame = MetricRangeDataFrame(series)
        labels = [column for column in frame.columns if column != "value"]
        unique: pd.DataFrame = frame.reset_index().drop_duplicates([*labels, "timestamp"]).set_index("timestamp")
        return unique

    def _series(self, query: str, start_s: float, end_s: float, step_s: float) -> list[dict[str, Any]]:
        import requests
        from prometheus_api_client.exceptions import PrometheusApiClientException

        step = max(1, math.ceil(step_s), math.ceil((end_s - start_s) / (MOST_POINTS - 1)))
        start, end = (datetime.fromtimestamp(moment_s, UTC) for moment_s in (start_s, end_s))
        try:
            found = self._connect.custom_query_range(query, start, end, str(step), params={"timeout": f"{self._timeout_s:g}s"})
        except PrometheusApiClientException as error:
            status = re.match(r"HTTP Status Code (\d+)", str(error))
            kind: FailureKind = "auth" if status and status[1] in ("401", "403") else "bad_status"
            raise RangeFailure(kind, self._said(_own_words(str(error)))) from None
        except requests.exceptions.Timeout:
            raise RangeFailure("timeout", f"no answer within {self._timeout_s:g} s") from None
        except requests.exceptions.SSLError as error:
            raise RangeFailure("tls", self._said(error)) from None
        except requests.exceptions.TooManyRedirects:
            raise RangeFailure("redirect", "redirects: not followed") from None
        except requests.exceptions.JSONDecodeError:
            raise RangeFailure("not_metrics", "answers, but not as a Prometheus does") from None
        except requests.exceptions.ConnectionError as error:
            reason = getattr(error.args[0], "reason", None) if error.args else None  # without retries a read timeout comes wrapped
            if isinstance(reason, TimeoutError) or "Timeout" in type(reason).__name__:
                raise RangeFailure("timeout", f"no answer within {self._timeout_s:g} s") from None
            raise RangeFailure("refused", "nobody answers at its URL") from None
        except (requests.exceptions.RequestException, OSError) as error:
            raise RangeFailure("damaged", self._said(f"{type(error).__name__}: {error}")) from None
        return found if isinstance(found, list) else []


def _own_words(told: str) -> str:
    """The server's error out of what the library makes of it, which is `HTTP Status Code 400 (b'{"status":"error", ...}')`."""
    try:
        envelope = msgspec.json.decode(ast.literal_eval(told.partition(" (")[2][:-1]), type=dict[str, Any])
        return f"{envelope['errorType']}: {envelope['error']}"
    except (ValueError, SyntaxError, TypeError, KeyError, msgspec.DecodeError, RecursionError, MemoryError):
        return told


def _bounded_session(deadline_s: float, given: Credentials) -> Any:
    """A session of `requests` whose answers end in time, in size, and where they were asked for."""
    import requests

    class Session(requests.Session):
        def send(self, request: Any, **options: Any) -> Any:
            end_s = time.monotonic() + deadline_s
            response = super().send(request, **(options | {"stream": True}))
            body = bytearray()
            for chunk in response.iter_content(16_384):
                body += chunk
                if len(body) > LIMIT_BYTES:
                    response.close()
                    raise RangeFailure("too_large", f"more than {LIMIT_BYTES / 1e6:g} MB")
                if time.monotonic() > end_s:
                    response.close()
                    raise requests.exceptions.ReadTimeout
            response._content = bytes(body)  # noqa: SLF001 - where `content` and `json()` look
            return response

    session = Session()
    session.trust_env = False  # no proxy and no .netrc of whoever started us
    session.max_redirects = 0  # credentials do not travel
    session.verify = given.tls.ca or True
    session.cert = (given.tls.cert, given.tls.key) if given.tls.key else given.tls.cert or None
    return session


def _plain(series: dict[str, Any]) -> dict[str, Any]:
    """Labels that the frame's own columns would overwrite get another name."""
    labels = {f"label_{name}" if name in ("value", "timestamp") else name: text for name, text in series.get("metric", {}).items()}
    return {"metric": labels, "values": series["values"]}


def line(frame: pd.DataFrame) -> Line:
    """The samples of a frame with one series, without gaps' NaN; several series are no line."""
    import numpy as np

    labels = [column for column in frame.columns if column != "value"]
    if len(frame) == 0 or (labels and len(frame[labels].drop_duplicates()) > 1):
        return []
    values = frame["value"].to_numpy(dtype=float)
    times_s = frame.index.to_numpy(dtype="datetime64[ns]").astype(np.int64) / 1e9
    return [(float(at_s), float(value)) for at_s, value in zip(times_s, values, strict=True) if math.isfinite(value)]


def _fetch(
    settings: PrometheusSettings, queries: Mapping[str, str], span_s: tuple[float, float, float], deadline_s: float
) -> dict[str, Line] | Failure:
    """In the worker's thread."""
    lane = _lanes[settings.url]
    if not lane.acquire(timeout=deadline_s):
        return Failure("wedged", "an earlier question for the past is still stuck")
    try:
        source = RangeSource(settings)
        lines: dict[str, Line] = {name: [] for name in queries}
        failure: Failure | None = None
        for name, query in queries.items():
            try:
                lines[name] = line(source.frame(query, *span_s))
            except RangeFailure as failed:
                failure = failed.failure
                if failure.kind not in ("bad_status", "too_large"):  # the server's trouble; else one query's, and the others may do
                    break
        return failure if failure is not None and not any(lines.values()) else lines
    finally:
        lane.release()
