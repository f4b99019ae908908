"""What the tests of figures share."""

from html.parser import HTMLParser

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


@pytest.fixture
def axes():
    """Empty axes that can be laid out and measured."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    FigureCanvasAgg(figure)
    return figure.add_subplot()


VOID = {"meta", "link", "img", "br"}


class ReadPage(HTMLParser):
    """What a browser finds in a page; an element that is not closed, or closed twice, is an error."""

    def __init__(self, html):
        super().__init__()
        self.ids, self.links, self.images, self.tags, self.open = [], [], [], [], []
        self.words = {}
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(set(names)) == len(names)
        values = dict(attrs)
        self.tags.append(tag)
        self.ids += [values["id"]] if "id" in values else []
        self.links += [values[name] for name in ("href", "src", "action", "data", "srcset") if name in values]
        assert not [name for name in names if name.startswith("on")]
        if tag == "img":
            self.images.append(values)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.setdefault(self.open[-1] if self.open else "", []).append(data)

    def texts(self, tag):
        """What stands directly in elements of a kind, without blanks around."""
        return [word.strip() for word in self.words.get(tag, []) if word.strip()]


@pytest.fixture(scope="session")
def read_page():
    """Parses a page and checks what must hold for every page."""

    def read(html):
        assert html.startswith("<!DOCTYPE html>")
        page = ReadPage(html)
        assert len(set(page.ids)) == len(page.ids)
        assert all(link.startswith(("#", "data:")) for link in page.links)
        assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
        assert all(image["alt"].strip() for image in page.images)
        assert not {"script", "iframe", "object", "embed", "form", "svg", "base"} & set(page.tags)
        assert "url(" not in html
        assert "@import" not in html
        return page

    return read
