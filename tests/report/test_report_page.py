"""Report pages: one file that fetches nothing, in which whatever people called their music is text."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songnet.errors import InputNotFoundError, ParameterError
from songnet.report import save_figures
from songnet.report.page import (
    Commands,
    Page,
    Picture,
    Section,
    Table,
    Text,
    check_page_path,
    read_picture,
    render_page,
    write_page,
)

SCRIPT = "<script>alert(1)</script>"
HOSTILE = [
    SCRIPT, '"><img src=x onerror=alert(1)>', "</style></title>", "{{ 7 * 7 }}", "&lt;b&gt;", "'\"`", "A$AP", "$",
    "مرحبا بالعالم", "שלום", "😀👩‍👩‍👧‍👦", "\u202edesrever", "\ud800 half", "\x00\x1b[31m", "-->", "a" * 5000, " ",
]  # fmt: skip


def one_of_each(words="words", **changes):
    blocks = [
        Text(words),
        Text(words, "note"),
        Commands((f"songnet --name '{words}'", "second  line")),
        Table((words, "n"), [(words, 3), (None, 1_234), ((words, words), 0)], numbers=(1,), caption=words, strong=(0,)),
        Picture(b"<svg/>", "image/svg+xml", 320, f"alt {words}", words),
    ]
    return Page(**{"title": words, "verdict": words, "warnings": [words], "footer": words, **changes,
                   "sections": [Section("one", words, blocks), Section("two", "Two", [])]})  # fmt: skip


def test_a_page_shows_everything_in_its_order(read_page):
    html = render_page(one_of_each(verdict="They agree.", title="a against b", footer="seed 0"))
    page = read_page(html)
    assert page.texts("h1") == ["They agree."]
    assert page.texts("title") == ["a against b"]
    assert page.texts("h2") == ["words", "Two"]
    assert page.ids == ["one", "two"]
    assert page.texts("bdi") == ["words", "3", "1234", "words", "words", "0"]
    assert "–" in page.texts("td")
    assert page.texts("code") == ["songnet --name 'words'\nsecond  line"]
    assert page.images == [
        {"src": "data:image/svg+xml;base64," + base64.b64encode(b"<svg/>").decode(), "width": "320", "alt": "alt words"}
    ]
    assert html.index("They agree.</h1>") < html.index("<h2>words") < html.index("<h2>Two") < html.index("seed 0")
    assert '<p class="note">words</p>' in html
    assert '<tr class="strong">' in html
    assert '<td class="number"><bdi>3</bdi></td>' in html


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_are_text(read_page, words):
    tags = read_page(render_page(one_of_each())).tags
    page = read_page(render_page(one_of_each(words)))
    assert page.tags == tags
    if words.isprintable() and words.strip() and not any(ord(letter) == 0x200D for letter in words):
        assert page.texts("h1") == [words]
        assert page.images[0]["alt"] == f"alt {words}"
        assert page.texts("bdi")[0] == words


@settings(max_examples=60, deadline=None)
@given(words=st.text(st.characters(), min_size=1, max_size=60))
def test_any_words_are_text(read_page, words):
    page = read_page(render_page(one_of_each(words)))
    assert page.tags == read_page(render_page(one_of_each())).tags


def test_commands_keep_every_letter(read_page):
    line = "songnet cluster --name 'a  b $x <i>'"
    page = Page("t", "v", [], [Section("s", "S", [Commands((line,))])])
    assert read_page(render_page(page)).texts("code") == [line]


def test_a_policy_forbids_scripts_and_requests():
    html = render_page(one_of_each())
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    assert f'<meta http-equiv="Content-Security-Policy" content="{policy}">' in html


def test_the_same_page_is_the_same_bytes_and_the_file_is_whole_or_old(tmp_path):
    path = tmp_path / "report.html"
    write_page(one_of_each("first"), path)
    before = path.read_bytes()
    assert write_page(one_of_each("first"), path) == path
    assert path.read_bytes() == before
    with pytest.raises(ParameterError):
        write_page(one_of_each(sections=[], title=Table((), [(1,)])), path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]


def test_pictures_are_sharp_unless_that_is_too_large(tmp_path, rng):
    def few(figure):
        figure.add_subplot().plot([0, 1])

    def many(figure):
        figure.add_subplot().plot(*rng.normal(size=(2, 3_000)), "o")

    save_figures(few, tmp_path, "few", width=5, height=2)
    save_figures(many, tmp_path, "many", width=5, height=2)
    small, large = (read_picture(tmp_path, stem, alt="points", caption="c") for stem in ("few", "many"))
    assert (small.media, small.content) == ("image/svg+xml", (tmp_path / "few.svg").read_bytes())
    assert (large.media, large.content) == ("image/png", (tmp_path / "many.png").read_bytes())
    assert (small.width, large.width) == (480, 480)  # 5 inches at 96 a inch
    assert (large.alt, large.caption) == ("points", "c")


def test_refuses_what_makes_no_page():
    with pytest.raises(ParameterError, match="a row of the table has 1 cells for 2 columns"):
        Table(("a", "b"), [("x",)])
    with pytest.raises(ParameterError, match="two sections of a page share the anchor 'x': give each its own"):
        Page("t", "v", [], [Section("x", "1", []), Section("x", "2", [])])


def test_a_page_without_anything_is_a_page(read_page):
    page = read_page(render_page(Page("t", "v", [], [])))
    assert (page.texts("h1"), page.texts("h2"), page.ids) == (["v"], [], [])
    assert "ul" not in page.tags[: page.tags.index("nav")]


def test_a_page_never_takes_the_place_of_anything_else(tmp_path):
    library = tmp_path / "library"
    (library / "reports").mkdir(parents=True)
    (library / "songnet.db").write_bytes(b"the truth")
    (tmp_path / "mine.html").write_text("<title>my own page</title>")
    (tmp_path / "link.html").symlink_to(library / "songnet.db")
    refused = {
        library / "songnet.db": "end it in .html",
        library / "page.html": "among the library's own files",
        tmp_path / "mine.html": "no page of SongNet's",
        tmp_path / "link.html": "among the library's own files",
        tmp_path: "is a folder",
    }
    for path, said in refused.items():
        with pytest.raises(ParameterError, match=said):
            check_page_path(path, library)
    with pytest.raises(InputNotFoundError, match="there is no folder"):
        check_page_path(tmp_path / "nowhere" / "page.html", library)
    for path in (library / "reports" / "page.html", tmp_path / "new.HTM"):
        check_page_path(path, library)
        write_page(one_of_each(), path)
        check_page_path(path, library)  # a page may be written anew
    assert (library / "songnet.db").read_bytes() == b"the truth"
