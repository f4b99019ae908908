from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from songnet.clustering.description import (
    AcousticTrait,
    ClusterDescription,
    Trait,
    describe_clusters,
)
from songnet.clustering.naming import NOTHING, name_clusters, tag_values
from songnet.errors import ParameterError
from songnet.library.tracks import fold


def library(n, **columns):
    ids = [f"t{i:05d}" for i in range(n)]
    return ids, {track: {key: values[i] for key, values in columns.items()} for i, track in enumerate(ids)}


def describe(labels, tracks=None, ids=None, acoustic=None, **options):
    labels = np.asarray(labels)
    ids = ids or [f"t{i:05d}" for i in range(len(labels))]
    points = options.pop("points", np.zeros((len(labels), 2)))
    return describe_clusters(points, labels, ids, tracks or {}, acoustic, **options)


def test_a_planted_artist_is_found_with_the_counts_of_fishers_table():
    # 30 of cluster 1, 70 of cluster 2; "Planted" on 12 of the first and 3 of the second.
    labels = np.repeat([1, 2], [30, 70])
    artists = [f"Artist {i}" for i in range(100)]
    for row in [*range(12), 40, 50, 60]:
        artists[row] = "Planted"
    ids, tracks = library(100, artist=artists)
    first, second = describe(labels, tracks, ids)
    (trait,) = first.traits
    table = [[12, 18], [3, 67]]
    assert (trait.kind, trait.value) == ("artist", "Planted")
    assert (trait.count_in, trait.size, trait.count_out, trait.rest) == (12, 30, 3, 70)
    assert trait.p_value == pytest.approx(stats.fisher_exact(table, alternative="greater").pvalue, rel=1e-9)
    assert trait.odds_ratio == pytest.approx(12.5 * 67.5 / (18.5 * 3.5))
    assert trait.lift == pytest.approx((12 / 30) / (15 / 100))
    assert trait.effect == pytest.approx(12 / 30 - 3 / 70)
    # Two tests: this artist in each of the two clusters. All others stand on one track.
    assert trait.p_corrected == pytest.approx(2 * trait.p_value)
    assert second.traits == ()
    assert [c.name for c in (first, second)] == ["Planted", NOTHING]


def test_every_test_of_every_cluster_is_corrected_for(rng):
    labels = np.repeat([1, 2, 3], 40)
    genres = np.where(rng.random(120) < 0.5, np.array(["Rock", "Jazz", "Folk"])[labels - 1], "Pop")
    ids, tracks = library(120, genre=genres.tolist())
    loudness = rng.standard_normal(120) + (labels == 2)
    found = describe(labels, tracks, ids, {"loudness_db": loudness}, alpha=0.5, n_traits=100)
    p_values, sounds = [], []
    for label in (1, 2, 3):
        inside = labels == label
        for genre in sorted(set(genres)):
            has = genres == genre
            table = [[(has & inside).sum(), (~has & inside).sum()], [(has & ~inside).sum(), (~has & ~inside).sum()]]
            enough = (has & inside).sum() >= 2
            p_values.append(stats.fisher_exact(table, alternative="greater").pvalue if enough else 1.0)
        sounds.append(stats.mannwhitneyu(loudness[inside], loudness[~inside], method="asymptotic").pvalue)
    wanted = stats.false_discovery_control([*p_values, *sounds])
    corrected = sorted(t.p_corrected for c in found for t in [*c.traits, *c.acoustic])
    np.testing.assert_allclose(corrected, np.sort(wanted[wanted <= 0.5]), rtol=1e-8)


def test_sounds_are_compared_by_mann_whitney_and_told_by_cliffs_delta(rng):
    labels = np.repeat([1, 2], [25, 40])
    tempo = np.round(rng.normal(np.where(labels == 1, 140, 100), 20))  # with ties
    tempo[[3, 30, 31]] = np.nan
    first, second = describe(labels, acoustic={"tempo_bpm": tempo, "loudness_db": np.full(65, -12.0)})
    inside, outside = (tempo[(labels == label) & np.isfinite(tempo)] for label in (1, 2))
    (trait,) = first.acoustic
    assert (trait.name, trait.unit) == ("tempo_bpm", "BPM")
    assert (trait.mean_in, trait.mean_out) == (pytest.approx(inside.mean()), pytest.approx(outside.mean()))
    assert trait.effect == pytest.approx(np.sign(inside[:, None] - outside).mean())
    assert trait.p_value == pytest.approx(stats.mannwhitneyu(inside, outside, method="asymptotic").pvalue)
    assert second.acoustic[0].effect == pytest.approx(-trait.effect)
    assert [c.name for c in (first, second)] == ["fast", "slow"]


def test_random_labels_have_no_traits():
    # Negative control: whatever is told here is false, so a run that tells anything is a false discovery.
    false_runs, tests = 0, 0
    for seed in range(50):
        rng = np.random.default_rng(seed)
        n = 300
        ids, tracks = library(
            n,
            artist=[f"Artist {i}" for i in rng.integers(0, 80, n)],
            genre=[f"Genre {i}" for i in rng.integers(0, 8, n)],
            date=[str(year) for year in rng.integers(1960, 2020, n)],
        )
        acoustic = {name: rng.standard_normal(n) for name in ("tempo_bpm", "loudness_db", "brightness_hz")}
        found = describe(rng.integers(1, 7, n), tracks, ids, acoustic)
        tests += len(found)
        false_runs += any(c.traits or c.acoustic for c in found)
    assert tests == 300
    # 5 in 100 runs on average; 7 of 50 or more has a chance of 1 in 100 then.
    assert false_runs < 7


def test_many_rare_artists_do_not_pass_for_findings(rng):
    # Pairs of tracks in one cluster by chance are many; only when all pairs are counted are they seen to be chance.
    n = 6_000
    ids, tracks = library(n, artist=[f"Artist {i}" for i in np.repeat(np.arange(n // 2), 2)])
    found = describe(rng.integers(1, 21, n), tracks, ids)
    assert all(c.traits == () for c in found)
    assert all(c.name.startswith(NOTHING) for c in found)


def test_tags_are_told_apart_by_what_they_say_and_shown_as_most_often_written():
    values = list(
        tag_values({"genre": "Rock; pop/ R&B |", "date": "05.06.1999", "artist": " Sigur  Rós ", "album": "( )"})
    )
    assert values == [
        ("artist", "sigur ros", "Sigur Rós"),
        ("album", "sigur ros\0( )", "( )"),
        ("genre", "rock", "Rock"),
        ("genre", "pop", "pop"),
        ("genre", "r&b", "R&B"),
        ("year", "1999", "1999"),
        ("decade", "199", "1990s"),
    ]
    assert list(tag_values({"artist": None, "genre": " ; /", "date": "12061999", "album": ""})) == []
    years = [next(tag_values({"date": date}))[1] for date in ("19990501", "1999-05-01", "May 1999", " 1999")]
    assert years == ["1999"] * 4
    assert fold("ÉLAN") == fold("e\u0301lan") == "elan"
    # Marks that are letters of their own stay: these are two words.
    assert fold("がく") != fold("かく")
    labels = np.repeat([1, 2], [20, 60])
    artists = ["bjork"] * 4 + ["Björk"] * 9 + ["BJÖRK"] * 7 + [f"Artist {i}" for i in range(60)]
    ids, tracks = library(80, artist=artists, genre=["Rock; ROCK"] * 15 + ["Rock"] * 5 + ["Pop"] * 60)
    first, _ = describe(labels, tracks, ids)
    assert {(t.kind, t.value, t.count_in, t.size) for t in first.traits} == {
        ("artist", "Björk", 20, 20),
        ("genre", "Rock", 20, 20),
    }


def test_albums_of_one_title_by_different_artists_are_different():
    ids, tracks = library(60, album=["Greatest Hits"] * 60, artist=["A"] * 20 + ["B"] * 40)
    first, second = describe(np.repeat([1, 2], [20, 40]), tracks, ids)
    assert [(t.kind, t.count_in, t.count_out) for t in first.traits] == [("album", 20, 0), ("artist", 20, 0)]
    assert [(t.kind, t.count_in, t.count_out) for t in second.traits] == [("album", 40, 0), ("artist", 40, 0)]


def test_tracks_without_a_tag_take_no_part():
    # Tags are missing from half of cluster 2, and among those that have one nothing is over-represented.
    genres = ["Rock", "Pop"] * 20 + ["Rock", "Pop"] * 10 + [None] * 20
    ids, tracks = library(80, genre=genres)
    found = describe(np.repeat([1, 2], 40), tracks, ids, alpha=0.999)
    assert {(t.size, t.rest) for t in found[0].traits} <= {(40, 20)}
    assert all(t.p_value > 0.5 for c in found for t in c.traits)


def test_missing_tags_everywhere_and_no_sound_leave_nothing_to_tell():
    found = describe([1, 1, 2, 2, 2])
    assert [(c.label, c.size, c.share, c.name, c.traits, c.acoustic, c.silhouette) for c in found] == [
        (1, 2, 0.4, NOTHING, (), (), None),
        (2, 3, 0.6, f"{NOTHING} (2)", (), (), None),
    ]
    named = describe([1, 1, 2, 2, 2], {"t00000": {"title": "One"}, "t00002": {"title": "Two"}})
    assert [c.name for c in named] == [f"{NOTHING} (like One)", f"{NOTHING} (like Two)"]


def test_a_single_cluster_has_nothing_to_differ_from():
    ids, tracks = library(30, artist=["A"] * 30, genre=["Rock"] * 30, title=["T"] * 30)
    (only,) = describe([1] * 30, tracks, ids, {"tempo_bpm": np.arange(30.0)})
    assert (only.share, only.traits, only.acoustic, only.name) == (1.0, (), (), NOTHING)


def test_noise_is_described_as_noise():
    labels = np.repeat([1, -1, 4], 20)
    ids, tracks = library(60, genre=["Rock"] * 20 + ["Noise"] * 20 + ["Jazz"] * 20)
    found = describe(labels, tracks, ids, {"tempo_bpm": labels * 10.0}, silhouettes=np.ones(60))
    assert [(c.label, c.size, c.name) for c in found] == [(1, 20, "Rock"), (4, 20, "fast · Jazz"), (-1, 20, "noise")]
    assert found[2] == ClusterDescription(-1, 20, 1 / 3, "noise", None, (), (), ())
    # Noise is part of the rest that clusters are compared with.
    assert (found[0].traits[0].count_out, found[0].traits[0].rest) == (0, 40)
    (only,) = describe([-1, -1])
    assert (only.label, only.name) == (-1, "noise")
    # A cluster of the genre Noise is not called what the noise is called.
    ids, tracks = library(40, genre=["Noise"] * 20 + ["Pop"] * 20, artist=["Static"] * 20 + ["Pop star"] * 20)
    assert [c.name for c in describe(np.repeat([1, 2], 20), tracks, ids)] == ["Noise · Static", "Pop"]


def test_medoids_are_nearest_the_mean_and_ties_go_by_id():
    points = np.array([[0.0], [1.0], [-1.0], [3.0], [-3.0], [50.0], [50.0]])
    ids = ["c", "z", "a", "x", "b", "q", "p"]
    first, second = describe([1] * 5 + [2, 2], ids=ids, points=points, n_medoids=4)
    assert first.medoids == ("c", "a", "z", "b")
    assert second.medoids == ("p", "q")


def test_silhouettes_are_averaged_where_they_are_known():
    silhouettes = np.array([0.5, np.nan, 0.1, np.nan, np.nan], dtype=np.float32)
    found = describe([1, 1, 1, 2, 2], silhouettes=silhouettes)
    assert [c.silhouette for c in found] == [pytest.approx(0.3), None]


def test_the_strongest_effects_are_told_first_and_no_more_than_asked_for():
    genres = ["House"] * 28 + ["Pop"] * 2 + ["Pop"] * 70
    artists = ["One"] * 10 + ["Two"] * 6 + [f"A{i}" for i in range(84)]
    ids, tracks = library(100, genre=genres, artist=artists)
    labels = np.repeat([1, 2], [30, 70])
    told = [(t.kind, t.value) for t in describe(labels, tracks, ids)[0].traits]
    assert told == [("genre", "House"), ("artist", "One"), ("artist", "Two")]
    assert [t.value for t in describe(labels, tracks, ids, n_traits=1)[0].traits] == ["House"]
    assert describe(labels, tracks, ids, n_traits=0)[0].name == "House"


def draft(label=1, tags=(), sounds=(), medoids=(), size=20):
    traits = tuple(Trait(kind, value, count, size, 0, 100, 1.0, 1.0, 0.0, 0.0) for kind, value, count in tags)
    acoustic = tuple(AcousticTrait(name, "", 0.0, 0.0, effect, 0.0, 0.0) for name, effect in sounds)
    return ClusterDescription(label, size, 0.1, "", None, tuple(medoids), traits, acoustic)


FAST = (("tempo_bpm", 0.9), ("brightness_hz", 0.8), ("percussiveness", 0.7), ("loudness_db", 0.6))


@pytest.mark.parametrize(
    ("tags", "sounds", "name"),
    [
        ([("artist", "A", 20), ("genre", "House", 9)], FAST, "fast, bright, percussive · House"),
        (
            [("decade", "1990s", 20), ("artist", "A", 9)],
            [("tempo_bpm", -0.5), ("dynamics_db", -0.4)],
            "slow, steady · A",
        ),
        ([("decade", "1990s", 9)], [("tempo_bpm", 0.2)], "1990s"),
        ([("genre", "Rare", 1), ("artist", "Often", 8)], [], "Often"),
        ([("year", "1991", 20)], [], "1991"),
        ([("genre", "Rare", 1)], [], "Rare"),
        ([], [("tempo_bpm", 0.2)], "fast"),
        ([], [("no_such_quantity", 0.9)], NOTHING),
    ],
)
def test_a_name_is_what_stands_out(tags, sounds, name):
    assert name_clusters([draft(tags=tags, sounds=sounds)], {}) == [name]


def test_names_that_would_be_alike_say_more():
    house = ("genre", "House", 15)
    clusters = [
        draft(1, [house, ("artist", "A", 9)], FAST[:1], ["m1"]),
        draft(2, [house, ("artist", "B", 9)], FAST[:1], ["m2"]),
        draft(3, [("genre", "HOUSE", 15)], FAST[:1], ["m3"]),
        draft(4, [], (), ["m4"]),
        draft(5, [], (), ["m5"]),
        draft(6, [], (), []),
        draft(-1),
    ]
    names = name_clusters(clusters, {"m3": "Third", "m4": "Song", "m5": "Song", "m1": "First"})
    assert names == [
        "fast · House · A",
        "fast · House · B",
        "fast · HOUSE",
        f"{NOTHING} (like Song)",
        f"{NOTHING} (like Song) (2)",
        NOTHING,
        "noise",
    ]
    assert name_clusters(clusters[:1], {}) == ["fast · House"]


@given(
    st.lists(
        st.tuples(
            st.lists(
                st.tuples(st.sampled_from(["genre", "artist", "decade"]), st.sampled_from("abN"), st.just(5)),
                max_size=3,
            ),
            st.lists(
                st.tuples(st.sampled_from(["tempo_bpm", "loudness_db"]), st.sampled_from([-0.5, 0.2])), max_size=2
            ),
            st.sampled_from(["noise", "", "x"]),
        ),
        max_size=8,
    )
)
@settings(max_examples=100, deadline=None)
def test_no_two_names_are_alike(clusters):
    drafts = [draft(i + 1, tags, sounds, [f"m{i}"]) for i, (tags, sounds, _) in enumerate(clusters)] + [draft(-1)]
    titles = {f"m{i}": title for i, (_, _, title) in enumerate(clusters)}
    names = name_clusters(drafts, titles)
    assert max(Counter(name.casefold() for name in names).values()) == 1
    assert names[-1] == "noise"
    assert all(names)
    assert name_clusters(drafts, titles) == names


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"points": np.zeros((3, 2))}, "points has 3 rows, labels has 4: one row a track is needed"),
        ({"acoustic": {"tempo_bpm": np.zeros(5)}}, "tempo_bpm has 5 rows, labels has 4"),
        ({"silhouettes": np.zeros(2)}, "silhouettes has 2 rows, labels has 4"),
        ({"ids": ["a"]}, "track_ids has 1 rows, labels has 4"),
        ({"alpha": 1.0}, "alpha is 1.0; it must lie between 0 and 1"),
        ({"n_traits": -1}, "n_medoids is 5 and n_traits -1; neither may be below 0"),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(ParameterError, match=message):
        describe([1, 1, 2, 2], **options)
