"""Figures of clusterings: silhouettes, criteria over k and their table show what was given."""

from itertools import pairwise

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from songnet.errors import ParameterError
from songnet.report import (
    Curve,
    draw_criteria,
    k_table_size,
    plot_criterion,
    plot_k_table,
    plot_silhouettes,
    save_figures,
)


def legend_rows(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def shown(axes):
    return [text.get_text() for text in axes.texts]


def lines_by_label(axes):
    return {line.get_label(): line for line in axes.lines}


# Silhouettes


def test_silhouettes_are_drawn_sorted_cluster_by_cluster(axes):
    values = np.array([0.25, -0.125, 0.5, 0.75, 0.0625, 0.9])
    labels = np.array([2, 1, 1, 2, 2, -1])
    assert plot_silhouettes(axes, values, labels, mean=0.28, names={2: "slow"}) is axes
    edges = [polygon.get_paths()[0].vertices for polygon in axes.collections]
    assert [set(np.unique(vertices[:, 0])) for vertices in edges] == [{-0.125, 0, 0.5}, {0, 0.0625, 0.25, 0.75}]
    first, second = (vertices[:, 1] for vertices in edges)
    np.testing.assert_allclose([np.ptp(first), np.ptp(second)], [2, 3])
    assert first.max() < second.min()
    top = edges[1][edges[1][:, 1] == second.min()]
    assert top[:, 0].max() == 0.75
    assert shown(axes) == ["1", "2 · 0.19", "2 slow", "3 · 0.35", "mean 0.280", "tracks · mean"]
    assert 0.28 in [line.get_xdata()[0] for line in axes.lines]
    assert axes.yaxis_inverted()


def test_silhouettes_label_tiny_clusters_without_overlap(axes):
    labels = np.repeat([1, 2, 3, 4, 5], [1000, 1, 1, 1, 1000])
    plot_silhouettes(axes, np.linspace(-1, 1, 2003), labels, mean=0)
    axes.figure.draw_without_rendering()
    renderer = axes.figure.canvas.get_renderer()
    numbers = [text for text in axes.texts if text.get_text() in "12345"]
    boxes = sorted((text.get_window_extent(renderer) for text in numbers), key=lambda box: box.y0)
    assert len(boxes) == 5
    assert all(low.y1 <= high.y0 for low, high in pairwise(boxes))


def test_silhouettes_of_many_are_a_small_file(rng, tmp_path):
    values, labels = rng.uniform(-1, 1, 10_000), rng.integers(1, 8, 10_000)
    paths = save_figures(lambda figure: plot_silhouettes(figure.add_subplot(), values, labels, mean=0), tmp_path, "s")
    assert max(path.stat().st_size for path in paths) < 500_000


def test_silhouettes_refuse_what_they_cannot_draw(axes):
    with pytest.raises(ParameterError, match="2 silhouettes and 3 labels do not match"):
        plot_silhouettes(axes, np.zeros(2), np.ones(3), mean=0)
    with pytest.raises(ParameterError, match="no track is in a cluster"):
        plot_silhouettes(axes, np.zeros(2), np.array([-1, -1]), mean=0)
    with pytest.raises(ParameterError, match="a silhouette is not finite"):
        plot_silhouettes(axes, np.array([0, np.nan]), np.array([1, 2]), mean=0)


# Criteria


def test_criterion_draws_curve_bands_vote_and_choice(axes):
    ks, values = [2, 3, 4, 5], np.array([0.1, 0.4, 0.3, 0.2])
    low, high = values - 0.05, values + 0.05
    null_low, null_high = np.full(4, 0.01), np.full(4, 0.02)
    assert (
        plot_criterion(
            axes, ks, values, low=low, high=high, chosen=3, voted=5, null_low=null_low, null_high=null_high,
            label="silhouette",
        )
        is axes
    )  # fmt: skip
    lines = lines_by_label(axes)
    np.testing.assert_array_equal(lines["value"].get_xydata(), np.stack([ks, values], axis=1))
    np.testing.assert_array_equal(lines["chosen"].get_xydata(), [[3, 0.4]])
    assert list(lines["vote"].get_xdata()) == [5, 5]
    assert lines["vote"].get_linestyle() == "--"
    bands = {band.get_label(): np.unique(band.get_paths()[0].vertices[:, 1]) for band in axes.collections}
    np.testing.assert_allclose(bands["interval"], np.unique(np.concatenate([low, high])))
    np.testing.assert_allclose(bands["without clusters"], [0.01, 0.02])
    assert shown(axes) == ["vote 5", "chosen 3", "chosen 3"]  # the halo and the words
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("number of clusters k", "silhouette")
    assert legend_rows(axes) == ["value", "interval", "without clusters", "vote", "chosen"]


def test_criterion_takes_gaps_single_values_and_foreign_votes(axes):
    plot_criterion(axes, [2, 3], np.array([np.nan, np.nan]), chosen=2, voted=9, label="BIC")
    assert set(lines_by_label(axes)) == {"value", "chosen"}
    with pytest.raises(ParameterError, match=r"^gap: 1 low for 2 numbers of clusters$"):
        plot_criterion(axes, [2, 3], np.zeros(2), low=np.zeros(1), high=np.zeros(2), label="gap")


def test_criteria_share_a_figure_and_a_legend():
    figure = Figure(layout="constrained")
    ks = [2, 3, 4]
    curves = [
        Curve("inertia", ks, np.array([3e5, 2e5, 1e5]), voted=3, chosen=4),
        Curve("silhouette", ks, np.array([0.1, 0.3, 0.2]), low=np.zeros(3), high=np.ones(3), chosen=4),
        Curve("BIC", ks, np.array([1.0, 2.0, 3.0])),
    ]
    panels = draw_criteria(figure, curves)
    assert figure.axes == panels
    assert [axes.get_ylabel() for axes in panels] == ["inertia", "silhouette", "BIC"]
    assert [axes.get_xlabel() for axes in panels] == ["", "number of clusters k", "number of clusters k"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["value", "interval", "vote", "chosen"]
    assert all(axes.get_legend() is None for axes in panels)
    with pytest.raises(ParameterError, match="there is no criterion to draw"):
        draw_criteria(figure, [])


# The table


def test_k_table_shows_every_cell_and_stresses_the_chosen_row(axes):
    columns = ["k", "inertia", "mean silhouette", "note"]
    rows = [[2, 12345.678, 0.25, "$a$"], [3, 999.5, None, ""], [4, 1.0, -0.5, "elbow"]]
    assert plot_k_table(axes, columns, rows, chosen_row=2) is axes
    words = shown(axes)
    assert words[0] == "▶"
    assert words[1:] == [
        "", "k", "2", "3", "4",
        "", "inertia", "12,346", "1,000", "1",
        "mean", "silhouette", "0.2500", "–", "−0.5000",
        "", "note", "\\$a\\$", "", "elbow",
    ]  # fmt: skip
    bold = [text.get_text() for text in axes.texts if text.get_fontweight() == "bold"]
    assert bold == ["4", "1", "−0.5000", "elbow"]
    (band,) = axes.patches
    n_header = 2
    assert (band.get_y(), band.get_height()) == (n_header + 2, 1)
    right = {text.get_text(): text.get_position()[0] for text in axes.texts if text.get_ha() == "right"}
    assert right["12,346"] == right["1,000"] == right["inertia"]
    assert {text.get_fontfamily()[0] for text in axes.texts[1:]} == {"monospace"}


def test_k_table_fits_where_it_is_drawn(tmp_path):
    columns = ["k", *(f"criterion {number}" for number in range(12))]
    rows = [[k, *(k * 1000.0 + number for number in range(12))] for k in range(2, 41)]
    width, height = k_table_size(columns, rows)
    for size in ((width, height), (4.0, 3.0)):
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        axes = plot_k_table(figure.add_subplot(), columns, rows, chosen_row=None)
        figure.draw_without_rendering()
        renderer = figure.canvas.get_renderer()
        boxes = [text.get_window_extent(renderer) for text in axes.texts if text.get_text()]
        assert min(box.x0 for box in boxes) >= 0
        assert max(box.x1 for box in boxes) <= figure.bbox.x1
        last = [text.get_window_extent(renderer) for text in axes.texts[-len(rows) :]]
        assert all(upper.y0 >= lower.y1 - 0.5 for upper, lower in pairwise(last))


def test_k_table_refuses_what_does_not_fit(axes):
    with pytest.raises(ParameterError, match="a row of the table has 1 cells for 2 columns"):
        plot_k_table(axes, ["a", "b"], [[1]], None)
    with pytest.raises(ParameterError, match="chosen_row is 1, but the table has 1 rows"):
        plot_k_table(axes, ["a"], [[1]], 1)
    with pytest.raises(ParameterError, match="a table needs at least one column"):
        k_table_size([], [])
