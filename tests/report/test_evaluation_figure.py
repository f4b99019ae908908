"""The figure of an evaluation: every system drawn, the best baseline marked, the same bytes twice."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from songnet.evaluation import Estimate, EvaluationReport
from songnet.report.evaluation import draw_evaluation, draw_evaluation_figure, evaluation_size, plot_measure


def entry(value, chance=None):
    return Estimate(value, np.linspace(value - 0.1, value + 0.1, 201), 120, chance)


NAMES = ["codes:A$AP", "random:a", "MFCC + PCA"]
ESTIMATES = [entry(0.7, 0.2), entry(0.5, 0.2), entry(0.6, 0.2)]


@pytest.fixture
def report():
    table = {name: {"knn": found, "hub_skew": found} for name, found in zip(NAMES, ESTIMATES, strict=True)}
    del table["MFCC + PCA"]["hub_skew"]
    return EvaluationReport(
        verdict="", warnings=(), kinds=dict(zip(NAMES, ("codes", "baseline", "baseline"), strict=True)), table=table,
        untold={}, differences=(), n_tracks=120, n_labelled=120, labels="tag genre", label_names=("a", "b"),
        settings={
            "k": 5, "recall_k": 10, "seed": 0, "intervals_over": "artists", "aggregate": "mean", "space": "whitened",
            "n_components": 16, "shrinkage": 0.3, "joined_weights": None,
        },
    )  # fmt: skip


def test_dots_stand_at_the_values_and_the_best_baseline_is_a_line():
    axes = plot_measure(Figure().add_subplot(), NAMES, ESTIMATES, [False, True, True], label="5-NN")
    dots = [line for line in axes.lines if line.get_marker() in ("o", "s")]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in dots] == [(0.7, 0), (0.5, 1), (0.6, 2)]
    dashed = [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == "--"]
    dotted = [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == ":"]
    assert (dashed, dotted) == ([0.6], [0.2])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["codes:A\\$AP", "random:a", "MFCC + PCA"]
    spans = [line.get_xdata() for line in axes.lines if len(line.get_xdata()) == 2 and line.get_linestyle() == "-"]
    np.testing.assert_allclose(spans[0], [0.605, 0.795], atol=1e-9)


def test_less_is_better_marks_the_least_and_what_is_missing_is_said():
    axes = plot_measure(
        Figure().add_subplot(), NAMES, [entry(0.7), entry(0.5), None], [False, True, True], label="hubs", higher=False
    )
    assert axes.get_title() == "hubs (less is better)"
    assert [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == "--"] == [0.5]
    assert [text.get_text() for text in axes.texts] == ["not told"]


def test_one_panel_a_measure_and_the_same_bytes_twice(report, tmp_path):
    figure = Figure()
    draw_evaluation(figure, report)
    assert [axes.get_title() for axes in figure.axes] == ["5-NN, unfiltered", "hubness: skewness (less is better)"]
    width, height = evaluation_size(report)
    assert width == 10.0
    assert 1 < height < 3
    first = [path.read_bytes() for path in draw_evaluation_figure(report, tmp_path / "a")]
    second = [path.read_bytes() for path in draw_evaluation_figure(report, tmp_path / "b")]
    assert first == second
    assert b"tag genre" in first[1]
