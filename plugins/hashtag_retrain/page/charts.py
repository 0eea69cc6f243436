"""Accuracy by date, as a small SVG: with 95 % intervals, the majority baseline, and a star at the champion."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from hashtag_retrain.page.hashtags import Evaluation, Model

LEFT, RIGHT, TOP, BOTTOM = 34, 8, 8, 16
"""Margins, in the units of the chart's viewBox."""
STAR = [(math.sin(k * math.pi / 5) * r, -math.cos(k * math.pi / 5) * r) for k, r in enumerate([7, 2.9] * 5)]


@dataclass(frozen=True, slots=True)
class Size:
    """Of the chart's viewBox. The page scales it to its own width."""

    width: int
    height: int


SMALL, LARGE = Size(360, 120), Size(920, 240)


def accuracy_by_date(
    evaluations: Sequence[Evaluation], champion: tuple[str, float] | None, size: Size = SMALL
) -> Markup:
    """
    The chart of at least one evaluation. Its colours are the page's, by classes.

    :param evaluations: the oldest date first, one for each date
    :param champion: its date and accuracy
    """
    models = [entry.model for entry in evaluations]
    axes = _Axes.of(models, size)
    xs = axes.xs(len(models))
    accuracies = axes.points(zip(xs, (model.accuracy for model in models), strict=True))
    intervals = [
        axes.bar(x, *model.accuracy_interval) for x, model in zip(xs, models, strict=True) if model.accuracy_interval
    ]
    dates = [entry.date for entry in evaluations]
    label = f"Accuracy of {len(models)} dates, the newest {dates[-1]}: {models[-1].accuracy:.1%}"
    return Markup(  # numbers, and texts that are escaped
        f'<svg viewBox="0 0 {size.width} {size.height}" role="img" aria-label="{escape(label)}">'
        + axes.grid()
        + _path("majority", axes.across(zip(xs, (model.majority_accuracy for model in models), strict=True)))
        + _path("interval", "".join(intervals))
        + _path("accuracy", _line(accuracies))
        + _path("points", "".join(f"M{point}h0" for point in accuracies))
        + (axes.star(xs[dates.index(champion[0])], champion[1]) if champion and champion[0] in dates else "")
        + axes.dates(dates[0], dates[-1])
        + "</svg>"
    )


def star_at(x: float, y: float) -> str:
    """The corners of a champion's star, for an SVG."""
    return " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in STAR)


@dataclass(frozen=True, slots=True)
class _Axes:
    size: Size
    low: float
    high: float

    @classmethod
    def of(cls, models: Sequence[Model], size: Size) -> _Axes:
        """The axes from one tenth to another that hold all shares."""
        shares = [
            share
            for model in models
            for share in (model.accuracy, model.majority_accuracy, *(model.accuracy_interval or ()))
            if share is not None
        ]
        low, high = math.floor(min(shares) * 10) / 10, math.ceil(max(shares) * 10) / 10
        return cls(size, low if low < high else low - 0.1, high if high > 0 else 0.1)

    def xs(self, number: int) -> list[str]:
        """The places of so many dates."""
        if number == 1:
            return [f"{(LEFT + self.size.width - RIGHT) / 2:.1f}"]
        first, last = LEFT + 6, self.size.width - RIGHT - 6
        return [f"{first + (last - first) * i / (number - 1):.1f}" for i in range(number)]

    def y(self, share: float) -> str:
        height = self.size.height - TOP - BOTTOM
        return f"{TOP + height * (self.high - share) / (self.high - self.low):.1f}"

    def points(self, values: Iterable[tuple[str, float | None]]) -> list[str]:
        return [f"{x} {self.y(share)}" for x, share in values if share is not None]

    def across(self, values: Iterable[tuple[str, float | None]]) -> str:
        """A line through the points; through a single one from side to side, because a point is no line."""
        points = self.points(values)
        if len(points) == 1:
            return f"M{LEFT} {points[0].partition(' ')[2]}H{self.size.width - RIGHT}"
        return _line(points)

    def bar(self, x: str, low: float, high: float) -> str:
        return f"M{x} {self.y(low)}V{self.y(high)}"

    def star(self, x: str, share: float) -> str:
        return f'<polygon class="star" points="{star_at(float(x), float(self.y(share)))}"/>'

    def grid(self) -> str:
        lines = ""
        for share in (self.low, (self.low + self.high) / 2, self.high):
            y = self.y(share)
            lines += _path("grid", f"M{LEFT} {y}H{self.size.width - RIGHT}")
            lines += _text(LEFT - 4, float(y) + 3.5, "end", f"{share:.0%}")
        return lines

    def dates(self, first: str, last: str) -> str:
        y = self.size.height - 3
        if first == last:
            return _text((LEFT + self.size.width - RIGHT) / 2, y, "middle", first)
        return _text(LEFT, y, "start", first) + _text(self.size.width - RIGHT, y, "end", last)


def _line(points: Sequence[str]) -> str:
    return "M" + "L".join(points) if points else ""


def _path(name: str, data: str) -> str:
    return f'<path class="{name}" d="{data}"/>'


def _text(x: float, y: float, anchor: str, text: str) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'
