"""Figures of clusterings: what is drawn is what was given, whatever people wrote into their tags."""

import re
from itertools import pairwise
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from songnet.errors import ParameterError
from songnet.report import (
    Curve,
    ScatterPanel,
    caption,
    draw_criteria,
    draw_scatters,
    k_table_size,
    plain,
    plot_criterion,
    plot_history,
    plot_k_table,
    plot_scatter,
    plot_scatter_3d,
    plot_scatter_by_tag,
    plot_silhouettes,
    save_figure,
    save_figures,
)
from songnet.report.style import COLOURS, MARKERS, group_style
from songnet.report.text import text_width

HOSTILE = [
    "$x_1$ and $\\frac{1}{0}$", "A$AP", "\\", "\x00\x07\x1b[31mred", "line\nbreak\ttab", "日本語のとても長い名前" * 9,
    "مرحبا بالعالم", "שלום", "😀👩‍👩‍👧‍👦", "\ud800 half", "\uffff none", "_hidden", "<b>&amp;</b> \"]]>", "%s {} {0}",
    "e" + "\u0301" * 40, "\u202edesrever", " ", "a" * 5000,
]  # fmt: skip


@pytest.fixture
def axes():
    figure = Figure(figsize=(7, 4), layout="constrained")
    FigureCanvasAgg(figure)
    return figure.add_subplot()


def legend_rows(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def shown(axes):
    return [text.get_text() for text in axes.texts]


def lines_by_label(axes):
    return {line.get_label(): line for line in axes.lines}


# Words


@pytest.mark.parametrize(
    ("given_text", "limit", "expected"),
    [
        ("plain", None, "plain"),
        ("a\x00b\n c\u2028d", None, "a b c d"),
        ("$5 and $6", None, "\\$5 and \\$6"),
        ("\ud83d\ufffe", None, "\ufffd\ufffd"),
        ("\u202eabc", None, "abc"),
        ("e\u0301", None, "é"),
        ("abcdef", 6, "abcdef"),
        ("abcdefg", 6, "abcde…"),
        ("日本語日", 6, "日本…"),
        ("a" + "\u0316" * 9, None, "a" + "\u0316" * 3),
        ("שלום", None, "\u200eשלום\u200e"),
        (1984, None, "1984"),
    ],
)
def test_plain(given_text, limit, expected):
    assert plain(given_text, limit) == expected


@given(st.text(), st.integers(1, 40))
def test_plain_keeps_to_its_width_and_is_stable(text, limit):
    short = plain(text, limit)
    assert text_width(short.replace("\\$", "$")) <= limit
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]", short)
    assert plain(plain(text).replace("\\$", "$")) == plain(text)


def test_caption_leaves_out_what_is_not_known():
    assert caption(n=120, k=6, method="kmeans", seed=0) == "120 tracks · k = 6 · kmeans · seed 0"
    assert caption(n=1, note="PCA of $x$") == "1 track · PCA of \\$x\\$"
    assert caption() == ""


def test_colour_and_marker_tell_77_groups_apart():
    assert len({group_style(number) for number in range(1, 78)}) == 77
    assert group_style(1) == (COLOURS[0], MARKERS[0]) == group_style(78)


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


# Scatter plots


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


# Files


def draw_everything(figure, names=None, tags=None):
    rng = np.random.default_rng(7)
    labels = np.repeat(np.arange(1, 19), 3)
    points = rng.normal(size=(54, 3))
    grid = [figure.add_subplot(2, 3, place) for place in range(1, 6)]
    plot_scatter(grid[0], points[:, :2], labels, names=names, title=(names or {}).get(1, ""))
    plot_scatter_by_tag(grid[1], points[:, :2], tags or ["a", "b", None] * 18, max_values=18)
    plot_silhouettes(grid[2], points[:, 0], labels, mean=0.1, names=names)
    plot_criterion(grid[3], [2, 3], np.array([1.0, 2.0]), chosen=2, voted=3, label=(names or {}).get(2, "x"))
    plot_k_table(grid[4], ["k", *(names or {}).values()], [[2, *(names or {}).values()]], 0)
    plot_scatter_3d(figure.add_subplot(2, 3, 6, projection="3d"), points, labels, names=names)


def test_files_are_both_there_and_the_same_bytes_twice(tmp_path):
    line = caption(n=54, k=18, method="kmeans", seed=0)
    first = save_figures(draw_everything, tmp_path / "new" / "a", "all", width=14, height=8, caption=line)
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red", "svg.fonttype": "path"}):
        again = save_figures(draw_everything, tmp_path / "b", "all", width=14, height=8, caption=line)
        assert matplotlib.rcParams["font.size"] == 30
    assert [path.relative_to(tmp_path).as_posix() for path in first] == ["new/a/all.png", "new/a/all.svg"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]
    with Image.open(first[0]) as picture:
        assert picture.size == (2800, 1600)
    svg = first[1].read_text()
    assert f">{line}</text>" in svg
    assert "<dc:date>" not in svg
    assert sorted(path.name for path in (tmp_path / "b").iterdir()) == ["all.png", "all.svg"]


def test_hostile_names_are_words_and_nothing_else(tmp_path):
    names = dict(enumerate(HOSTILE, start=1))
    _, svg = save_figures(
        lambda figure: draw_everything(figure, names, HOSTILE * 3), tmp_path, "hostile", width=14, height=8,
        caption=caption(n=1, note=HOSTILE[0]),
    )  # fmt: skip
    words = [element.text for element in ElementTree.parse(svg).iter("{http://www.w3.org/2000/svg}text")]
    assert "2 A$AP (3)" in words
    assert "12 _hidden (3)" in words
    assert "4 [31mred (3)" in words
    assert "1 $x_1$ and $\\frac{1}{0}$ (3)" in words
    assert f"1 track · {HOSTILE[0]}" in words


@settings(max_examples=10, deadline=None)
@given(name=st.text(max_size=40))
def test_any_name_can_be_drawn(tmp_path_factory, name):
    folder = tmp_path_factory.mktemp("any")
    save_figures(
        lambda figure: plot_scatter(figure.add_subplot(), np.eye(2), np.array([1, 2]), names={1: name}, title=name),
        folder, "any", width=3, height=2,
    )  # fmt: skip
    assert (folder / "any.svg").stat().st_size > 0


def test_a_long_caption_is_broken_and_stays_inside(tmp_path):
    kept = []
    save_figures(kept.append, tmp_path, "c", width=4, height=2, caption="a word " * 40, formats=("png",))
    (figure,) = kept
    box = figure.texts[0].get_window_extent(figure.canvas.get_renderer())
    assert figure.get_supxlabel().count("\n") >= 2
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.x1
    assert box.y0 >= 0


def test_other_formats_are_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(ParameterError, match="unknown format 'pdf' of a figure; choose png or svg"):
        save_figures(draw_everything, tmp_path, "x", formats=("png", "pdf"))
    assert not list(tmp_path.iterdir())


def test_history_marks_the_best_epoch_and_is_saved(tmp_path):
    history = [{"epoch": i, "loss": 1 / (i + 1), "val_loss": value} for i, value in enumerate([3.0, 1.0, 2.0])]
    drawn = []
    save_figure(lambda axes: drawn.append(axes) or plot_history(axes, history, "cae"), tmp_path / "v1.2.png")
    assert (tmp_path / "v1.2.png").read_bytes().startswith(b"\x89PNG")
    best = drawn[0].lines[2]
    assert (best.get_xdata()[0], best.get_ydata()[0]) == (2, 1.0)
    assert drawn[0].get_title() == "cae"
