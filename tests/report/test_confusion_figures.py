"""Figures of comparisons: what is drawn is what was given, in any size, whatever groups are called."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from songnet.comparison import compare, log_ratio
from songnet.errors import ParameterError
from songnet.partition import Partition
from songnet.report import (
    comparison_size,
    confusion_size,
    draw_comparison,
    plot_confusion,
    plot_null,
    save_figures,
)
from songnet.report.confusion import COUNTS_MAP, RATIO_MAP

HOSTILE = ["$x_1$ and $\\frac{1}{0}$", "A$AP", "\\", "\x00\x07\x1b[31mred", "a\nb", "日本語のとても長い名前" * 9,
           "שלום", "😀👩‍👩‍👧‍👦", "\ud800 half", "<b>&amp;</b> \"]]>", "", "a" * 5000]  # fmt: skip


def new_axes(width=7.0, height=4.2):
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure.add_subplot()


def counts(a, b, rng):
    return rng.integers(0, 90, (a, b)) + 200 * np.eye(a, b, dtype=int)


def names(n, name="group"):
    return [f"{number} {name}" for number in range(1, n + 1)]


def drawn_names(axes):
    return [[label.get_text() for label in side] for side in (axes.get_yticklabels(), axes.get_xticklabels())]


def lightness(colours):
    return np.asarray(colours)[:, :3] @ np.array([0.299, 0.587, 0.114])


def report_of(first, second, **options):
    ids = [f"{n:04}" for n in range(len(first))]
    return compare(
        Partition.from_labels(ids, np.asarray(first) + 1, "kmeans", {}),
        Partition.from_labels(ids, np.asarray(second) + 1, "louvain", {}),
        n_draws=99,
        n_bootstrap=20,
        **options,
    )


@pytest.mark.parametrize(("a", "b"), [(4, 10), (10, 11), (6, 6), (1, 1), (1, 12)])
def test_every_cell_has_its_value_where_there_is_room(a, b, rng):
    table = counts(a, b, rng)
    axes = plot_confusion(new_axes(*confusion_size(names(a), names(b))), table, names(a), names(b))
    assert axes.images[0].get_array().tolist() == table.tolist()
    written = {tuple(text.get_position()): text.get_text() for text in axes.texts}
    assert written == {(j, i): f"{table[i, j]:,}" for i in range(a) for j in range(b)}
    assert drawn_names(axes) == [names(a), names(b)]


@pytest.mark.parametrize(("kind", "expected"), [("row", [[".75", ".25"], ["0", "1"]]), ("log", None)])
def test_shares_and_ratios(kind, expected):
    table = np.array([[300, 100], [0, 50]])
    axes = plot_confusion(new_axes(), table, names(2), names(2), kind=kind)
    shown = np.array([text.get_text() for text in axes.texts]).reshape(2, 2).tolist()
    if expected is None:
        ratio = log_ratio(table)
        expected = [[f"{value:+.1f}".replace("-", "\N{MINUS SIGN}") for value in row] for row in ratio]
        assert axes.images[0].norm(0.0) == 0.5
        assert np.allclose(axes.images[0].get_array(), ratio)
    assert shown == expected


def test_numbers_stay_inside_their_cells(rng):
    axes = plot_confusion(new_axes(8, 6), counts(9, 12, rng) * 1_000, names(9), names(12))
    renderer = axes.figure.canvas.get_renderer()
    axes.figure.draw_without_rendering()
    cell = axes.get_window_extent().width / 12
    assert len(axes.texts) == 108
    assert max(text.get_window_extent(renderer).width for text in axes.texts) <= cell


def test_numbers_are_left_out_where_they_would_not_be_legible(rng):
    table = counts(40, 40, rng) * 1_000
    assert not plot_confusion(new_axes(4, 3), table, names(40), names(40)).texts
    assert not plot_confusion(new_axes(9, 9), counts(4, 4, rng), names(4), names(4), numbers=False).texts


def test_numbers_contrast_with_their_cells():
    axes = plot_confusion(new_axes(), np.array([[100, 0], [0, 100]]), names(2), names(2))
    assert [text.get_color() for text in axes.texts] == ["white", "black", "black", "white"]


def test_matched_cells_are_framed():
    table = np.array([[1, 9, 0], [8, 2, 0]])
    axes = plot_confusion(new_axes(), table, names(2), names(3))
    frames = {(patch.get_x() + 0.5, patch.get_y() + 0.5) for patch in axes.patches if isinstance(patch, Rectangle)}
    assert frames == {(1, 0), (0, 1)}
    assert not plot_confusion(new_axes(), table, names(2), names(3), matched=False).patches


def test_colours_survive_a_grey_printer():
    grey = lightness(COUNTS_MAP(np.linspace(0, 1, 64)))
    assert (np.diff(grey) < 0).all()
    ratio = lightness(RATIO_MAP(np.linspace(0, 1, 65)))
    assert (np.diff(ratio[:33]) > 0).all()
    assert (np.diff(ratio[32:]) < 0).all()
    assert RATIO_MAP(0.5)[:3] == pytest.approx((1, 1, 1), abs=0.01)


def test_independent_groups_are_white():
    axes = plot_confusion(new_axes(), np.outer([10, 20], [30, 60]), names(2), names(2), kind="log")
    image = axes.images[0]
    assert np.allclose(image.cmap(image.norm(np.asarray(image.get_array())))[..., :3], 1, atol=0.01)
    assert {text.get_text() for text in axes.texts} == {"0"}


@pytest.mark.parametrize("kind", ["counts", "row", "log"])
def test_hostile_names_are_drawn(tmp_path, rng, kind):
    n = len(HOSTILE)

    def draw(figure):
        return plot_confusion(
            figure.add_subplot(), counts(n, n, rng), HOSTILE, HOSTILE, kind=kind, row_label=HOSTILE[0],
            column_label=HOSTILE[3], title=HOSTILE[1],
        )  # fmt: skip

    paths = save_figures(draw, tmp_path, "hostile", width=8, height=8)
    words = " ".join(ElementTree.parse(paths[1]).getroot().itertext())
    assert "A$AP" in words
    assert "<b>&amp;</b>" in words
    assert "aaa…" in words
    assert "a" * 25 not in words


def test_zero_tables_and_lonely_rows_are_drawn():
    for kind in ("counts", "row", "log"):
        axes = plot_confusion(new_axes(), np.zeros((2, 3), dtype=int), names(2), names(3), kind=kind)
        assert {text.get_text() for text in axes.texts} == {"0"}


@pytest.mark.parametrize(
    ("shape", "rows", "columns", "kind", "message"),
    [
        ((2, 3), 2, 2, "row", "2 row names and 2 column names do not fit a 2 x 3 table"),
        ((41, 2), 41, 2, "row", "a 41 x 2 confusion matrix cannot be drawn: 1 to 40 groups a side"),
        ((0, 2), 0, 2, "row", "a 0 x 2 confusion matrix"),
        ((2, 2), 2, 2, "colums", "kind is 'colums'; choose one of: counts, row, log"),
    ],
)
def test_refuses_what_cannot_be_drawn(shape, rows, columns, kind, message):
    with pytest.raises(ParameterError, match=message):
        plot_confusion(new_axes(), np.ones(shape, dtype=int), names(rows), names(columns), kind=kind)


def test_null_models_beside_the_observed(rng):
    draws = {"tracks": rng.normal(0, 0.01, 200), "artists": rng.normal(0.05, 0.02, 300)}
    axes = plot_null(
        new_axes(), draws, 0.31, (0.28, 0.34), p_values={"tracks": 0.001, "artists": 0.25}, ceiling=0.8, label="A$AP"
    )
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend == [
        "any tracks exchanged\n(p = 0.001)", "whole artists exchanged\n(p = 0.25)", "interval", "observed 0.310",
        "ceiling 0.800",
    ]  # fmt: skip
    lines = {line.get_label(): line.get_xdata()[0] for line in axes.lines}
    assert lines == {"observed 0.310": 0.31, "ceiling 0.800": 0.8}
    areas = [patch for patch in axes.patches if not isinstance(patch, Rectangle)]
    heights = [patch.get_path().vertices[:, 1] for patch in areas]
    assert len(areas) == 2
    assert all(height.max() >= 10 for height in heights)
    assert axes.get_xlabel() == "A\\$AP"


def test_null_of_equal_draws_and_negative_scores():
    axes = plot_null(new_axes(), {"tracks": np.zeros(99)}, -0.02)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "any tracks exchanged",
        "observed \N{MINUS SIGN}0.020",
    ]
    with pytest.raises(ParameterError, match="there are no draws to show"):
        plot_null(new_axes(), {}, 0.1)
    with pytest.raises(ParameterError, match="unknown null model 'albums'"):
        plot_null(new_axes(), {"albums": np.zeros(9)}, 0.1)


def test_three_panels_of_a_comparison(tmp_path, rng):
    first = rng.integers(0, 4, 600)
    second = np.where(rng.random(600) < 0.6, first, rng.integers(0, 10, 600))
    report = report_of(first, second, artists={f"{n:04}": f"artist {n // 4}" for n in range(600)})
    panels = []
    width, height = comparison_size(report, row_names={1: "bright"})
    paths = save_figures(
        lambda figure: panels.extend(draw_comparison(figure, report, row_names={1: "bright", 3: "A$AP"})),
        tmp_path, "comparison", width=width, height=height, caption=report.verdict,
    )  # fmt: skip
    assert [axes.get_title(loc="left") for axes in panels] == [
        "(a) shares of rows", "(b) against chance", "(c) beside null models",
    ]  # fmt: skip
    assert drawn_names(panels[0])[0] == ["1 bright", "2", "3 A\\$AP", "4"]
    assert drawn_names(panels[1])[1] == [str(number) for number in report.contingency.columns]
    assert len(panels[0].texts) == len(panels[1].texts) == 40
    svg = paths[1].read_text(encoding="utf-8")
    assert f"observed {report.scores.ami:.3f}" in svg
    again = save_figures(
        lambda figure: draw_comparison(figure, report, row_names={1: "bright", 3: "A$AP"}),
        tmp_path / "again", "comparison", width=width, height=height, caption=report.verdict,
    )  # fmt: skip
    assert [path.read_bytes() for path in paths] == [path.read_bytes() for path in again]


def test_more_groups_than_fit_are_put_together(rng):
    first = rng.integers(0, 3, 3_000)
    second = np.sort((60 * rng.random(3_000) ** 2).astype(int))
    report = report_of(first, second)
    figure = Figure(figsize=comparison_size(report), layout="constrained")
    FigureCanvasAgg(figure)
    shares, *_ = draw_comparison(figure, report)
    columns = drawn_names(shares)[1]
    assert len(columns) == 40
    assert re.fullmatch(r"\d+ others", columns[-1])
    assert np.allclose(np.asarray(shares.images[0].get_array()).sum(axis=1), 1)
