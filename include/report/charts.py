"""
The report's charts, each as an SVG element.

They contain only numbers and dates, so no text of a tweet needs escaping.
"""

from collections.abc import Mapping, Sequence
from io import StringIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREY, GREEN = "#1f6feb", "#c2571a", "#8a8f98", "#2e7d32"
WIDTH, HEIGHT = 6.4, 3.2
"""Inches; the page scales the charts to its width."""
LEFT, RIGHT, TOP, BOTTOM = 0.12, 0.985, 0.86, 0.16
"""Edges of the axes, in shares of the figure. Matplotlib's layouts would find them, but take as long as the drawing."""
MAX_DATE_LABELS = 8
"""With more dates, only every n-th one is labelled, so that there are fewer than twice as many labels."""


def reliability(bins: Sequence[Mapping[str, float]]) -> str:
    """Calibration: accuracy by the probability of the predicted label."""
    figure, axes = _figure("reliability")
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--", label="perfectly calibrated")
    largest = max(entry["tweets"] for entry in bins)
    axes.scatter(
        [entry["probability"] for entry in bins],
        [entry["accuracy"] for entry in bins],
        s=[20 + 180 * entry["tweets"] / largest for entry in bins],
        color=BLUE,
        alpha=0.8,
        label="test tweets (their number)",
    )
    for entry in bins:
        place = (entry["probability"], entry["accuracy"])
        axes.annotate(f"{entry['tweets']:,}", place, (0, -7), textcoords="offset points", ha="center", va="top", size=8)
    axes.set(xlabel="probability of the predicted label", ylabel="accuracy", xlim=(0, 1.05), ylim=(-0.1, 1.05))
    _legend(figure)
    return _svg(figure)


def accuracy_by_epoch(epochs: Sequence[Mapping[str, float]]) -> str:
    """Validation accuracy after each epoch of the training."""
    from matplotlib.ticker import MaxNLocator

    figure, axes = _figure("epochs")
    numbers = [entry["epoch"] for entry in epochs]
    accuracies = [entry["validation_accuracy"] for entry in epochs]
    axes.plot(numbers, accuracies, color=BLUE, marker="o", markersize=4, linewidth=1.5)
    best = accuracies.index(max(accuracies))
    axes.scatter([numbers[best]], [accuracies[best]], color=ORANGE, zorder=3, label="best epoch, whose model is kept")
    axes.set(xlabel="epoch", ylabel="validation accuracy")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _legend(figure)
    return _svg(figure)


def accuracy_by_date(history: Sequence[Mapping[str, Any]], date: str) -> str:
    """
    The accuracy of each date's newest evaluation, with its interval, and the majority baseline's accuracy.

    :param date: the date of this report, which is always labelled on the axis
    """
    figure, axes = _figure("history", bottom=0.22)
    _plot_accuracies(axes, history)
    _plot_earlier_champions(axes, history)
    _mark_champion(axes, history)
    _label_dates(axes, [entry["date"] for entry in history], date)
    axes.set(ylabel="accuracy", xlim=(-0.5, len(history) - 0.5))
    _legend(figure)
    return _svg(figure)


def _plot_accuracies(axes: "Axes", history: Sequence[Mapping[str, Any]]) -> None:
    positions = range(len(history))
    accuracies = [entry["accuracy"] for entry in history]
    errors = [
        [entry["accuracy"] - entry["accuracy_interval"][0] for entry in history],
        [entry["accuracy_interval"][1] - entry["accuracy"] for entry in history],
    ]
    axes.errorbar(
        positions,
        accuracies,
        yerr=errors,
        color=BLUE,
        marker="o",
        markersize=5,
        linewidth=1.2,
        capsize=3,
        elinewidth=0.8,
        label="accuracy, 95 % interval",
    )
    majorities = [entry["majority_accuracy"] for entry in history]
    axes.plot(positions, majorities, color=GREY, linestyle="--", marker="_", linewidth=1, label="majority baseline")


def _plot_earlier_champions(axes: "Axes", history: Sequence[Mapping[str, Any]]) -> None:
    found = [(position, entry["earlier_champion"]) for position, entry in enumerate(history)]
    found = [(position, champion) for position, champion in found if champion]
    if not found:
        return
    errors = [
        [champion["accuracy"] - champion["accuracy_interval"][0] for _, champion in found],
        [champion["accuracy_interval"][1] - champion["accuracy"] for _, champion in found],
    ]
    axes.errorbar(
        [position + 0.12 for position, _ in found],  # beside the date's own accuracy, not on it
        [champion["accuracy"] for _, champion in found],
        yerr=errors,
        color=GREEN,
        marker="s",
        markersize=4,
        linewidth=0.8,
        linestyle=":",
        capsize=3,
        elinewidth=0.8,
        label="earlier champion on these tweets",
    )


def _mark_champion(axes: "Axes", history: Sequence[Mapping[str, Any]]) -> None:
    for position, entry in enumerate(history):
        if entry["champion"]:
            axes.scatter([position], [entry["accuracy"]], marker="*", s=200, color=ORANGE, zorder=3, label="champion")


def _label_dates(axes: "Axes", dates: Sequence[str], date: str) -> None:
    step = max(1, len(dates) // MAX_DATE_LABELS)
    shown = [position for position in range(len(dates)) if position % step == 0 or dates[position] == date]
    axes.set_xticks(shown, [dates[position] for position in shown], rotation=30, ha="right")


def _legend(figure: "Figure") -> None:
    """Above the axes, where it covers nothing."""
    figure.legend(frameon=False, fontsize=8, loc="upper left", ncols=2, markerscale=0.6, borderaxespad=0.3)


def _figure(name: str, bottom: float = BOTTOM) -> "tuple[Figure, Axes]":
    import matplotlib
    from matplotlib.figure import Figure  # not pyplot, which keeps all figures in memory and is not thread-safe

    # The SVG's ids depend on the chart's name: random ones would change the page, and two charts could share one.

    matplotlib.rcParams.update({"svg.hashsalt": name, "svg.fonttype": "none", "font.family": "sans-serif"})
    figure = Figure(figsize=(WIDTH, HEIGHT))
    figure.subplots_adjust(LEFT, bottom, RIGHT, TOP)
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    return figure, axes


def _svg(figure: "Figure") -> str:
    text = StringIO()
    figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = text.getvalue()
    return svg[svg.index("<svg") :]
