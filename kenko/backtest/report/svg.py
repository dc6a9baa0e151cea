"""A plot as SVG that stands inside a page: its text follows the page's colour, and a screen reader hears what it shows."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from io import StringIO
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK = "#010203"
"""Stands for the colour of the page's text, which differs between light and dark."""
COLORS = ("#2f7ed8", "#e8833a")
"""One a model; told apart by the colour-blind too, and seen on white and on black."""
LINES = ("-", "--")
"""Likewise: two models that agree lie on each other, and both are to be seen."""
BAD, GOOD = "#d6455d", "#2a9d78"

_STYLE: Any = {
    "svg.fonttype": "none",
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
}
_IDS = re.compile(r"""(\bid="|url\(#|href="#)""")


def legend_above(axes: Axes) -> None:
    """The legend, above everything that is drawn: it can hide nothing."""
    figure = axes.get_figure(root=True)
    handles, names = axes.get_legend_handles_labels()
    if figure is not None:
        figure.legend(handles, names, loc="outside upper left", ncols=max(1, len(names)))


def plot(name: str, alt: str, draw: Callable[..., None], *, columns: int = 1) -> str:
    """An `<svg>` element.

    Args:
        name: of the plot, unique on its page: the prefix of its ids.
        alt: what the plot says, in a sentence.
        draw: takes the axes, one a column.
        columns: how many axes, side by side; they share their y.
    """
    with mpl.rc_context(_STYLE), mpl.rc_context({"svg.hashsalt": name}):
        figure = Figure(figsize=(6.4, 3.2), layout="constrained")
        axes: list[Axes] = list(figure.subplots(1, columns, sharey=True, squeeze=False)[0])
        draw(*axes)
        text = StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = _IDS.sub(rf"\g<1>{name}-", svg).replace(INK, "currentColor")
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'width="[\d.]+pt" height="[\d.]+pt"|height="[\d.]+pt" width="[\d.]+pt"', "", svg, count=1)
    svg = svg.replace("'DejaVu Sans'", "system-ui")
    return svg.replace("<svg", f'<svg role="img" aria-label="{escape(alt, quote=True)}"', 1)
