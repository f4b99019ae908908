"""The figure of neighbours: what is drawn is what was measured."""

from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from songnet.comparison.neighbourhood.evidence import Estimate
from songnet.comparison.neighbourhood.measures import SETTINGS
from songnet.report.neighbourhood import draw_neighbour_figures, draw_neighbours, plot_neighbours

PREDICTORS = ("sound", "mfcc", "loudness", "popularity", "random", "playlists")
MEASURES = ("auc", "mrr", "recall@10", "recall@50")


def setting(name, predictors=PREDICTORS):
    scores = {
        predictor: {
            measure: Estimate(0.9 - 0.05 * row, 0.88 - 0.05 * row, 0.93 - 0.05 * row - 0.01 * column)
            for column, measure in enumerate(MEASURES)
        }
        for row, predictor in enumerate(predictors)
    }
    return SimpleNamespace(setting=name, n_queries=1234, scores=scores)


def report(what="descriptors", predictors=PREDICTORS):
    return SimpleNamespace(
        settings=[setting(name, predictors) for name in SETTINGS], measures=MEASURES, what=what,
        facts={"n_tracks": 99, "n_playlists": 77, "settings_used": {"folds": 5, "pairs": "all"}},
    )  # fmt: skip


def new_figure():
    figure = Figure(figsize=(8, 8), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def test_points_and_intervals_are_the_estimates():
    entry = setting("without either")
    entry.scores["loudness"]["auc"] = None
    axes = plot_neighbours(new_figure().add_subplot(), entry)
    points = {line.get_ydata()[0]: line.get_xdata()[0] for line in axes.lines if line.get_marker() not in ("None", "")}
    bars = {line.get_ydata()[0]: list(line.get_xdata()) for line in axes.lines if len(line.get_xdata()) == 2}
    assert points == {
        row: entry.scores[name]["auc"].value for row, name in enumerate(PREDICTORS) if name != "loudness"
    }  # fmt: skip
    assert bars[0] == pytest.approx([0.88, 0.93]) or bars[0] == [0.5, 0.5]
    assert [label.get_text() for label in axes.get_yticklabels()][:2] == ["sound", "MFCC statistics"]
    # The first stands on top.
    assert axes.get_ylim()[0] > axes.get_ylim()[1]


def test_a_predictor_keeps_its_colour_whichever_others_there_are():
    def colours(predictors):
        axes = plot_neighbours(new_figure().add_subplot(), setting("x", predictors))
        marked = [line for line in axes.lines if line.get_marker() not in ("None", "")]
        return {name: (line.get_color(), line.get_marker()) for name, line in zip(predictors, marked, strict=True)}

    every, few = colours(PREDICTORS), colours(("sound", "random"))
    assert few == {name: every[name] for name in few}
    assert len(set(every.values())) == len(PREDICTORS)


def test_a_row_a_setting_and_a_column_a_measure():
    figure = draw_neighbours(new_figure(), report())
    assert len(figure.axes) == len(SETTINGS) * 3
    titles = [axes.get_title(loc="left") for axes in figure.axes[::3]]
    assert titles == [f"{name} (1,234 queries)" for name in SETTINGS]
    assert [axes.get_xlabel() for axes in figure.axes[-3:]] == ["AUC", "MRR", "recall@10"]
    assert len(draw_neighbours(new_figure(), report(), ["recall@50"]).axes) == len(SETTINGS)


def test_files_are_written_whole_and_repeat(tmp_path):
    paths = draw_neighbour_figures(report("vectors of $x_1$.npz"), tmp_path / "one", seed=3)
    assert [path.name for path in paths] == ["neighbours.png", "neighbours.svg"]
    text = " ".join(ElementTree.fromstring(paths[1].read_text()).itertext())
    for words in ("99 tracks", "vectors of $x_1$.npz", "77 playlists, 5 folds, all pairs", "seed 3", "other playlists"):
        assert words in " ".join(text.split())
    again = draw_neighbour_figures(report("vectors of $x_1$.npz"), tmp_path / "two", seed=3)
    assert [path.read_bytes() for path in paths] == [path.read_bytes() for path in again]
