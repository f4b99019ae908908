"""Maps of a comparison: the same points twice, partners in the same colour."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from songnet.clustering.projection import Projection
from songnet.comparison import contingency
from songnet.partition import Partition
from songnet.report import comparison_maps
from songnet.report.comparison_maps import (
    ClusteredPoints,
    draw_comparison_maps,
    map_layers,
    map_note,
    matched_looks,
    plot_map,
)
from songnet.report.style import GREY, LIGHT_GREY, NOISE_MARKER, group_style


def blobs(rng, n=60, k=3):
    labels = np.arange(n) % k
    points = rng.normal(size=(n, 4)) * 0.2 + 5 * np.eye(4)[labels]
    ids = tuple(f"t{number:03}" for number in range(n))
    return ClusteredPoints(ids, points.astype(np.float32), "descriptors", 0), labels


def test_partners_share_a_look_and_others_have_their_own():
    ids = [f"t{number}" for number in range(8)]
    first = Partition.from_labels(ids, [1, 1, 1, 2, 2, 2, 3, 3], "kmeans", {})
    second = Partition.from_labels(ids, [9, 9, 4, 4, 4, 4, 7, -1], "louvain", {})
    own, theirs = matched_looks(contingency(first, second).aligned(), first.groups, second.groups)
    assert own == {1: 1, 2: 2, 3: 3}
    assert theirs == {4: 2, 7: 3, 9: 1}
    more = Partition.from_labels([*ids, "u", "v"], [9, 9, 4, 4, 4, 4, 7, -1, 5, 6], "louvain", {})
    _, theirs = matched_looks(contingency(first, more), first.groups, more.groups)
    assert theirs == {4: 2, 5: 4, 6: 5, 7: 3, 9: 1}


def test_layers_have_every_point_once_and_grey_for_what_is_in_no_group():
    labels = np.array([2, 2, 1, -1, 0, 0, 2])
    layers = map_layers(labels, {1: 5, 2: 1}, {2: "Ana $"})
    assert [layer.entry for layer in layers] == ["1 (1)", "2 Ana \\$ (3)", "noise (1)", "in none (2)"]
    assert [(layer.colour, layer.marker) for layer in layers[:2]] == [group_style(5), group_style(1)]
    assert (layers[2].colour, layers[2].marker) == (GREY, NOISE_MARKER)
    assert (layers[3].colour, layers[3].hollow) == (LIGHT_GREY, True)
    assert sorted(np.concatenate([layer.rows for layer in layers]).tolist()) == list(range(7))


def test_of_many_groups_the_largest_have_colours():
    labels = np.concatenate([np.arange(1, 501), np.arange(1, 19)])
    layers = map_layers(labels, {number: number for number in range(1, 501)}, {})
    assert [layer.number for layer in layers] == [*range(1, 19), None]
    assert layers[-1].entry == "482 other groups (482)"
    assert sum(len(layer.rows) for layer in layers) == len(labels)


def test_a_map_draws_points_numbers_and_axes(rng):
    figure = Figure(figsize=(6, 4), layout="constrained")
    FigureCanvasAgg(figure)
    points = rng.normal(size=(6, 2))
    entry = Projection(points, "pca", np.array([0.5, 0.25]), np.arange(6))
    layers = map_layers(np.array([1, 1, 3, 3, -1, 0]), {1: 1, 3: 2}, {})
    axes = plot_map(figure.add_subplot(), entry, layers, "PCA, coloured by clusters")
    drawn = {line.get_label(): line for line in axes.lines}
    np.testing.assert_array_equal(drawn["3 (2)"].get_xydata(), points[2:4])
    assert drawn["3 (2)"].get_marker() == group_style(2)[1]
    assert [line.get_label() for line in axes.lines][:2] == ["in none (1)", "noise (1)"]  # at the back
    assert [text.get_text() for text in axes.texts] == ["1", "1", "3", "3"]  # halo and number
    assert axes.get_xlabel() == "component 1 (50.0 % of variance)"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["1 (2)", "3 (2)", "in none (1)", "noise (1)"]
    flat = plot_map(figure.add_subplot(), Projection(points, "tsne", None, np.arange(6)), layers, "t-SNE")
    assert (len(flat.get_xticks()), flat.get_xlabel()) == (0, "")


def test_maps_are_drawn_twice_the_same_and_say_what_they_leave_out(tmp_path, rng, monkeypatch):
    clustered, labels = blobs(rng)
    first = Partition.from_labels(clustered.track_ids, labels + 1, "kmeans", {})
    second = Partition.from_labels(clustered.track_ids[:50], (labels[:50] + 1) % 3 + 1, "louvain", {})
    table = contingency(first, second)
    names = ({1: "slow"}, {1: "<b>Ana</b>"})
    told = []

    def draw(folder, points=clustered):
        return draw_comparison_maps(
            points, first, second, table, folder, titles=("clusters", "communities"), names=names, seed=3,
            progress=lambda *values: told.append(values),
        )  # fmt: skip

    paths = draw(tmp_path / "a")
    assert [path.name for path in paths] == ["maps-pca.png", "maps-pca.svg", "maps-tsne.png", "maps-tsne.svg"]
    assert [path.read_bytes() for path in paths] == [path.read_bytes() for path in draw(tmp_path / "b")]
    assert told[:2] == [("maps", 1, 2), ("maps", 2, 2)]
    words = paths[3].read_text()
    for expected in ("t-SNE, coloured by clusters", "t-SNE, coloured by communities", "1 slow (20)", "in none (10)",
                     "1 &lt;b&gt;Ana&lt;/b&gt; (16)", "60 tracks · descriptors · seed 3"):  # fmt: skip
        assert f">{expected}</text>" in words
    monkeypatch.setattr(comparison_maps, "TSNE_SAMPLE", 40)
    lost = ClusteredPoints(clustered.track_ids, clustered.points, "descriptors", 7)
    sampled = draw(tmp_path / "c", lost)[3].read_text()
    note = "a random sample of 60 tracks; the features of 7 more tracks are gone"
    assert f">40 tracks · descriptors · seed 3 · {note}</text>" in sampled


@pytest.mark.parametrize(
    ("n_rows", "n_lost", "note"),
    [(60, 0, ""), (9, 0, "a random sample of 60 tracks"), (60, 2_000, "the features of 2,000 more tracks are gone")],
)
def test_notes_of_maps(rng, n_rows, n_lost, note):
    clustered, _ = blobs(rng)
    clustered = ClusteredPoints(clustered.track_ids, clustered.points, "codes", n_lost)
    assert map_note(Projection(np.zeros((n_rows, 2)), "pca", None, np.arange(n_rows)), clustered) == note
