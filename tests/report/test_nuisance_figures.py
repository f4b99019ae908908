"""What the nuisance and invariance figures show is what was measured."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from songnet.errors import ParameterError
from songnet.evaluation.panels.changes import KINDS, Change
from songnet.evaluation.panels.invariance_results import ChangeResult, InvarianceReport, wilson_interval
from songnet.evaluation.panels.nuisance import NuisanceReport
from songnet.evaluation.panels.nuisance_readout import Readout
from songnet.report.nuisance import (
    LOWEST_R2,
    draw_invariance,
    draw_nuisance,
    plot_invariance,
    plot_readouts,
    save_nuisance_figures,
)


def figure():
    made = Figure(figsize=(8, 4), layout="constrained")
    FigureCanvasAgg(made)
    return made


def readout(vectors, nuisance, value, low=None, high=None, measure="r2", note=""):
    known = value is not None
    return Readout(vectors, nuisance, measure, value, low, high, 0.0 if known else None, 0.05 if known else None,
                   100, 20, (), note)  # fmt: skip


def nuisance_report():
    entries = [
        readout("codes", "loudness", 0.7, 0.6, 0.8),
        readout("codes", "bit_rate", -3.0, -9.0, -1.0),
        readout("codes", "codec", 0.9, 0.8, 0.95, "auc"),
        readout("codes", "channels", None, measure="auc", note="nothing to read: 2 for all 100 tracks"),
        readout("$mfcc$", "loudness", 0.4, 0.3, 0.5),
        readout("$mfcc$", "bit_rate", 0.0, -0.1, 0.1),
        readout("$mfcc$", "codec", 0.3, 0.2, 0.6, "auc"),
        readout("$mfcc$", "channels", None, measure="auc", note="nothing to read: 2 for all 100 tracks"),
    ]
    return NuisanceReport("codes", "artists", 100, 0, tuple(entries), ())


def invariance_report(name, shares):
    changes = [Change("none"), Change("gain", -12.0), Change("gain", 6.0), Change("mp3", 64.0), Change("mp3", 128.0)]
    results = tuple(
        ChangeResult(change.name, change.kind, change.amount, KINDS[change.kind], 50, 400, share,
                     *wilson_interval(share, 50), share, share, *wilson_interval(share, 50), 0.9, 0.1)
        for change, share in zip(changes, shares, strict=True)
    )  # fmt: skip
    return InvarianceReport(name, 50, 50, {}, 120, 960, results)


def test_bars_have_the_lengths_and_intervals_that_were_measured():
    part = [each for each in nuisance_report().readouts if each.measure == "r2"]
    axes = plot_readouts(figure().add_subplot(), part)
    widths = [bar.get_width() for bar in axes.patches]
    assert widths == pytest.approx([0.7, LOWEST_R2, 0.4, 0.0])
    intervals = [line.get_xdata() for line in axes.lines if len(set(line.get_ydata())) == 1]
    assert [list(map(float, each)) for each in intervals] == [
        [0.6, 0.8], [LOWEST_R2, LOWEST_R2], [0.3, 0.5], [-0.1, 0.1],
    ]  # fmt: skip
    assert [label.get_text() for label in axes.get_yticklabels()] == ["loudness", "bit rate"]
    assert axes.get_xlabel() == "R² of ridge regression"


def test_auc_grows_from_one_half_and_nothing_to_read_is_said():
    part = [each for each in nuisance_report().readouts if each.measure == "auc"]
    axes = plot_readouts(figure().add_subplot(), part)
    assert [(bar.get_x(), bar.get_width()) for bar in axes.patches] == [
        pytest.approx((0.5, 0.4)), pytest.approx((0.5, -0.2)),
    ]  # fmt: skip
    assert "nothing to read: 2 for all 100 tracks" in [text.get_text() for text in axes.texts]
    with pytest.raises(ParameterError, match="one measure"):
        plot_readouts(figure().add_subplot(), nuisance_report().readouts)


def test_both_measures_share_one_legend():
    made = figure()
    panels = draw_nuisance(made, nuisance_report())
    assert len(panels) == 2
    assert len(made.legends[0].get_texts()) == 2
    with pytest.raises(ParameterError, match="no readouts"):
        draw_nuisance(figure(), NuisanceReport("codes", "artists", 0, 0, (), ()))


def test_curves_go_through_the_shares():
    reports = {"codes": invariance_report("codes", [1, 0.1, 0.4, 0.5, 1]), "mfcc": invariance_report("mfcc", [1] * 5)}
    axes = plot_invariance(figure().add_subplot(), reports, "gain")
    curves = {line.get_label(): line for line in axes.lines}
    assert list(curves["codes"].get_ydata()) == [0.1, 0.4]
    assert list(curves["mfcc"].get_ydata()) == [1, 1]
    assert np.round(curves["codes"].get_xdata()).tolist() == [0, 1]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["-12", "+6"]
    low, high = axes.collections[0].get_segments()[0][:, 1]
    assert (low, high) == pytest.approx(wilson_interval(0.1, 50))
    with pytest.raises(ParameterError, match="no resample was measured"):
        plot_invariance(figure().add_subplot(), reports, "resample")
    with pytest.raises(ParameterError, match="no curve of 'speed'"):
        plot_invariance(figure().add_subplot(), reports, "speed")


def test_kinds_that_were_not_measured_have_no_panel():
    reports = {"codes": invariance_report("codes", [1, 0.1, 0.4, 0.5, 1])}
    panels = draw_invariance(figure(), reports, level="track")
    assert [axes.get_title() for axes in panels] == ["gain", "MP3 coding"]
    assert panels[0].get_ylabel() == "tracks nearest to themselves"


def test_files_are_written_and_the_same_each_time(tmp_path):
    reports = {"codes": invariance_report("codes", [1, 0.1, 0.4, 0.5, 1])}
    written = [
        save_nuisance_figures(tmp_path / name, nuisance=nuisance_report(), invariance=reports) for name in ("a", "b")
    ]
    assert [path.name for path in written[0]] == [
        "nuisance.png", "nuisance.svg", "invariance-clip.png", "invariance-clip.svg", "invariance-track.png",
        "invariance-track.svg",
    ]  # fmt: skip
    for first, second in zip(*written, strict=True):
        assert first.read_bytes() == second.read_bytes()
    svg = written[0][1].read_text(encoding="utf-8")
    assert "nothing to read" in svg
    assert "$mfcc$" in svg
    assert save_nuisance_figures(tmp_path / "c") == []
