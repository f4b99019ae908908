"""The evidence as a whole: the sentence says what is so, planted or not."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from songnet.comparison.neighbourhood.evidence import Estimate, vector_null
from songnet.comparison.neighbourhood.held_out import draw_queries, shuffle_memberships, split_playlists
from songnet.comparison.neighbourhood.measures import SETTINGS, measure
from songnet.comparison.neighbourhood.predictors import unit_rows
from songnet.comparison.neighbourhood.report import compare_neighbours, number_names
from songnet.comparison.neighbourhood.representation import Representation
from songnet.comparison.neighbourhood.verdict import find_warnings, write_verdict
from songnet.errors import ParameterError
from songnet.playlists.stored import Memberships

N_TRACKS, N_ARTISTS, N_PLAYLISTS, LENGTH = 200, 50, 120, 6
IDS = tuple(f"t{number:03d}" for number in range(N_TRACKS))
ARTIST = np.arange(N_TRACKS) // (N_TRACKS // N_ARTISTS)
NAMES = {track: f"Artist {ARTIST[number]}" for number, track in enumerate(IDS)}
ALBUMS = {track: f"Album {number // 2}" for number, track in enumerate(IDS)}


def playlists_of(pools, rng):
    """A playlist for each pool of tracks that it draws from."""
    tracks = np.concatenate([rng.choice(pool, LENGTH, replace=False) for pool in pools])
    return Memberships(np.arange(len(pools)), IDS, np.repeat(np.arange(len(pools)), LENGTH), tracks)


def planted(rng):
    """Four styles; an artist has one, and playlists keep to it. Sound tells the style."""
    style = ARTIST % 4
    made = playlists_of([np.flatnonzero(style == number % 4) for number in range(N_PLAYLISTS)], rng)
    unit = unit_rows(np.eye(4)[style] + 0.3 * rng.standard_normal((N_TRACKS, 4)))
    return made, Representation(IDS, unit, "planted sound")


def evidence(made, sound, **options):
    return compare_neighbours(
        made, sound, **{"artists": NAMES, "albums": ALBUMS, "n_draws": 99, "n_resamples": 200, **options}
    )


def test_sound_that_tells_the_style_is_found(rng):
    report = evidence(*planted(rng))
    assert report.headline == "without same artist"
    leading = report.setting(report.headline)
    mine = leading.scores["sound"]["auc"]
    assert mine.low > 0.8
    assert report.verdict.startswith(
        "Tracks that sound alike stand together in held-out playlists more than chance: AUC"
        f" {mine.value:.2f} ({mine.low:.2f} to {mine.high:.2f}) without same-artist pairs, p = 0.01; popularity 0."
    )
    assert leading.scores["popularity"]["auc"].value == pytest.approx(0.5, abs=0.03)
    assert leading.scores["random"]["auc"].low < 0.52
    assert leading.scores["sound"]["mrr"].low > leading.scores["random"]["mrr"].high
    assert leading.scores["sound"]["recall@10"].low > leading.scores["random"]["recall@10"].high
    difference = leading.differences["random"]["auc"]
    assert difference.value == pytest.approx(mine.value - leading.scores["random"]["auc"].value)
    assert 0.2 < difference.low < difference.value
    assert (leading.tracks_null.p_value, leading.artists_null.p_value) == (0.01, 0.01)
    assert [entry.setting for entry in report.settings] == list(SETTINGS)


def test_random_playlists_show_nothing(rng):
    made, sound = planted(rng)
    report = evidence(shuffle_memberships(made, 1), sound)
    leading = report.setting(report.headline)
    mine = leading.scores["sound"]["auc"]
    assert report.verdict.startswith("Tracks that sound alike do not stand together in held-out playlists more than")
    assert mine.low < 0.5 < mine.high
    assert leading.tracks_null.p_value > 0.01
    assert leading.scores["playlists"]["auc"].low < 0.53


def test_p_is_uniform_over_random_playlists():
    p_values = []
    for seed in range(100, 140):
        rng = np.random.default_rng(seed)
        split = split_playlists(playlists_of([np.arange(N_TRACKS)] * 40, rng), IDS, seed=seed)
        nobody = np.full(len(split.track_ids), -1)
        groups = {"artist": nobody, "album": nobody}
        pairs = measure(split, draw_queries(split, 120, seed), [], groups=groups, ks=(10,), seed=seed)[0].pairs
        unit = unit_rows(rng.standard_normal((len(nobody), 4)))
        p_values.append(vector_null(unit, pairs, None, n_draws=39, seed=seed).p_value)
    # The mean of 40 uniform numbers deviates by .05.
    assert 0.36 < np.mean(p_values) < 0.67
    assert np.mean(np.array(p_values) <= 0.05) < 0.2


def test_sound_that_knows_the_artist_alone_passes_only_with_pairs_of_the_artist(rng):
    """Playlists of two artists drawn at random, vectors that are the artist's."""
    pools = [np.flatnonzero(np.isin(ARTIST, rng.choice(N_ARTISTS, 2, replace=False))) for _ in range(N_PLAYLISTS)]
    sound = Representation(IDS, unit_rows(rng.standard_normal((N_ARTISTS, 8)))[ARTIST], "artists")
    report = evidence(playlists_of(pools, rng), sound, pairs="all")
    same, apart = (report.setting(name) for name in ("all artists and albums", "without same artist"))
    assert same.scores["sound"]["auc"].low > 0.6
    assert apart.scores["sound"]["auc"].low < 0.5 < apart.scores["sound"]["auc"].high + 0.05
    assert apart.artists_null.p_value > 0.01
    assert report.headline == "without same artist"
    assert "do not stand together" in report.verdict or "no more than they would if whole artists" in report.verdict
    # Without artists nothing else can be asked, and that is said.
    blind = evidence(playlists_of(pools, rng), sound, pairs="all", artists=None)
    assert blind.headline == "all artists and albums"
    assert blind.setting(blind.headline).artists_null is None
    assert "with same-artist pairs" in blind.verdict
    assert "beware: " in blind.verdict
    assert any(warning.startswith("no artists: ") for warning in blind.warnings)


def test_new_pairs_unless_most_tracks_have_met(rng):
    made, sound = planted(rng)
    assert evidence(made, sound, n_queries=50).facts["settings_used"]["pairs"] == "new"
    dense = playlists_of([np.arange(30)] * 100, rng)
    few = evidence(dense, sound, n_queries=300)
    assert few.facts["settings_used"]["pairs"] == "all"
    assert few.facts["share_together"] > 0.5
    asked = evidence(dense, sound, n_queries=300, pairs="new")
    assert any(warning.startswith("dense playlists: ") for warning in asked.warnings)
    assert "dense playlists" in asked.verdict


def test_where_nothing_is_left_that_is_said(rng):
    made = playlists_of([np.arange(8)] * 30, rng)
    sound = Representation(IDS, unit_rows(rng.standard_normal((N_TRACKS, 4))), "noise")
    report = evidence(made, sound, pairs="new", artists=None)
    assert report.verdict.startswith("Nothing can be said of sound and held-out playlists: no pair was left")
    leading = report.setting(report.headline)
    assert (leading.n_pairs, leading.tracks_null, leading.scores["sound"]["auc"]) == (0, None, None)
    json.dumps(report.to_json(), allow_nan=False)


def test_json_is_plain_complete_and_repeats(rng):
    made, sound = planted(rng)
    content = [evidence(made, sound, n_queries=100, seed=seed).to_json() for seed in (3, 3, 4)]
    text = [json.dumps(part, allow_nan=False, sort_keys=True) for part in content]
    assert text[0] == text[1] != text[2]
    first = content[0]
    assert list(first["settings"]) == list(SETTINGS)
    entry = first["settings"]["without either"]
    assert list(entry["scores"]) == ["sound", "popularity", "random", "playlists"]
    assert list(entry["scores"]["sound"]) == ["auc", "mrr", "recall@10", "recall@50"]
    assert set(entry["scores"]["sound"]["auc"]) == {"value", "low", "high"}
    assert set(entry["null_artists"]) == {"observed", "mean", "high", "p", "z", "n_draws", "n_fixed"}
    assert first["n_tracks"] == len(np.unique(made.track_of)) < 200
    assert (first["n_playlists"], first["n_queries"], first["n_entries"]) == (N_PLAYLISTS, 100, N_PLAYLISTS * LENGTH)
    # Among fewer than 200 tracks the first hundred are no neighbourhood.
    assert first["settings_used"]["recall_at"] == [10, 50]


def test_names_are_folded_and_unknown_ones_differ():
    names = {"a": "Sigur Rós", "b": "sigur  ROS ", "c": None, "d": " ", "e": "Other"}
    assert number_names("abcdef", names).tolist() == [0, 0, -1, -1, 1, -1]
    assert number_names("ab", None).tolist() == [-1, -1]


def test_refuses_folds_out_of_range(rng):
    with pytest.raises(ParameterError, match="121 folds of 120 playlists; choose 2 to 120"):
        evidence(*planted(rng), n_folds=121)


def leading_with(auc, mfcc, p_tracks=0.005, p_artists=0.005, **counts):
    null = SimpleNamespace(draws=np.zeros(199), n_fixed=0, n_tracks=100)
    return SimpleNamespace(
        setting="without same artist",
        scores={"sound": {"auc": Estimate(*auc)}, "mfcc": {"auc": Estimate(0.7, 0.69, 0.71)}},
        differences={"mfcc": {"auc": Estimate(*mfcc)}},
        tracks_null=SimpleNamespace(**vars(null), p_value=p_tracks),
        artists_null=SimpleNamespace(**vars(null), p_value=p_artists),
        **{"n_playlists": 100, "n_pairs": 1000, "n_unmatched": 0, **counts},
    )


@pytest.mark.parametrize(
    ("auc", "mfcc", "p_tracks", "p_artists", "said"),
    [
        ((0.8, 0.79, 0.81), (0.1, 0.05, 0.15), 0.005, 0.005, "more than chance and more than MFCC statistics tell (AUC"
         " +0.100, +0.050 to +0.150): AUC 0.80 (0.79 to 0.81) without same-artist pairs, p = 0.005; MFCC statistics"
         " 0.70."),
        ((0.7, 0.69, 0.71), (0.0, -0.05, 0.05), 0.005, 0.005, "chance, but no more than MFCC statistics tell (AUC"),
        ((0.6, 0.59, 0.61), (-0.1, -0.15, -0.05), 0.005, 0.005, "chance, but LESS than MFCC statistics tell (AUC -0.1"),
        ((0.5, 0.49, 0.51), (0.0, -0.1, 0.1), 0.4, 0.5, "do not stand together in held-out playlists more than"),
        ((0.6, 0.59, 0.61), (0.0, -0.1, 0.1), 0.2, 0.005, "do not stand together in held-out playlists more than"),
        ((0.4, 0.39, 0.41), (0.0, -0.1, 0.1), 1.0, 1.0, "do not stand together in held-out playlists more than"),
        ((0.6, 0.59, 0.61), (0.0, -0.1, 0.1), 0.005, 0.2, "but no more than they would if whole artists exchanged"),
    ],
)  # fmt: skip
def test_every_outcome_has_its_sentence(auc, mfcc, p_tracks, p_artists, said):
    verdict = write_verdict(leading_with(auc, mfcc, p_tracks, p_artists), ())
    assert verdict.startswith("Tracks that sound alike")
    assert said in verdict


def test_warnings_name_what_is_doubtful():
    facts = {"unknown_artists": 0.3, "share_together": 0.6, "settings_used": {"pairs": "new"}, "heard": False}
    leading = leading_with((0.8, 0.7, 0.9), (0, 0, 0), n_playlists=10, n_pairs=300, n_unmatched=200)
    leading.artists_null.n_fixed = 70
    leading.artists_null.draws = np.zeros(50)
    del leading.scores["mfcc"]
    found = find_warnings(leading, facts)
    assert [warning.split(":")[0] for warning in found] == [
        "few playlists", "few pairs", "dense playlists", "unknown artists", "unmatched pairs", "few draws",
        "artists hardly movable", "no MFCC baseline", "vectors of a file",
    ]  # fmt: skip
    assert "40% of the pairs" in found[4]
    quiet = {"unknown_artists": 0.1, "share_together": 0.1, "settings_used": {"pairs": "new"}, "heard": True}
    assert find_warnings(leading_with((0.8, 0.7, 0.9), (0, 0, 0)), quiet) == ()


def test_other_threads_and_hash_seeds_give_the_same_report():
    program = (
        "import json, numpy as np\n"
        "from songnet.comparison.neighbourhood.report import compare_neighbours\n"
        "from songnet.comparison.neighbourhood.predictors import unit_rows\n"
        "from songnet.comparison.neighbourhood.representation import Representation\n"
        "from songnet.playlists.stored import Memberships\n"
        "rng = np.random.default_rng(0)\n"
        "ids = tuple(f'{n:03}' for n in range(300))\n"
        "made = Memberships(np.arange(60), ids, np.repeat(np.arange(60), 8), rng.integers(0, 300, 480))\n"
        "sound = Representation(ids, unit_rows(rng.standard_normal((300, 64))), 'noise')\n"
        "names = {track: f'artist {int(track) // 5}' for track in ids}\n"
        "report = compare_neighbours(made, sound, artists=names, n_draws=20, n_resamples=50)\n"
        "print(json.dumps(report.to_json()))\n"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", program], check=True, capture_output=True, text=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads},
        ).stdout
        for seed, threads in (("1", "1"), ("2", "2"))
    ]  # fmt: skip
    assert said[0] == said[1]
    assert json.loads(said[0])["n_playlists"] == 60
