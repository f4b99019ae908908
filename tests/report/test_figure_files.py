"""Figures as files: words as people wrote them are words, whatever they hold; the same figure is the same bytes."""

import re
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from songnet.errors import ParameterError
from songnet.report import (
    caption,
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
