"""An estimate without labels from the mix of slices: the labelled reference, reweighted until its slices are as frequent as the window's.

Chen, Goel, Sohoni, Poms, Fatahalian and Ré, "Mandoline: model evaluation under distribution shift" (2021), with log-linear weights. The fit is
convex, and needs only the share of each slice in the window, which counts give.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.performance.unlabelled.inferred import share_like
from tui_monitor.model import Estimate

Floats = NDArray[np.float64]

MIN_ESS = 100.0
MIN_ROWS = 10  # reference rows in a slice, and outside of it, that can speak for others
_TRACE = 0.01  # share of a window that is no accident
_MISFIT = 0.01  # how far a slice's reweighted share may stay from the window's
_KEEP_SMALL = 1e-9  # pulls weights that nothing decides to zero; far below what a share can show


class Reweighted(NamedTuple):
    """What the reference says about a window with another mix of slices. Without a value there is a `why`."""

    accuracy: Estimate | None
    was: float  # accuracy over the reference
    ess: float | None  # rows that the reweighted reference is worth; None: nothing was fitted
    rows: int  # of the reference
    driver: str  # the slice whose share moves the estimate most; "" when nothing moved
    assumption: str
    why: str = ""

    @property
    def sentence(self) -> str:
        """`est. accuracy 0.912 (was 0.943), ESS 1,840 of 5,000, driven by slice long_prompt`, or why there is none."""
        if self.accuracy is None or self.accuracy.value is None or self.ess is None:
            return f"no estimate from slices: {self.why}"
        driver = f", driven by slice {self.driver}" if self.driver else ""
        return f"est. accuracy {self.accuracy.value:.3f} (was {self.was:.3f}), ESS {self.ess:,.0f} of {self.rows:,}{driver}"


class Mix:
    """A labelled reference as slices: which combinations of them occur, in how many rows, and how often those were right."""

    __slots__ = ("_in", "_right", "_rows", "names", "reference")

    def __init__(self, names: Sequence[str], inside: NDArray[np.bool_], rows: Floats, right: Floats, reference: str = "") -> None:
        self.names = tuple(names)
        self.reference = reference
        self._in = inside  # one line a combination, one column a slice
        self._rows = rows
        self._right = right

    @classmethod
    def of(cls, names: Sequence[str], inside: NDArray[np.bool_], right: NDArray[np.bool_], reference: str = "") -> Self:
        """From one line a labelled row, one column a slice; `right` is whether its prediction was."""
        packed = np.packbits(inside, axis=1) if inside.shape[1] else np.zeros((len(inside), 1), dtype=np.uint8)
        _, first, group, rows = np.unique(packed, axis=0, return_index=True, return_inverse=True, return_counts=True)
        hits = np.bincount(group.ravel()[right], minlength=len(first))
        return cls(names, inside[first], rows.astype(np.float64), hits.astype(np.float64), reference)

    def under(self, shares: Floats, n: int) -> Reweighted:
        """The accuracy to expect of a window.

        Args:
            shares: of each slice among the window's rows, 0..1.
            n: rows of the window.
        """
        reference = self.reference or "the reference"
        said = f"assumes that how often the model is right within each slice is unchanged since the reference (as in {reference})"
        total = float(self._rows.sum())
        was = float(self._right.sum()) / total if total else math.nan

        def silent(why: str, ess: float | None = None) -> Reweighted:
            return Reweighted(None, was, ess, int(total), "", said, why)

        if not self.names:
            return silent("no slices")
        if total < MIN_ESS:
            return silent(f"the reference has {total:,.0f} labelled rows")
        if n <= 0:
            return silent("no predictions in the window")
        foreign = self._foreign(shares, n)
        if foreign:
            return silent(foreign)
        chance = self._rows / total
        tilt = _fit(self._in.astype(np.float64) * 2 - 1, chance, shares * 2 - 1)
        weighted = chance * tilt
        ess = total * float(weighted.sum()) ** 2 / float((weighted * tilt).sum())
        misfit = np.abs(weighted @ self._in - shares)
        worst = int(misfit.argmax())
        if misfit[worst] > _MISFIT:
            return silent(f"no mix of the reference's rows has slice {self.names[worst]} as often as the window", ess)
        if ess < MIN_ESS:
            return silent(f"the window is so different that the reference is worth {ess:.0f} of its {total:,.0f} rows", ess)
        share_right = self._right / self._rows
        value = float(weighted @ share_right)
        # Squared weight times squared distance of each reference row from the mean; and the window's own rows, each right or not.
        distance = share_right * (1 - value) ** 2 + (1 - share_right) * value**2
        variance = float((weighted * tilt * distance).sum()) / total + value * (1 - value) / n
        accuracy = share_like(value, variance, n, "estimated", least=min(ess, n))
        return Reweighted(accuracy, was, ess, int(total), self._driver(shares, value - was), said)

    def _foreign(self, shares: Floats, n: int) -> str:
        """Why the window holds rows of which the reference has (nearly) none; empty when it does not."""
        inside = self._rows @ self._in
        total = self._rows.sum()
        for name, share, here in zip(self.names, shares, inside, strict=True):
            for word, now, known in (("in", share, here), ("outside of", 1 - share, total - here)):
                if known < MIN_ROWS and now > _TRACE and now * n > known:
                    known_rows = f"{known:.0f} reference row{'' if known == 1 else 's'}"
                    return f"{100 * now:.0f} % of the window is {word} slice {name}, with {known_rows} to go by"
        return ""

    def _driver(self, shares: Floats, change: float) -> str:
        """The slice that alone, at the window's share, would move accuracy furthest the same way."""
        total, right = self._rows.sum(), self._right.sum()
        inside, right_inside = self._rows @ self._in, self._right @ self._in
        outside, right_outside = total - inside, right - right_inside
        with np.errstate(invalid="ignore", divide="ignore"):
            alone = np.nan_to_num((shares - inside / total) * (right_inside / inside - right_outside / outside), posinf=0.0, neginf=0.0)
        towards = alone * (1.0 if change >= 0 else -1.0)
        best = int(towards.argmax())
        return self.names[best] if towards[best] > 1e-6 else ""


def _fit(signs: Floats, chance: Floats, target: Floats) -> Floats:
    """Weights exp(theta . g), mean 1 over the reference, under which each slice's mean sign is the target's."""
    from scipy.optimize import minimize

    def loss(theta: np.ndarray[tuple[int], np.dtype[np.float64]]) -> tuple[float, Floats]:
        power = signs @ theta
        top = float(power.max())
        mass = chance * np.exp(power - top)
        whole = float(mass.sum())
        value = math.log(whole) + top - float(theta @ target) + _KEEP_SMALL / 2 * float(theta @ theta)
        return value, mass @ signs / whole - target + _KEEP_SMALL * theta

    found = minimize(
        loss,
        np.zeros(signs.shape[1]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(-20.0, 20.0)] * signs.shape[1],
        options={"maxiter": 500, "maxfun": 2000, "ftol": 1e-16, "gtol": 1e-8},
    )
    power = signs @ found.x
    tilt: Floats = np.exp(power - power.max())
    return tilt / float(chance @ tilt)
