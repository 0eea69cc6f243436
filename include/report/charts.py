"""
The charts of a run's report and of the page *Hashtags*, each as an SVG element.

They are drawn here: a run writes its report twice, and matplotlib took an eighth of the CPU of its tasks for it.
Colours are classes, so that a page can be dark. A page has `STYLE` in its style sheet and `key` in its legends.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

LEFT, RIGHT, TOP, BOTTOM = 36, 10, 12, 18
"""Margins, in the units of the chart's viewBox."""
INDENT = 8
"""From the sides of the axes to the first and the last value."""
CAPTION = 15
"""Height of a line of text below the numbers of the axis."""
BESIDE = 4
ROOM_OF_DATE, ROOM_OF_GRID_LINE = 62, 30
STEPS = (0.05, 0.1, 0.2, 0.25, 0.5)
"""Distances of the lines of a grid, the smallest one first."""
STAR = " ".join(
    f"{math.sin(k * math.pi / 5) * radius:.1f},{-math.cos(k * math.pi / 5) * radius:.1f}"
    for k, radius in enumerate([7, 2.9] * 5)
)
STYLE = Markup("""
  svg text { font: 10px system-ui, sans-serif; fill: var(--note); } svg path { fill: none; stroke-width: 1; }
  .grid { stroke: var(--line); } .accuracy { stroke: var(--blue); stroke-width: 1.3; }
  .interval { stroke: var(--blue); opacity: .45; } svg path.points { stroke: var(--blue); }
  svg path.points, svg path.best, svg path.earlier { stroke-width: 3.5; stroke-linecap: round; }
  .majority, .calibrated { stroke: var(--grey); stroke-dasharray: 4 3; }
  svg path.earlier { stroke: var(--green); stroke-linecap: square; }
  .earlier-interval { stroke: var(--green); opacity: .45; } .star { fill: var(--orange); }
  svg path.best { stroke: var(--orange); } .dot { fill: var(--blue); opacity: .8; }
  svg.key { display: inline; width: 1.3rem; min-width: 0; margin: 0; }
""")
"""The page defines the colours: --note, --line, --blue, --orange, --grey and --green."""
_KEYS = {
    "accuracy": '<path class="interval" d="M10 0V10"/><path class="accuracy" d="M0 5H20"/>'
    '<path class="points" d="M10 5h0"/>',
    "majority": '<path class="majority" d="M0 5H20"/>',
    "champion": f'<polygon class="star" transform="translate(10 5) scale(.75)" points="{STAR}"/>',
    "earlier": '<path class="earlier-interval" d="M10 0V10"/><path class="earlier" d="M10 5h0"/>',
    "calibrated": '<path class="calibrated" d="M0 5H20"/>',
    "best": '<path class="best" d="M10 5h0"/>',
}
Interval = Sequence[float]


@dataclass(frozen=True, slots=True)
class Size:
    """Of a chart's viewBox. The page scales it to its own width."""

    width: int
    height: int


SMALL, MEDIUM, LARGE = Size(360, 120), Size(560, 230), Size(920, 240)


@dataclass(frozen=True, slots=True)
class DateFigures:
    """What the chart of dates shows of the newest evaluation of a date. Shares are from 0 to 1."""

    date: str
    accuracy: float | None
    interval: Interval | None = None
    majority: float | None = None
    earlier_champion: tuple[float, Interval] | None = None
    """Accuracy and interval, on these tweets, of a champion that was trained on tweets of an earlier date."""

    def shares(self) -> list[float]:
        accuracy, interval = self.earlier_champion or (None, ())
        shares = (self.accuracy, self.majority, accuracy, *(self.interval or ()), *interval)
        return [share for share in shares if share is not None]


Places = Sequence[tuple[float, DateFigures]]
"""Dates with their places from the left to the right."""


def key(name: str) -> Markup:
    """The mark of what a legend names: accuracy, majority, champion, earlier, calibrated, best."""
    return Markup(f'<svg class="key" viewBox="0 0 20 10">{_KEYS[name]}</svg>')


def accuracy_by_date(
    dates: Sequence[DateFigures],
    champion: tuple[str, float] | None = None,
    size: Size = SMALL,
    named: str | None = None,
) -> Markup:
    """
    The accuracy of each date with its interval, and the majority baseline's accuracy; a star at the champion.

    :param dates: at least one, the oldest first
    :param champion: its date and accuracy
    :param named: a date that is always named on the axis
    """
    starred = [champion] if champion and champion[0] in {one.date for one in dates} else []
    axes = _Axes.around([share for one in dates for share in one.shares()] + [share for _, share in starred], size)
    places = list(zip(axes.spread(len(dates)), dates, strict=True))
    newest = dates[-1]
    label = f"Accuracy of {len(dates)} dates, the newest {newest.date}"
    return axes.svg(
        label if newest.accuracy is None else f"{label}: {newest.accuracy:.1%}",
        axes.grid(),
        *_own_models(axes, places),
        *_earlier_champions(axes, places),
        *_stars(axes, places, starred),
        *axes.dates([(x, one.date) for x, one in places], named),
    )


def _own_models(axes: "_Axes", places: Places) -> Iterator[str]:
    """What each date's model and its majority baseline do."""
    accuracies = axes.points((x, one.accuracy) for x, one in places)
    yield _path("majority", axes.across((x, one.majority) for x, one in places))
    yield _path("interval", "".join(axes.bar(x, one.interval) for x, one in places if one.interval))
    yield _path("accuracy", _line(accuracies))
    yield _path("points", _dots(accuracies))


def _stars(axes: "_Axes", places: Places, starred: Iterable[tuple[str, float]]) -> list[str]:
    at = {one.date: x for x, one in places}
    return [axes.star(at[date], accuracy) for date, accuracy in starred]


def _earlier_champions(axes: "_Axes", places: Places) -> Iterator[str]:
    """Beside the date's own model."""
    earlier = [(x + BESIDE, *one.earlier_champion) for x, one in places if one.earlier_champion]
    yield _path("earlier-interval", "".join(axes.bar(x, interval) for x, _, interval in earlier))
    yield _path("earlier", _dots(axes.points((x, accuracy) for x, accuracy, _ in earlier)))


def reliability(bins: Sequence[Mapping[str, float]]) -> Markup:
    """Calibration: accuracy by the probability of the predicted label. Below each dot is its number of tweets."""
    axes = _Axes(0.0, 1.0, MEDIUM, bottom=BOTTOM + CAPTION)
    largest = max(entry["tweets"] for entry in bins)
    dots = [
        (
            axes.x(entry["probability"]),
            axes.y(entry["accuracy"]),
            2.5 + 5.5 * math.sqrt(entry["tweets"] / largest),
            entry,
        )
        for entry in bins
    ]
    shares = [step / 5 for step in range(6)]
    return axes.svg(
        "Accuracy by the probability of the predicted label",
        axes.grid(),
        *(_text(axes.x(share), axes.below(), f"{share:.0%}") for share in shares),
        _text(axes.x(0.5), axes.below() + CAPTION, "probability of the predicted label"),
        _path("calibrated", _line([axes.point(share, share) for share in (0.0, 1.0)])),
        *(f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"/>' for x, y, radius, _ in dots),
        *(_text(x, y + radius + 10, f"{entry['tweets']:,}") for x, y, radius, entry in dots),
    )


def accuracy_by_epoch(epochs: Sequence[Mapping[str, float]]) -> Markup:
    """Validation accuracy after each epoch of the training. The best one, whose model is kept, is marked."""
    accuracies = [entry["validation_accuracy"] for entry in epochs]
    axes = _Axes.around(accuracies, MEDIUM, bottom=BOTTOM + CAPTION)
    xs = axes.spread(len(epochs))
    points = axes.points(zip(xs, accuracies, strict=True))
    best = accuracies.index(max(accuracies))
    named = range(0, len(epochs), 1 + len(epochs) // 20)
    return axes.svg(
        f"Validation accuracy by epoch, the best {accuracies[best]:.1%}",
        axes.grid(),
        *(_text(xs[number], axes.below(), f"{epochs[number]['epoch']}") for number in named),
        _text(axes.x(0.5), axes.below() + CAPTION, "epoch"),
        _path("accuracy", _line(points)),
        _path("points", _dots(points)),
        _path("best", _dots([points[best]])),
    )


@dataclass(frozen=True, slots=True)
class _Axes:
    """Shares from `low` to `high` upwards, and values from the left to the right."""

    low: float
    high: float
    size: Size
    bottom: int = BOTTOM

    @classmethod
    def around(cls, shares: Iterable[float], size: Size, bottom: int = BOTTOM) -> "_Axes":
        """The axes from one tenth to another that hold all shares."""
        shares = list(shares)
        low, high = math.floor(min(shares) * 10) / 10, math.ceil(max(shares) * 10) / 10
        return cls(low if low < high else low - 0.1, high if high > 0 else 0.1, size, bottom)

    @property
    def right(self) -> int:
        return self.size.width - RIGHT

    @property
    def height(self) -> int:
        return self.size.height - TOP - self.bottom

    def x(self, part: float) -> float:
        """The place of a part of the width, from 0 to 1."""
        return LEFT + INDENT + (self.right - LEFT - 2 * INDENT) * part

    def y(self, share: float) -> float:
        return TOP + self.height * (self.high - share) / (self.high - self.low)

    def below(self) -> float:
        """The base line of texts at the horizontal axis."""
        return self.size.height - self.bottom + 14

    def spread(self, number: int) -> list[float]:
        """The places of so many values."""
        return [self.x(0.5)] if number == 1 else [self.x(i / (number - 1)) for i in range(number)]

    def point(self, part: float, share: float) -> str:
        return f"{self.x(part):.1f} {self.y(share):.1f}"

    def points(self, values: Iterable[tuple[float, float | None]]) -> list[str]:
        return [f"{x:.1f} {self.y(share):.1f}" for x, share in values if share is not None]

    def across(self, values: Iterable[tuple[float, float | None]]) -> str:
        """A line through the points; through a single one from side to side, because a point is no line."""
        points = self.points(values)
        if len(points) == 1:
            return f"M{LEFT} {points[0].partition(' ')[2]}H{self.right}"
        return _line(points)

    def bar(self, x: float, interval: Interval) -> str:
        return f"M{x:.1f} {self.y(interval[0]):.1f}V{self.y(interval[1]):.1f}"

    def star(self, x: float, share: float) -> str:
        return f'<polygon class="star" transform="translate({x:.1f} {self.y(share):.1f})" points="{STAR}"/>'

    def grid(self) -> str:
        """Lines at multiples of a round share, as many as there is room for."""
        step = next(one for one in STEPS if (self.high - self.low) / one <= self.height / ROOM_OF_GRID_LINE + 0.01)
        shares = [
            step * number
            for number in range(math.ceil(self.low / step - 0.01), math.floor(self.high / step + 0.01) + 1)
        ]
        return "".join(
            _path("grid", f"M{LEFT} {self.y(share):.1f}H{self.right}")
            + _text(LEFT - 4, self.y(share) + 3.5, f"{share:.0%}", "end")
            for share in shares
        )

    def dates(self, places: Sequence[tuple[float, str]], named: str | None) -> list[str]:
        """As many dates as there is room for: first the one that is always named, the newest and the oldest."""
        first = sorted(places, key=lambda place: (place[1] != named, place is not places[-1], place is not places[0]))
        shown: list[float] = []
        texts = []
        for x, date in first:
            x = min(max(x, LEFT + ROOM_OF_DATE / 2 - 6), self.right - ROOM_OF_DATE / 2 + 6)
            if all(abs(x - other) >= ROOM_OF_DATE for other in shown):
                shown.append(x)
                texts.append(_text(x, self.below(), date))
        return texts

    def svg(self, label: str, *parts: str) -> Markup:
        """The element. Its parts are numbers, and texts that are escaped."""
        size = f"0 0 {self.size.width} {self.size.height}"
        return Markup(f'<svg viewBox="{size}" role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>')


def _line(points: Sequence[str]) -> str:
    return "M" + "L".join(points) if points else ""


def _dots(points: Iterable[str]) -> str:
    return "".join(f"M{point}h0" for point in points)


def _path(name: str, data: str) -> str:
    return f'<path class="{name}" d="{data}"/>' if data else ""


def _text(x: float, y: float, text: Any, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
