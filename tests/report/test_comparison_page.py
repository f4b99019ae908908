"""The report of a comparison: the verdict first, every number that of the comparison, readable in any size."""

import re

import numpy as np
import pytest

from songnet.comparison import bootstrap_interval, compare, pair
from songnet.comparison.compare import number_artists
from songnet.comparison.scores import adjusted_rand_index
from songnet.partition import Partition
from songnet.report.comparison import draw_comparison_figures
from songnet.report.comparison_page import Side, TrackFacts, comparison_page
from songnet.report.page import render_page

SCRIPT = "<script>alert(1)</script>"
ANCHORS = ["scores", "chance", "ceiling", "confusion", "agreement", "disagreement", "maps", "made"]


def partitions(first, second):
    ids = [f"t{number:05}" for number in range(len(first))]
    return (
        Partition.from_labels(ids, np.asarray(first) + 1, "kmeans", {}),
        Partition.from_labels(ids, np.asarray(second) + 1, "louvain", {}),
    )


def agreeing(rng, n=240, k=3, share=0.8):
    truth = np.arange(n) % k
    return partitions(truth, np.where(rng.random(n) < share, truth, rng.integers(0, k, n)))


def page_of(
    first, second, *, artists=None, names=({}, {}), texts=None, silhouettes=None, sides=None, folder=None, **options
):
    changes = {key: options.pop(key) for key in ("maps_note", "commands") if key in options}
    report = compare(first, second, artists=artists, n_draws=99, n_bootstrap=20, **options)
    changes["drawn"] = [] if folder is None else draw_comparison_figures(report, folder)
    if sides is None:
        sides = (Side("clusters", "cluster", names[0]), Side("communities", "community", names[1]))
    facts = TrackFacts(texts or {}, artists or {}, silhouettes or {})
    return report, comparison_page(report, pair(first, second), sides, facts, **changes)


def rows_of(page, anchor, table=0):
    (section,) = [section for section in page.sections if section.anchor == anchor]
    return [block for block in section.blocks if hasattr(block, "rows")][table].rows


def words_of(page, anchor):
    (section,) = [section for section in page.sections if section.anchor == anchor]
    return " ".join(block.text for block in section.blocks if hasattr(block, "text"))


def test_the_verdict_is_the_heading_and_honest_scores_lead(rng, read_page):
    first, second = agreeing(rng)
    artists = {track: f"artist {number % 40}" for number, track in enumerate(first.track_ids)}
    report, page = page_of(first, second, artists=artists)
    shown = read_page(render_page(page))
    assert shown.texts("h1") == [report.verdict]
    assert shown.ids == ANCHORS
    rows = rows_of(page, "scores")
    assert [row[0] for row in rows] == [
        "AMI", "ARI", "element-centric", "NMI", "homogeneity", "completeness", "V-measure",
    ]  # fmt: skip
    assert [row[1] for row in rows[:2]] == [f"{report.scores.ami:.3f}", f"{report.scores.ari:.3f}"]
    assert rows[0][2] == f"{report.interval.low:.3f} to {report.interval.high:.3f}"
    paired = pair(first, second)
    interval = bootstrap_interval(
        paired.first, paired.second, adjusted_rand_index, blocks=number_artists(paired, artists), n=20
    )
    assert rows[1][2] == f"{interval.low:.3f} to {interval.high:.3f}"
    assert all("not corrected" in row[3] and row[2] is None for row in rows[2:])
    assert "over random halves of the artists" in words_of(page, "scores")


def test_homogeneity_and_completeness_are_told_apart(rng):
    # Every group of the second lies within one of the first.
    first, second = partitions(np.arange(200) // 100, np.arange(200) // 25)
    report, page = page_of(first, second)
    assert (report.scores.homogeneity, report.scores.completeness < 1) == (pytest.approx(1.0), True)
    words = {row[0]: row[3] for row in rows_of(page, "scores")}
    assert words["homogeneity"].startswith("groups of the second hold tracks of one group of the first")
    assert words["completeness"].startswith("groups of the first hold tracks of one group of the second")


def test_null_models_are_told_in_words(rng):
    first, second = agreeing(rng)
    artists = {track: f"artist {number % 40}" for number, track in enumerate(first.track_ids)}
    report, page = page_of(first, second, artists=artists)
    test = report.tracks_null
    rows = rows_of(page, "chance")
    assert [row[0] for row in rows] == ["labels exchanged between tracks", "labels exchanged between whole artists"]
    assert rows[0][1:] == [
        f"{test.observed:.3f}", f"{round(test.draws.mean(), 3) + 0.0:.3f}".replace("-", "−"), f"{test.z:.1f}", "0.01",
    ]  # fmt: skip
    words = words_of(page, "chance")
    assert f"0 of 99 draws reach the observed AMI of {report.scores.ami:.3f}." in words
    assert "Chance does not explain what they have in common." in words
    independent = partitions(rng.integers(0, 3, 240), rng.integers(0, 3, 240))
    report, page = page_of(*independent)
    reached = int((report.tracks_null.draws >= report.tracks_null.observed).sum())
    words = words_of(page, "chance")
    assert report.tracks_null.p_value > 0.01
    assert f"{reached} of 99 draws reach" in words
    assert "may well have nothing in common." in words
    assert "was not tested: no artist is known" in words


def test_ceiling_and_rebuilt_partitions(rng):
    first, second = agreeing(rng)
    others = [agreeing(rng)[1] for _ in range(8)]
    report, page = page_of(
        first, second, rebuild=lambda seed: others[seed % 8], reseed=lambda seed: others[seed % 8], n_rebuilt=3
    )
    rows = rows_of(page, "ceiling")
    assert rows[0][:2] == ["communities found anew in resampled playlists, against clusters", "3"]
    assert rows[1][1:3] == ["10", f"{report.ceiling.mean:.3f}"]
    assert f"is {report.share_of_ceiling:.0%} of the ceiling" in words_of(page, "ceiling")
    _, bare = page_of(first, second)
    assert words_of(bare, "ceiling").startswith("No ceiling is known: that takes communities")


def test_matches_and_disagreements_have_their_tracks():
    first, second = partitions([0] * 50 + [1] * 50, [1] * 47 + [0] * 3 + [0] * 50)
    texts = {track: f"song {track}" for track in first.track_ids}
    silhouettes = {"t00007": 0.9, "t00049": 0.5}
    _, page = page_of(
        first, second, names=({1: "slow"}, {2: "Ana"}), texts=texts, silhouettes=silhouettes, maps_note="none: gone"
    )
    rows = rows_of(page, "agreement")
    assert rows[0] == [
        "1 slow", "2 Ana", 47, "94%", "100%", "2.0", ("song t00007", "song t00000", "song t00001"),
    ]  # fmt: skip
    assert rows[1][:5] == ["2", "1", 50, "100%", "94%"]
    assert "those most at home in their cluster" in words_of(page, "agreement")
    assert rows_of(page, "disagreement") == [
        ["1 slow", "1", 3, "6%", "6%", "0.1", ("song t00049", "song t00047", "song t00048")]
    ]
    assert words_of(page, "disagreement") == "3 of the tracks (3%) lie outside matched pairs, in 1 other pair."
    assert words_of(page, "maps") == "none: gone"


def test_equal_partitions_disagree_nowhere(rng, read_page):
    first, _ = agreeing(rng)
    _, page = page_of(first, first)
    assert words_of(page, "disagreement") == "Nowhere: every track lies in a matched pair of groups."
    read_page(render_page(page))


def test_one_group_is_called_degenerate_and_still_a_page(tmp_path, rng, read_page):
    first, _ = agreeing(rng, n=30)
    second = Partition.from_labels(list(first.track_ids), [1] * 30, "louvain", {})
    _, page = page_of(first, second, folder=tmp_path)
    shown = read_page(render_page(page))
    assert shown.texts("h1")[0].startswith("DEGENERATE")
    assert any(text.startswith("DEGENERATE: group 1 of louvain") for text in shown.texts("li"))
    assert len(shown.images) == 4


@pytest.mark.parametrize("name", [SCRIPT, '"onload="alert(1)', "שלום עולם", "😀👩‍👩‍👧‍👦", "\x00\ud800", "{{ 7*7 }}"])
def test_hostile_names_are_text(rng, read_page, name):
    first, second = agreeing(rng, n=60)
    texts = dict.fromkeys(first.track_ids, name)
    sides = (
        Side(f"clusters {name}", "cluster", {1: name}, [("features", name)]),
        Side("tag genre", "genre", dict.fromkeys((1, 2, 3), name), [], [(name, 3, 2)]),
    )
    _, page = page_of(first, second, artists=texts, sides=sides, texts=texts, commands=[f"songnet --name '{name}'"])
    html = render_page(page)
    tags = read_page(html).tags
    assert "<script" not in html
    assert "49" not in "".join(read_page(html).texts("bdi")) or name != "{{ 7*7 }}"
    plain_sides = (Side("clusters", "cluster", {1: "x"}, [("features", "x")]), Side("t", "g", {}, [], [("x", 3, 2)]))
    _, harmless = page_of(
        first, second, artists=dict.fromkeys(texts, "x"), sides=plain_sides, texts=dict.fromkeys(texts, "x"),
        commands=["songnet"],
    )  # fmt: skip
    assert tags == read_page(render_page(harmless)).tags


def test_a_thousand_groups_stay_readable(rng, read_page):
    n, k = 8_000, 1_000
    truth = np.arange(n) % k
    first, second = partitions(truth, np.where(rng.random(n) < 0.6, truth, rng.integers(0, k, n)))
    _, page = page_of(first, second)
    html = render_page(page)
    assert len(html) < 100_000
    shown = read_page(html)
    assert len(rows_of(page, "agreement")) == 40
    assert re.search(r"The largest 40 of (1,000|9\d\d) pairs\.", words_of(page, "agreement"))
    assert len(rows_of(page, "disagreement")) == 15
    assert "The largest 15:" in words_of(page, "disagreement")
    assert len(shown.texts("td") + shown.texts("bdi")) < 1_500


def test_of_many_groups_the_largest_are_drawn(tmp_path, rng, read_page):
    first, second = partitions(rng.integers(0, 41, 500), rng.integers(0, 2, 500))
    _, page = page_of(first, second, folder=tmp_path)
    shown = read_page(render_page(page))
    assert len(shown.images) == 2
    assert shown.images[1]["alt"].startswith("Confusion matrices of 41 x 2 groups by row and against chance")
    assert shown.texts("figcaption") == [
        "Of more than 40 groups a side the 39 largest are drawn, the others together as one."
    ]


def test_figures_stand_in_the_page_and_old_ones_go(tmp_path, rng, read_page):
    first, second = agreeing(rng)
    for name in ("maps-pca.png", "confusion-old.svg", "own.png"):
        (tmp_path / name).write_bytes(b"of an earlier comparison")
    _, page = page_of(first, second, folder=tmp_path)
    stems = ["comparison", "nulls", "confusion-counts", "confusion-row", "confusion-log"]
    drawn = [f"{stem}.{ending}" for stem in stems for ending in ("png", "svg")]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*drawn, "own.png"])
    html = render_page(page)
    alts = [image["alt"] for image in read_page(html).images]
    assert len(alts) == 4
    assert alts[0].startswith("Histogram of the AMI under null models, from ")
    assert alts[1] == "Confusion matrix of 3 x 3 groups showing the tracks; the matched pairs are listed below."
    assert str(tmp_path) not in html


def test_settings_steps_and_commands_are_shown(rng):
    first, second = agreeing(rng)
    sides = (
        Side("clusters mine", "cluster", {}, [("k", "3")]),
        Side("communities", "community", {}, [("weighting", "newman-cosine")], [("all", 10, 1_234)]),
    )
    _, page = page_of(first, second, sides=sides, commands=["songnet compare-communities --seed 0"])
    assert page.title == "clusters mine against communities"
    comparison = dict(rows_of(page, "made"))
    assert (comparison["tracks in both"], comparison["seed of the comparison"]) == ("240", "0")
    assert rows_of(page, "made", 1) == [("k", "3")]
    assert rows_of(page, "made", 3) == [["all", "10", "1,234"]]
    (section,) = [section for section in page.sections if section.anchor == "made"]
    assert section.blocks[-1].lines == ("songnet compare-communities --seed 0",)
    assert page.footer.endswith("seed 0")
