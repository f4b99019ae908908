"""Playlists on two sides: by what they are, not by where they stand."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from songnet.errors import InputNotFoundError, ParameterError
from songnet.library import Library
from songnet.playlists.folds import on_training_side, playlist_identities, restrict_memberships, split_sides
from songnet.playlists.model import Entry, Playlist
from songnet.playlists.store import import_paths, store_fetched
from songnet.playlists.stored import load_memberships


def lists(n, seed=0, length=5):
    rng = np.random.default_rng(seed)
    return [rng.choice(40, length, replace=False).tolist() for _ in range(n)]


def write_csv(path, playlists):
    lines = ["playlist,artist,title"]
    lines += [f"{name},Artist {n},Song {n}" for name, tracks in playlists.items() for n in tracks]
    path.write_text("\n".join(lines) + "\n")
    return path


def named(tracks, prefix="p"):
    return {f"{prefix}{number}": numbers for number, numbers in enumerate(tracks)}


def names_on_sides(library, share=0.5, seed=0):
    sides = split_sides(library, share, seed)
    name = dict(tuple(row) for row in library.db.execute("SELECT playlist_id, name FROM playlists"))
    return {name[number] for number in sides.training}, {name[number] for number in sides.held_out}


def test_sides_do_not_depend_on_rows_files_or_order(empty_library, tmp_path):
    tracks = lists(60)
    import_paths(empty_library, [write_csv(tmp_path / "one.csv", named(tracks))])
    training, held_out = names_on_sides(empty_library)
    assert (len(training | held_out), len(training & held_out)) == (60, 0)
    assert 15 < len(training) < 45
    backwards = {name: numbers[::-1] for name, numbers in reversed(named(tracks).items())}
    with Library(tmp_path / "other", write=True, create=True) as other:
        import_paths(other, [write_csv(tmp_path / "first.csv", named(lists(7, seed=9), "q"))])
        import_paths(other, [write_csv(tmp_path / "two.csv", backwards)])
        again = names_on_sides(other)
        assert {name for name in again[0] if name[0] == "p"} == training
        assert {name for name in again[1] if name[0] == "p"} == held_out


def test_digests_change_with_the_playlists_of_their_side_alone(empty_library, tmp_path):
    tracks = lists(20)
    import_paths(empty_library, [write_csv(tmp_path / "one.csv", named(tracks))])
    before = split_sides(empty_library, 0.5, 0)
    seen = set()
    for number, more in enumerate(lists(8, seed=3)):
        import_paths(empty_library, [write_csv(tmp_path / f"more{number}.csv", {"m": more})])
        after = split_sides(empty_library, 0.5, 0)
        trained = len(after.training) > len(before.training)
        seen.add(trained)
        assert (after.training_digest != before.training_digest) == trained
        assert (after.held_out_digest != before.held_out_digest) == (len(after.held_out) > len(before.held_out))
        before = after
    assert seen == {True, False}


def test_one_playlist_under_two_names_or_in_other_words_never_stands_on_both_sides(empty_library, tmp_path):
    tracks = lists(30)
    import_paths(empty_library, [write_csv(tmp_path / "one.csv", named(tracks))])
    uris = {"playlists": [
        {"name": f"copy{pid}", "pid": pid, "tracks": [
            {"pos": place, "track_name": f"Song {n}", "artist_name": f"Artist {n}", "track_uri": f"demo:track:{n:03d}"}
            for place, n in enumerate(numbers)
        ]}
        for pid, numbers in enumerate(tracks)
    ]}  # fmt: skip
    (tmp_path / "copies.json").write_text(json.dumps(uris))
    import_paths(empty_library, [write_csv(tmp_path / "again.csv", named(tracks, "again"))])
    import_paths(empty_library, [tmp_path / "copies.json"])
    # Nothing says yet that demo:track:003 is Song 3: other words for the same tracks are other tracks.
    training, held_out = names_on_sides(empty_library)
    assert {name[1:] for name in training if name[0] == "p"} == {name[5:] for name in training if name[:5] == "again"}
    strayed = {f"copy{name[1:]}" for name in training if name[0] == "p"} & held_out
    assert strayed
    with empty_library.db:
        empty_library.db.execute("UPDATE playlist_items SET track_id = lower(title), method = 'tags', confidence = 1")
    training, held_out = names_on_sides(empty_library)
    assert not {f"copy{name[1:]}" for name in training if name[0] == "p"} & held_out
    assert strayed.isdisjoint(training | held_out)


def test_what_comes_from_spotify_is_never_on_the_training_side(empty_library, tmp_path):
    import_paths(empty_library, [write_csv(tmp_path / "one.csv", named(lists(20)))])
    before = split_sides(empty_library, 0.5, 0)
    for number, numbers in enumerate(lists(20, seed=5)):
        entries = tuple(Entry(place, title=f"Song {n}", artist=f"Artist {n}") for place, n in enumerate(numbers))
        fetched = Playlist(name=f"s{number}", entries=entries, source="spotify")
        store_fetched(empty_library, fetched, f"spotify:playlist:{number}", str(number), n_skipped=0, problem=None)
    training, held_out = names_on_sides(empty_library)
    assert not {name for name in training if name[0] == "s"}
    assert 0 < len({name for name in held_out if name[0] == "s"}) < 20
    assert split_sides(empty_library, 0.5, 0).training_digest == before.training_digest


def test_identities_over_several_batches_are_those_of_one(empty_library, tmp_path, monkeypatch):
    import_paths(empty_library, [write_csv(tmp_path / "one.csv", named(lists(40)))])
    whole = playlist_identities(empty_library)
    monkeypatch.setattr("songnet.playlists.folds._BATCH", 7)
    parts = playlist_identities(empty_library)
    np.testing.assert_array_equal(parts[0], whole[0])
    assert parts[1] == whole[1]
    assert len(set(whole[1])) == 40


@given(st.lists(st.binary(min_size=16, max_size=16), max_size=40), st.floats(0.01, 0.99), st.integers(0, 2**31 - 1))
def test_each_playlist_is_dealt_by_itself_and_more_share_takes_none_away(identities, share, seed):
    dealt = on_training_side(identities, share, seed)
    assert dealt.tolist() == [on_training_side([identity], share, seed)[0] for identity in identities]
    assert (on_training_side(identities, (share + 1) / 2, seed) >= dealt).all()


def test_shares_come_out_and_seeds_differ():
    identities = [number.to_bytes(16, "little") for number in range(4_000)]
    for share in (0.1, 0.5, 0.8):
        assert on_training_side(identities, share, 1).mean() == pytest.approx(share, abs=0.03)
    both = [on_training_side(identities, 0.5, seed) for seed in (1, 2)]
    assert (both[0] == both[1]).mean() == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("share", [0, 1, -0.5, float("nan")])
def test_a_share_that_leaves_a_side_empty_is_refused(share):
    with pytest.raises(ParameterError, match="must lie between 0 and 1, so that both sides have playlists"):
        on_training_side([b"x"], share, 0)


def test_a_library_without_playlists_has_no_sides(empty_library):
    with pytest.raises(InputNotFoundError, match="has no playlists: songnet playlists import"):
        split_sides(empty_library, 0.5, 0)


def test_restricted_memberships_are_those_of_the_kept_playlists(empty_library, tmp_path):
    tracks = lists(12)
    import_paths(empty_library, [write_csv(tmp_path / "one.csv", named(tracks))])
    memberships = load_memberships(empty_library)
    kept = memberships.playlist_ids[[1, 4, 5]]
    part = restrict_memberships(memberships, np.append(kept, 999))
    np.testing.assert_array_equal(part.playlist_ids, kept)
    found = [{part.track_ids[t] for t in part.track_of[part.playlist_of == row]} for row in range(3)]
    assert found == [{f"song:artist {n} // song {n}" for n in tracks[row]} for row in (1, 4, 5)]
    assert set(part.track_of.tolist()) == set(range(len(part.track_ids)))
    nothing = restrict_memberships(memberships, np.empty(0, dtype=np.int64))
    assert (len(nothing.playlist_ids), len(nothing.track_of), nothing.track_ids) == (0, 0, ())
