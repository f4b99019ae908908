"""From playlists, or from a graph made elsewhere, to stored communities: steps told, names, settings that come back."""

import re

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from songnet.config import CommunityConfig, build_config
from songnet.errors import InputNotFoundError, ParameterError
from songnet.library import Library
from songnet.playlists.building import build_graph, read_built_graph
from songnet.playlists.export import write_named_graph
from songnet.playlists.graph import graph_from_edges, read_graph, write_graph
from songnet.playlists.model import Entry, Playlist
from songnet.playlists.pipeline import communities_again, community_memberships, find_communities, other_seeds
from songnet.playlists.store import import_paths, store_fetched
from songnet.playlists.stored import Memberships, distinct_entries, load_memberships, memberships_digest, same_playlists

KINDS, TRACKS = 3, 36


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """40 playlists of three kinds, none of whose tracks the library has."""
    folder = tmp_path_factory.mktemp("pipeline")
    rng = np.random.default_rng(0)
    lines = ["playlist,artist,title"]
    for playlist in range(40):
        pool = np.arange(playlist % KINDS, TRACKS, KINDS)
        lines += [f"P{playlist},Artist {n % KINDS},Song {n}" for n in rng.choice(pool, 6, replace=False)]
    (folder / "lists.csv").write_text("\n".join(lines) + "\n")
    with Library(folder / "library", write=True, create=True) as made:
        import_paths(made, [folder / "lists.csv"])
        yield made


def kinds_of(partition):
    """Kinds of the tracks of each community; a track's key ends in its number."""
    groups = {}
    for track, label in zip(partition.track_ids, partition.labels.tolist(), strict=True):
        groups.setdefault(label, set()).add(int(track.rsplit(" ", 1)[1]) % KINDS)
    return sorted(groups.values(), key=min)


@pytest.mark.parametrize("settings", [{}, {"graph": "track2vec", "top_k": 8}])
def test_the_defaults_find_the_kinds_and_their_settings_build_them_again(library, settings):
    config = CommunityConfig(**settings)
    report = find_communities(library, config, seed=4)
    partition = report.partition
    assert (partition.method, len(partition.track_ids)) == ("leiden", TRACKS)
    assert kinds_of(partition) == [{0}, {1}, {2}]
    assert report.summary["modularity"] == report.modularity > 0.5
    # As `compare-communities` does it.
    stored = {key: value for key, value in partition.parameters.items() if key != "seed"}
    assert build_config(CommunityConfig, {"method": partition.method}, stored) == config
    again = communities_again(load_memberships(library), config, 4, resample=False)
    assert np.array_equal(again.labels, partition.labels)
    resampled = communities_again(load_memberships(library), config, 5, resample=True)
    assert kinds_of(resampled) == [{0}, {1}, {2}]


def test_steps_tell_what_track2vec_kept(library):
    config = CommunityConfig(graph="track2vec", top_k=4, mutual=True, skip_gram=True, epochs=200, k_core=2)
    built = build_graph(load_memberships(library), config, seed=1)
    assert [step.step for step in built.steps] == [
        "all",
        "in 2 playlists or more: vectors (skip-gram, 100 dimensions, window 2, 200 epochs)",
        "4 nearest (mutual), weighted by cosine",
        "2-core",
    ]
    assert [step.n_tracks for step in built.steps[:2]] == [TRACKS, TRACKS]
    assert built.steps[-1].n_pairs == built.graph.n_edges
    assert (built.n_playlists, built.n_left_out) == (40, 0)
    assert 2 <= built.graph.degrees.min() <= built.graph.degrees.max() <= 4
    assert 0 < built.graph.adjacency.data.min() <= built.graph.adjacency.data.max() <= 1
    other = build_graph(load_memberships(library), config, seed=2).graph
    assert other.ids != built.graph.ids or (other.adjacency != built.graph.adjacency).nnz


@pytest.fixture
def two_rings():
    """Two triangles and an edge between them."""
    sources, targets = [0, 1, 2, 3, 4, 5, 2], [1, 2, 0, 4, 5, 3, 3]
    ids = ["song:artist 0 // song 0", "b", "c", "x", "y", "z"]
    return graph_from_edges(ids, sources, targets, [2.0, 2, 2, 2, 2, 2, 1])


@pytest.mark.parametrize("ending", ["graphml", "gexf", "csv"])
def test_a_graph_made_elsewhere_is_taken_whole(library, two_rings, tmp_path, ending):
    path = tmp_path / f"rings.{ending}"
    write_graph(two_rings, path)
    config = CommunityConfig(top_k=0, resolution=0.9)
    report = find_communities(library, config, seed=2, graph_file=path)
    assert report.partition.track_ids == two_rings.ids
    labels = dict(zip(report.partition.track_ids, report.partition.labels.tolist(), strict=True))
    assert len({labels["b"], labels["c"], labels["song:artist 0 // song 0"]}) == 1
    assert len({labels["x"], labels["y"], labels["z"]}) == 1
    assert labels["x"] != labels["b"]
    assert report.partition.parameters == {
        "seed": 2, "graph_file": str(path), "top_k": 0, "mutual": False, "backbone": 0.0, "k_core": 0,
        "largest_component": False, "resolution": 0.9, "n_communities": 0, "n_seeds": 3,
    }  # fmt: skip
    steps = report.summary["graph"]["steps"]
    assert steps == [{"step": f"read from {path.name}", "n_tracks": 6, "n_pairs": 7}]
    texts = {entry["text"] for group in report.summary["communities"] for entry in group["central"]}
    # A track that playlists know has a name, another its id.
    assert texts == {"Artist 0 - Song 0", "b", "c", "x", "y", "z"}
    pruned = read_built_graph(path, CommunityConfig(k_core=2, top_k=2)).steps
    assert [step.step for step in pruned] == [f"read from {path.name}", "top 2 (union)", "2-core"]


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (b"source,target,weight\n", InputNotFoundError, "g.csv has no edges (read from g.csv): there are no communit"),
        (b"source,target\na,a\n", InputNotFoundError, "g.csv has no edges (read from g.csv): there are no communities"),
        (b"source,target,weight\na,b,-1\n", ParameterError, "g.csv: -1 is no weight: weights of edges are 0 or more"),
        (b"source,target\n\xff,b\n", ParameterError, "g.csv is no edge list in UTF-8 ("),
        (b"source,target\n\xe9" + b"a" * 200_000 + b",b\n", ParameterError, "g.csv is no edge list in UTF-8 ("),
        (b"source,target\n" + b"a" * 200_000 + b",b\n", ParameterError, "g.csv is no edge list in UTF-8 (field larger"),
        (b"from,to\na,b\n", ParameterError, "g.csv: an edge list begins with the columns source, target, weight"),
    ],
)
def test_a_graph_file_that_is_none(tmp_path, content, error, message):
    path = tmp_path / "g.csv"
    path.write_bytes(content)
    with pytest.raises(error, match=re.escape(message)) as caught:
        read_built_graph(path, CommunityConfig(top_k=0))
    assert "\n" not in str(caught.value)
    assert str(caught.value).count(str(path)) == 1


@pytest.mark.parametrize("ending", ["graphml", "gexf", "csv"])
def test_graphs_are_written_with_names_and_read_back_the_same(two_rings, tmp_path, ending):
    path = tmp_path / f"g.{ending}"
    path.write_text("an older file")
    names = {"b": ("Zoë & <Co>", "Two\nlines\x01"), "c": (None, "Alone"), "gone": ("A", "B"), "x": (None, None)}
    write_named_graph(two_rings, path, names)
    content = path.read_bytes()
    read = read_graph(path)
    assert read.ids == two_rings.ids
    assert (read.adjacency != two_rings.adjacency).nnz == 0
    write_named_graph(two_rings, path, names)
    assert path.read_bytes() == content
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    if ending == "graphml":
        nodes = nx.read_graphml(path).nodes
        assert nodes["b"] == {"label": "Zoë & <Co> - Two lines", "artist": "Zoë & <Co>", "title": "Two lines"}
        assert nodes["c"] == {"label": "Alone", "title": "Alone"}
        assert nodes["x"] == {"label": "x"}
    if ending == "gexf":
        nodes = nx.read_gexf(path).nodes
        assert nodes["b"] == {"label": "Zoë & <Co> - Two lines", "artist": "Zoë & <Co>", "title": "Two lines"}
        assert b"meta" not in content


def test_graphs_that_cannot_be_written(two_rings, tmp_path):
    with pytest.raises(ParameterError, match=r"g\.txt ends in '\.txt'; a graph is written as \.csv, \.gexf, \.graphml"):
        write_named_graph(two_rings, tmp_path / "g.txt", {})
    with pytest.raises(InputNotFoundError, match=r"there is no folder .*none to write g\.csv to: make it first"):
        write_named_graph(two_rings, tmp_path / "none" / "g.csv", {})
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(ParameterError, match=r"folder\.csv is a folder; name a file to write the graph to"):
        write_named_graph(two_rings, tmp_path / "folder.csv", {})
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["folder.csv"]


def test_a_control_character_in_one_id_does_not_stop_the_others(tmp_path, caplog):
    odd = graph_from_edges(["song:a // t\x1b[31m", "b"], [0], [1])
    names = {"song:a // t\x1b[31m": ("A", "T\x1b[31m"), "b": (None, None)}
    for ending, read in (("gexf", nx.read_gexf), ("graphml", nx.read_graphml)):
        path = tmp_path / f"g.{ending}"
        write_named_graph(odd, path, names)
        assert caplog.messages == [
            f"1 of 2 ids hold characters that .{ending} cannot: written as escapes such as \\x1b; a .csv keeps them"
        ]
        caplog.clear()
        assert read_graph(path).ids == ("b", "song:a // t\\x1b[31m")
        nodes = read(path).nodes
        assert nodes["song:a // t\\x1b[31m"] == {"label": "A - T [31m", "artist": "A", "title": "T [31m"}
    write_named_graph(odd, tmp_path / "g.csv", names)
    assert read_graph(tmp_path / "g.csv").ids == ("b", "song:a // t\x1b[31m")
    assert not caplog.messages


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=60))
def test_distinct_entries_are_the_set_of_them_in_order(entries):
    playlists, tracks = distinct_entries(*np.array(entries, dtype=np.int64).reshape(-1, 2).T)
    assert list(zip(playlists.tolist(), tracks.tolist(), strict=True)) == sorted(set(entries))


def altered(memberships, **changes):
    return Memberships(**{**vars(memberships), **changes})


def test_a_summary_knows_the_playlists_it_was_made_of(library):
    graph = find_communities(library, CommunityConfig(), seed=1).summary["graph"]
    memberships = load_memberships(library)
    assert graph["memberships"] == memberships_digest(memberships)
    assert same_playlists(memberships, graph, 1_000)
    fewer = altered(
        memberships, playlist_of=memberships.playlist_of[:-1].copy(), track_of=memberships.track_of[:-1].copy()
    )
    swapped = altered(memberships, track_of=np.roll(memberships.track_of, 1))
    renamed = altered(memberships, track_ids=(*memberships.track_ids[:-1], "zzz"))
    longer = altered(memberships, playlist_ids=np.arange(41))
    assert not any(same_playlists(other, graph, 1_000) for other in (fewer, swapped, renamed, longer))
    # Partitions stored without a digest know how many playlists were used: 40 of six entries.
    old = {"n_playlists": 40}
    assert same_playlists(swapped, old, 6)
    assert not same_playlists(memberships, old, 5)
    assert not same_playlists(memberships, {"n_playlists": 39}, 6)
    assert not same_playlists(memberships, {}, 6)


@pytest.mark.parametrize("graph", ["cooccurrence", "track2vec"])
def test_other_seeds_find_the_same_without_counting_again(library, monkeypatch, graph):
    memberships = load_memberships(library)
    config = CommunityConfig(graph=graph, top_k=8, epochs=20, min_support=1, min_pair_support=1, resolution=2.0)
    seeds = (3, 4, 2**31 - 1)
    expected = [communities_again(memberships, config, seed, resample=False).labels.tolist() for seed in seeds]
    counted = []

    def build(*arguments, **options):
        counted.append(options)
        return build_graph(*arguments, **options)

    monkeypatch.setattr("songnet.playlists.pipeline.build_graph", build)
    again = other_seeds(memberships, config)
    assert [again(seed).labels.tolist() for seed in seeds] == expected
    assert len(counted) == {"cooccurrence": 1, "track2vec": 3}[graph]


def test_resampled_playlists_are_copies_of_their_own(library):
    """The same as by counting copies one by one, in the order of playlist and copy."""
    memberships = load_memberships(library)
    taken = []
    config = CommunityConfig()

    def keep(resampled, *arguments, **options):
        taken.append(resampled)
        return build_graph(resampled, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("songnet.playlists.pipeline.build_graph", keep)
        communities_again(memberships, config, 9, resample=True)
    drawn = np.random.default_rng([9, 0x706C]).integers(0, 40, 40)
    expected = [
        sorted(memberships.track_of[memberships.playlist_of == playlist].tolist()) for playlist in sorted(drawn)
    ]
    (resampled,) = taken
    found = [sorted(resampled.track_of[resampled.playlist_of == number].tolist()) for number in range(40)]
    assert len(resampled.playlist_ids) == 40
    assert found == expected


def service_playlist(number):
    entries = tuple(Entry(n, title=f"Song {n}", artist="Artist", track_uri=f"spotify:track:{n:022}") for n in range(5))
    return Playlist(f"Service {number}", "spotify", entries)


def test_playlists_that_terms_forbid_to_train_on_are_counted_but_never_trained_on(tmp_path, caplog):
    lines = ["playlist,artist,title"] + [f"P{p},Artist,Song {n}" for p in range(4) for n in range(3)]
    (tmp_path / "lists.csv").write_text("\n".join(lines) + "\n")
    counting, training = CommunityConfig(), CommunityConfig(graph="track2vec")
    with Library(tmp_path / "library", write=True, create=True) as made:
        for number in range(3):
            store_fetched(
                made, service_playlist(number), f"spotify:playlist:{number}", f"{number}", n_skipped=0, problem=None
            )
        with pytest.raises(InputNotFoundError, match=r"all 3 playlists .* come from Spotify, whose terms forbid"):
            community_memberships(made, training)
        import_paths(made, [tmp_path / "lists.csv"])
        assert len(community_memberships(made, counting).playlist_ids) == 7
        assert not caplog.messages
        kept = community_memberships(made, training)
    assert len(kept.playlist_ids) == 4
    assert kept.track_ids == ("song:artist // song 0", "song:artist // song 1", "song:artist // song 2")
    assert kept.playlist_of.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert caplog.messages == ["3 of 7 playlists come from Spotify, whose terms forbid training on them: left out"]
