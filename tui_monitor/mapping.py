"""What a server's page says in the vocabulary's terms, as data: written by `collect.servers`, evaluated by `analyse`.

Names are those the server exposes; alternatives stand newest first and the first one that is on the page is used. Units are factors
into SI. Series of one model are summed (counters, queues), merged (buckets) or the worst is taken; nothing is ever averaged over series.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, structs


class Total(Struct, frozen=True):
    """The sum of a family's series that fit `where`; `names` are alternatives, newest first."""

    names: tuple[str, ...]
    where: tuple[tuple[str, str], ...] = ()  # label -> regular expression that the whole value must match
    unless: tuple[tuple[str, str], ...] = ()
    optional: bool = False  # a family that appears with its first event: 0 until then, when its siblings are there
    factor: float = 1.0  # -1 takes it away from the others of its sum

    def __add__(self, other: Total | Sum) -> Sum:
        return Sum((self, *(other.terms if isinstance(other, Sum) else (other,))))


class Sum(Struct, frozen=True):
    """Several totals added; a term that is missing on the page makes the sum unknown unless it is optional."""

    terms: tuple[Total, ...]

    def __add__(self, other: Total | Sum) -> Sum:
        return Sum((*self.terms, *(other.terms if isinstance(other, Sum) else (other,))))

    def __sub__(self, other: Sum) -> Sum:
        return Sum((*self.terms, *(structs.replace(term, factor=-term.factor) for term in other.terms)))


class Rate(Struct, frozen=True):
    """Growth per second of a sum of counters over the window, times `unit`."""

    of: Sum
    unit: float = 1.0


class Latest(Struct, frozen=True):
    """A gauge as it stands: summed over its series, or the worst (largest, with `least` the smallest) of them.

    Series that differ only in the labels of `copies` (the ranks of one model, each telling the same queue) are one: the largest counts.
    """

    of: Sum
    worst: bool = False
    unit: float = 1.0
    copies: tuple[str, ...] = ()
    least: bool = False


class Share(Struct, frozen=True):
    """One gauge over another: of each model or device for itself, and of the target the worst (largest) of them."""

    over: Sum
    under: Sum


class Ratio(Struct, frozen=True):
    """One growth over another in the same window; unknown where the lower one is 0: nothing was observed."""

    over: Rate
    under: Rate
    unit: float = 1.0


class Quantile(Struct, frozen=True):
    """A quantile of a histogram's growth over the window (Prometheus' interpolation), times `unit`."""

    q: float
    of: Total  # the family's name, without _bucket
    unit: float = 1.0


class First(Struct, frozen=True):
    """The first of several ways to make a number whose families the page has: versions of one server tell it in different forms."""

    ways: tuple[Rate | Latest | Share | Ratio | Quantile, ...]


Measure = Rate | Latest | Share | Ratio | Quantile | First


def total(*names: str, where: dict[str, str] | None = None, unless: dict[str, str] | None = None, optional: bool = False) -> Sum:
    """The sum of the series of the first of `names` that the page has."""
    return Sum((Total(names, tuple((where or {}).items()), tuple((unless or {}).items()), optional),))


def rate(of: Sum, unit: float = 1.0) -> Rate:
    """Growth per second."""
    return Rate(of, unit)


def latest(
    *names: str,
    worst: bool = False,
    unit: float = 1.0,
    where: dict[str, str] | None = None,
    unless: dict[str, str] | None = None,
    copies: tuple[str, ...] = (),
) -> Latest:
    """A gauge now."""
    return Latest(total(*names, where=where, unless=unless), worst, unit, copies)


def first(*ways: Rate | Latest | Share | Ratio | Quantile) -> First:
    """The first of these that the page has the families for."""
    return First(ways)


def per(over: Rate, under: Rate, unit: float = 1.0) -> Ratio:
    """One rate over another."""
    return Ratio(over, under, unit)


def mean(*names: str, unit: float = 1.0, where: dict[str, str] | None = None, unless: dict[str, str] | None = None) -> Ratio:
    """The exact mean of a histogram or summary: growth of _sum over growth of _count."""
    sums, counts = (total(*(f"{name}_{part}" for name in names), where=where, unless=unless) for part in ("sum", "count"))
    return Ratio(Rate(sums), Rate(counts), unit)


def quantile(
    q: float, *names: str, unit: float = 1.0, where: dict[str, str] | None = None, unless: dict[str, str] | None = None
) -> Quantile:
    """A quantile of a histogram family."""
    return Quantile(q, Total(names, tuple((where or {}).items()), tuple((unless or {}).items())), unit)


def quantiles(
    key: str, *names: str, unit: float = 1.0, where: dict[str, str] | None = None, unless: dict[str, str] | None = None
) -> dict[str, Measure]:
    """`key.mean`, `key.p50`, `key.p95` and `key.p99` of one histogram family."""
    parts: dict[str, Measure] = {f"{key}.mean": mean(*names, unit=unit, where=where, unless=unless)}
    return parts | {f"{key}.p{round(q * 100)}": quantile(q, *names, unit=unit, where=where, unless=unless) for q in (0.5, 0.95, 0.99)}


class SignalSource(Struct, frozen=True):
    """A histogram, or a counter family with one telling label, that is worth watching for drift."""

    family: str  # as exposed
    role: str  # input output latency
    label: str = ""  # set: a category signal over this label's values


class Says(Struct, frozen=True):
    """Everything a kind of server tells, and what it does not."""

    measures: dict[str, Measure]  # vocabulary key -> how it is made
    by: tuple[str, ...] = ()  # labels that name model (and version), or the device
    about: Literal["server", "gpu", "host"] = "server"  # gpu, host: an exporter, which makes no progress; `by` names its devices
    cannot: dict[str, str] = {}  # vocabulary key -> why not, and the flag that would switch it on
    needs: dict[str, str] = {}  # key of `measures` -> the flag that puts it on the page: the reason where the page has it not
    at_least: dict[str, str] = {}  # vocabulary key -> what it misses: shown as a lower bound
    signals: tuple[SignalSource, ...] = ()
    waiting: tuple[str, ...] = ("request.running", "queue.length")  # keys that mean: there is work
    progress: Sum | None = None  # counters that grow when work is done; None: cannot tell
    step_s: float = 0.0  # the page's numbers are known to change only this often (each process of it in its own phase)
    own_map: bool = False  # its measures are the user's own map, not what is known of a kind of server
    blank: float = float("inf")  # a gauge at or above this is the exporter's word for "not supported"
