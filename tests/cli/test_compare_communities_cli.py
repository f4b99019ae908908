"""`songnet compare-communities`: the page and the maps that it writes, and what it does where it can write none."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from songnet.cli.app import main
from songnet.library import Library, load_partition, save_partition
from songnet.library.tracks import upsert_track
from songnet.partition import Partition

QUICK = ("--draws", 99, "--rebuilds", 0, "--quiet")


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def run_json(capsys, *arguments):
    code, out, err = run(capsys, *arguments, "--json")
    assert code == 0, err
    return json.loads(out)


@pytest.fixture(scope="module")
def clustered(made_library, music, tmp_path_factory):
    """A library whose tracks were clustered by descriptors and by codes, and stand in playlists by artist."""
    path = shutil.copytree(made_library, tmp_path_factory.mktemp("clustered") / "library")
    lists = tmp_path_factory.mktemp("lists")
    rng = np.random.default_rng(0)
    for number in range(30):
        artist = sorted(folder for folder in music.iterdir() if folder.is_dir())[number % 3]
        chosen = rng.choice(sorted(artist.iterdir()), 3, replace=False)
        (lists / f"{number}.m3u8").write_text("#EXTM3U\n" + "\n".join(str(file) for file in chosen) + "\n")
    commands = [
        ["cluster", "--k", "3", "--nulls", "0", "--resamples", "0", "--no-figures", "--name", "sounds"],
        ["cluster", "--k", "2", "--model", "cae-12x15", "--nulls", "0", "--resamples", "0", "--no-figures",
         "--name", "codes"],
        ["playlists", "import", str(lists)],
        ["communities", "--communities", "3", "--min-support", "1", "--name", "lists"],
    ]  # fmt: skip
    for command in commands:
        assert main([*command, "--library", str(path), "--quiet"]) == 0
    return path


@pytest.fixture
def library(clustered, tmp_path):
    return shutil.copytree(clustered, tmp_path / "library")


@pytest.fixture
def bare(tmp_path):
    """Clusters that do not say what they were made of, and a tag, in a library without audio."""
    path = tmp_path / "bare"
    with Library(path, write=True, create=True) as made:
        ids = [f"t{number:02d}" for number in range(40)]
        with made.db:
            for number, track in enumerate(ids):
                upsert_track(made.db, {"track_id": track, "source": "image", "title": "<script>alert(1)</script>",
                                       "genre": ["<b>Rock</b>", "שלום 😀"][number % 2]})  # fmt: skip
        partition = Partition.from_labels(ids, [1 + number % 2 for number in range(40)], "kmeans", {})
        save_partition(made, partition, name="clusters", branch="cluster", run_id=None, summary={"clusters": []})
    return path


@pytest.mark.parametrize("clusters", ["sounds", "codes"])
def test_page_and_maps_are_written_beside_the_figures(capsys, library, clusters):
    code, out, err = run(capsys, "compare-communities", "--library", library, "--clusters", clusters, *QUICK)
    assert (code, err) == (0, "")
    page = library / "reports" / f"compare-{clusters}-lists" / "report.html"
    assert out.splitlines()[-1] == f"report page: {page}"
    assert out.splitlines()[-2] == f"14 figures: {page.parent}"
    assert (page.parent / "maps-pca.png").read_bytes().startswith(b"\x89PNG")
    html = page.read_text()
    assert out.splitlines()[0] in re.sub("&#39;", "'", html)
    assert html.count("<img ") == 6
    assert html.count('alt="PCA of the clustered tracks') == html.count('alt="t-SNE of the clustered tracks') == 1
    what = {"sounds": "descriptors of songnet-8", "codes": "mean codes of cae-12x15"}[clusters]
    assert f">12 tracks · {what} · seed 0</text>" in (page.parent / "maps-tsne.svg").read_text()
    assert str(library) not in html


def test_the_commands_on_the_page_make_the_same_partitions(capsys, library):
    content = run_json(capsys, "compare-communities", "--library", library, "--clusters", "codes", "--no-maps", *QUICK)
    with Library(library) as opened:
        before = [load_partition(opened, *which)[1] for which in (("codes", "cluster"), ("lists", "community"))]
    html = Path(content["page"]).read_text()
    commands = re.search("<code>(.*?)</code>", html, re.DOTALL)[1].strip().splitlines()
    assert [command.split()[1] for command in commands] == ["cluster", "communities", "compare-communities"]
    for command in commands[:2]:
        words = shlex.split(command.replace("&#39;", "'"))
        assert words[0] == "songnet"
        assert main([*words[1:], "--library", str(library), "--quiet"]) == 0
    capsys.readouterr()
    with Library(library) as opened:
        after = [load_partition(opened, *which)[1] for which in (("codes", "cluster"), ("lists", "community"))]
    for old, new in zip(before, after, strict=True):
        assert old.track_ids == new.track_ids
        np.testing.assert_array_equal(old.labels, new.labels)
        assert old.parameters == new.parameters


def test_json_names_the_page_and_the_page_may_lie_elsewhere(capsys, library, tmp_path):
    wanted = tmp_path / "my page.html"
    content = run_json(capsys, "compare-communities", "--library", library, "--page", wanted, "--no-maps", *QUICK)
    assert content["page"] == str(wanted)
    assert content["maps_note"] == "none were asked for"
    assert not [path for path in content["figures"] if "maps" in Path(path).name]
    assert "none were asked for" in wanted.read_text()
    content = run_json(capsys, "compare-communities", "--library", library, "--no-figures", *QUICK)
    assert (content["page"], content["figures"], content["maps_note"]) == (None, [], "")


def test_many_tracks_have_maps_only_on_request(capsys, library, monkeypatch):
    monkeypatch.setattr("songnet.report.comparison_maps.MAPS_UP_TO", 11)
    command = ("compare-communities", "--library", library, "--draws", 99, "--rebuilds", 0)
    code, _, err = run(capsys, *command)
    assert code == 0
    assert "maps: none, for there are more than 11 tracks; ask for them with --maps\n" in err
    content = run_json(capsys, *command, "--maps")
    assert len([path for path in content["figures"] if "maps" in Path(path).name]) == 4


def test_clusters_of_unknown_origin_have_a_page_without_maps(capsys, library):
    with Library(library, write=True) as opened, opened.db:
        opened.db.execute("UPDATE partitions SET run_id = NULL")
    content = run_json(capsys, "compare-communities", "--library", library, "--clusters", "sounds", *QUICK)
    expected = "none: clusters 'sounds' do not say what they were made of: find them again"
    assert content["maps_note"] == expected
    html = Path(content["page"]).read_text()
    assert expected.replace("'", "&#39;") in html
    assert html.count("<img ") == 4


@pytest.mark.parametrize("clusters", ["sounds", "codes"])
def test_vectors_that_are_gone_are_no_reason_to_fail(capsys, library, clusters):
    for folder in (library / "tables").iterdir():
        shutil.rmtree(folder)
    content = run_json(capsys, "compare-communities", "--library", library, "--clusters", clusters, *QUICK)
    assert content["maps_note"].startswith("none: the library has no ")
    assert Path(content["page"]).exists()


def test_tags_have_no_ceiling_and_hostile_words_are_text(capsys, bare):
    content = run_json(capsys, "compare-communities", "--library", bare, "--with-tag", "genre", *QUICK)
    html = Path(content["page"]).read_text()
    assert "No ceiling is known" in html
    assert "no artist is known" in html
    assert "<script" not in html
    assert "<b>" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "2 שלום 😀" in html
    assert "songnet compare-communities --clusters clusters --with-tag genre" in html


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--page", "x.html", "--no-figures"), "--page shows the figures: leave --no-figures away"),
        (("--maps", "--no-figures"), "--maps are figures: leave --no-figures away"),
        (("--page", "{folder}"), "name a file in it, such as report.html"),
        (("--page", "{folder}/none/x.html"), "make it first"),
        (("--page", "{library}/songnet.db"), "end it in .html"),
        (("--page", "{library}/models/x.html"), "among the library's own files"),
    ],
)
def test_wrong_use_is_one_line_before_any_work(capsys, bare, tmp_path, arguments, message):
    arguments = [each.replace("{folder}", str(tmp_path)).replace("{library}", str(bare)) for each in arguments]
    code, out, err = run(capsys, "compare-communities", "--library", bare, "--with-tag", "genre", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err
    assert not (bare / "reports").exists() or not list((bare / "reports").iterdir())


def test_the_page_is_the_same_bytes_whatever_the_hash_seed(capsys, library):
    arguments = [
        "compare-communities",
        "--library",
        str(library),
        "--clusters",
        "sounds",
        "--no-maps",
        *map(str, QUICK),
    ]
    page = Path(run_json(capsys, *arguments)["page"])
    before = page.read_bytes()
    page.unlink()
    script = f"from songnet.cli.app import main\nraise SystemExit(main({arguments!r}))"
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment, stdout=subprocess.DEVNULL)
    assert page.read_bytes() == before


def test_communities_of_a_graph_file_are_not_found_anew_and_keep_its_folder_secret(capsys, bare, tmp_path):
    ids = [f"t{number:02d}" for number in range(40)]
    pairs = [(a, b) for a in range(40) for b in range(a + 1, 40) if a % 2 == b % 2]
    graph = tmp_path / "graph.csv"
    graph.write_text("source,target,weight\n" + "".join(f"{ids[a]},{ids[b]},1\n" for a, b in pairs))
    assert run(capsys, "communities", "--graph-file", graph, "--library", bare, "--quiet")[0] == 0
    content = run_json(capsys, "compare-communities", "--library", bare, "--draws", 99, "--quiet")
    assert (content["scores"]["ami"], content["rebuilt"], content["ceiling"]) == (pytest.approx(1.0), None, None)
    html = Path(content["page"]).read_text()
    assert "--graph-file graph.csv" in html
    assert str(tmp_path) not in html
