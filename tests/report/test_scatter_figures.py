"""Scatter plots of tracks: every track is drawn, by its cluster or its tag, and the legend says which is which."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from songnet.errors import ParameterError
from songnet.report import (
    ScatterPanel,
    draw_scatters,
    plot_scatter,
    plot_scatter_3d,
    plot_scatter_by_tag,
    save_figures,
)


def legend_rows(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def shown(axes):
    return [text.get_text() for text in axes.texts]


def lines_by_label(axes):
    return {line.get_label(): line for line in axes.lines}


def test_scatter_draws_each_cluster_with_its_number_at_its_median(axes, rng):
    points, labels = rng.normal(size=(50, 2)), np.repeat([1, 2, 3, -1], [10, 20, 15, 5])
    assert plot_scatter(axes, points, labels, names={2: "slow $"}, explained=np.array([0.5, 0.25]), title="PCA") is axes
    lines = lines_by_label(axes)
    assert legend_rows(axes) == ["1 (10)", "2 slow \\$ (20)", "3 (15)", "noise (5)"]
    for number, entry in zip((1, 2, 3, -1), legend_rows(axes), strict=True):
        np.testing.assert_array_equal(lines[entry].get_xydata(), points[labels == number])
    assert [lines[entry].get_marker() for entry in legend_rows(axes)] == ["o", "s", "^", "x"]
    assert shown(axes) == ["1", "1", "2", "2", "3", "3"]
    for number, text in zip((1, 2, 3), axes.texts[1::2], strict=True):
        np.testing.assert_allclose(text.xy, np.median(points[labels == number], axis=0))
        assert not text.get_path_effects()
    assert (axes.get_xlabel(), axes.get_ylabel()) == (
        "component 1 (50.0 % of variance)", "component 2 (25.0 % of variance)",
    )  # fmt: skip
    assert axes.get_title() == "PCA"
    assert axes.get_aspect() == 1


def test_scatter_without_components_has_no_numbers_on_its_axes(axes):
    plot_scatter(axes, np.arange(6.0).reshape(3, 2), np.array([1, 1, 2]), legend=False)
    assert axes.get_legend() is None
    assert (len(axes.get_xticks()), len(axes.get_yticks()), axes.get_xlabel()) == (0, 0, "")


def test_scatter_moves_numbers_off_each_other(axes):
    points = np.array([[0.0, 0], [0, 0], [0.001, 0], [50, 50]])
    plot_scatter(axes, points, np.array([1, 2, 3, 4]))
    axes.figure.draw_without_rendering()
    renderer = axes.figure.canvas.get_renderer()
    boxes = [text.get_window_extent(renderer) for text in axes.texts[1::2]]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[i + 1 :])
    assert axes.texts[7].xyann == (0, 0)


def test_a_legend_has_at_most_twenty_rows_and_noise(axes, rng):
    labels = np.append(np.arange(1, 26), -1)
    plot_scatter(axes, rng.normal(size=(26, 2)), labels)
    rows = legend_rows(axes)
    assert rows[:2] + rows[18:] == ["1 (1)", "2 (1)", "19 (1)", "and 6 more", "noise (1)"]
    full = axes.figure.add_subplot()
    plot_scatter(full, rng.normal(size=(20, 2)), np.arange(1, 21))
    assert legend_rows(full)[-1] == "20 (1)"


def test_scatter_by_tag_knows_common_other_and_unknown(axes, rng):
    values = ["rock"] * 4 + ["jazz"] * 2 + ["folk"] * 2 + ["dub"] + [None, "", "  "]
    points = rng.normal(size=(12, 2))
    assert plot_scatter_by_tag(axes, points, values, max_values=2, title="genre") is axes
    assert legend_rows(axes) == ["rock (4)", "folk (2)", "other (3)", "unknown (3)"]
    lines = lines_by_label(axes)
    np.testing.assert_array_equal(lines["rock (4)"].get_xydata(), points[:4])
    np.testing.assert_array_equal(lines["other (3)"].get_xydata(), points[[4, 5, 8]])
    np.testing.assert_array_equal(lines["unknown (3)"].get_xydata(), points[9:])
    assert lines["unknown (3)"].get_markerfacecolor() == "none"
    # What has no look of its own lies below.
    assert [line.get_label() for line in axes.lines][:2] == ["unknown (3)", "other (3)"]


@pytest.mark.parametrize("number", [0, 19])
def test_scatter_by_tag_refuses_too_many_values(axes, number):
    with pytest.raises(ParameterError, match=f"max_values is {number}; it must be from 1 to 18"):
        plot_scatter_by_tag(axes, np.zeros((1, 2)), ["a"], max_values=number)


def test_scatter_in_three_dimensions(rng):
    axes = Figure().add_subplot(projection="3d")
    points, labels = rng.normal(size=(9, 3)), np.array([1, 2, -1] * 3)
    assert plot_scatter_3d(axes, points, labels, explained=np.array([0.5, 0.25, 0.125])) is axes
    np.testing.assert_array_equal(np.array(lines_by_label(axes)["2 (3)"].get_data_3d()).T, points[labels == 2])
    assert axes.get_zlabel() == "component 3 (12.5 %)"
    assert shown(axes) == ["1", "1", "2", "2"]
    assert legend_rows(axes) == ["1 (3)", "2 (3)", "noise (3)"]


def test_scatter_refuses_what_does_not_fit(axes):
    with pytest.raises(ParameterError, match="4 points and 3 labels do not match"):
        plot_scatter(axes, np.zeros((4, 2)), np.ones(3))
    with pytest.raises(ParameterError, match="4 points and 1 values do not match"):
        plot_scatter_by_tag(axes, np.zeros((4, 2)), ["a"])
    with pytest.raises(ParameterError, match=r"a plot in 2 dimensions needs points \[n, 2\], not an array of shape"):
        plot_scatter(axes, np.zeros((4, 3)), np.ones(4))
    with pytest.raises(ParameterError, match="there is no projection to draw"):
        draw_scatters(Figure(), [])


def test_projections_stand_side_by_side_with_one_legend(rng):
    figure = Figure(layout="constrained")
    labels = np.repeat([1, 2], 10)
    panels = [ScatterPanel(rng.normal(size=(20, 2)), labels, "PCA"), ScatterPanel(np.eye(2), np.array([1, 2]), "t-SNE")]
    plots = draw_scatters(figure, panels, names={1: "one"})
    assert [axes.get_title() for axes in plots] == ["PCA", "t-SNE"]
    assert plots[0].get_legend() is None
    assert legend_rows(plots[1]) == ["1 one (10)", "2 (10)"]


def test_many_points_are_pixels_in_an_svg_and_all_are_drawn(rng, tmp_path):
    points, labels = rng.normal(size=(6_000, 2)), rng.integers(1, 4, 6_000)
    drawn = []

    def draw(figure):
        axes = plot_scatter(figure.add_subplot(), points, labels)
        drawn.extend(line.get_xydata() for line in axes.lines)
        assert all(line.get_rasterized() for line in axes.lines)

    _, svg = save_figures(draw, tmp_path, "many")
    assert svg.stat().st_size < 1_000_000
    assert b"data:image/png" in svg.read_bytes()
    together = np.concatenate(drawn)
    np.testing.assert_array_equal(together[np.lexsort(together.T)], points[np.lexsort(points.T)])
