"""Labels from files: whose rows are whose, and what is no table of labels."""

import os

import pytest

from songnet.clustering import read_labels
from songnet.errors import InputNotFoundError, ParameterError

TRACKS = {"t1": {"path": os.fsencode("/music/a/one.flac")}, "t2": {"path": os.fsencode("/music/b/one.flac")}}


def written(tmp_path, text):
    path = tmp_path / "labels.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("track_id,genre\nt1,folk\nt2,jazz\n", ("genre", {"t1": "folk", "t2": "jazz"})),
        # The longest end decides.
        ("file,style\none.flac,folk\nb/one.flac,jazz\n", ("style", {"t1": "folk", "t2": "jazz"})),
        (b"\xef\xbb\xbf path , label \r\n/music/a/one.flac, folk \r\n", ("label", {"t1": "folk"})),
        ('file,kind\n"a/one.flac","folk\nand more"\nb/one.flac,  \n', ("kind", {"t1": "folk\nand more"})),
        ("track_id,label\nt1,folk\nt1,folk\nt2,jazz\n", ("label", {"t1": "folk", "t2": "jazz"})),
    ],
)
def test_labels_are_read(tmp_path, text, expected):
    assert read_labels(written(tmp_path, text), TRACKS) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty: its first line must name the columns"),
        ("file;genre\none.flac;folk\n", "and commas between columns"),
        ("file,genre,genre\none.flac,folk,jazz\n", "has the column 'genre' twice"),
        ("file,genre\na/one.flac,folk\na/one.flac,jazz\n", "labels 'a/one.flac' both 'folk' and 'jazz'"),
        ("file,genre\none.flac, \n", "no row of .* has both file and genre"),
        ("file,mood,tempo\none.flac,sad,9\n", "several columns that may be the labels"),
        (b"file,genre\n\xff,folk\n", "is not a CSV file in UTF-8"),
    ],
)
def test_what_is_no_table_of_labels_is_refused_in_words(tmp_path, text, words):
    with pytest.raises(ParameterError, match=words):
        read_labels(written(tmp_path, text), TRACKS)


def test_labels_of_other_music_are_told_from_no_labels(tmp_path):
    path = written(tmp_path, "file,genre\ntwo.flac,folk\n")
    with pytest.raises(InputNotFoundError, match="none of the 1 labelled files"):
        read_labels(path, TRACKS)
    with pytest.raises(ParameterError, match="has no column 'style'"):
        read_labels(path, TRACKS, "style")
    with pytest.raises(InputNotFoundError, match="cannot read the labels"):
        read_labels(tmp_path / "absent.csv", TRACKS)
