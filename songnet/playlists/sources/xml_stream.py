"""XML files of any size, one element of them in memory at a time; documents that define entities are refused."""

from __future__ import annotations

from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from songnet.errors import PlaylistError

ELEMENT_BYTES = 32 << 20
"""Bytes that may pass without an element ending: the parser keeps the text of an element until it ends."""

DEPTH = 100
"""Elements within each other, at most."""


def stream_elements(path: Path) -> Iterator[tuple[str, str, Element]]:
    """Elements of an XML file as they begin and end.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Yields
    ------
    tuple of (str, str, xml.etree.ElementTree.Element)
        ``"start"`` or ``"end"``, the element's name without its namespace, and the element, whose text is whole when
        it ends. The children of an element are gone: each has been yielded itself.

    Raises
    ------
    PlaylistError
        Where the file is cut off or is not XML, defines entities or names a file to include.
    """
    above: list[Element] = []
    with path.open("rb") as stream:
        bounded = _Bounded(stream)
        try:
            for event, element in iterparse(bounded, events=("start", "end")):
                name = element.tag.rpartition("}")[2]
                if event == "start":
                    above.append(element)
                    if len(above) > DEPTH:
                        raise PlaylistError(f"{path}: elements are nested deeper than {DEPTH}, which no playlist is")
                    yield event, name, element
                    continue
                bounded.since = 0
                yield event, name, element
                above.pop()
                if above:
                    above[-1].remove(element)
        except ParseError as error:
            reason = "the file is cut off" if "no element found" in str(error) else f"not XML ({error.msg})"
            raise PlaylistError(f"{path}, line {error.position[0]}: {reason}; what came before was read") from None
        except DefusedXmlException as error:
            raise PlaylistError(
                f"{path}: defines entities or includes other files ({type(error).__name__}), which a playlist has no"
                " need of: it was not read"
            ) from None
        except _TooLongError:
            size = ELEMENT_BYTES >> 20
            raise PlaylistError(f"{path}: an element has more than {size} MiB, which no playlist needs") from None


class _TooLongError(Exception):
    pass


class _Bounded:
    """A file that counts what the parser takes from it between the ends of two elements."""

    def __init__(self, stream: BufferedReader) -> None:
        self.stream = stream
        self.since = 0

    def read(self, size: int) -> bytes:
        chunk = self.stream.read(size)
        self.since += len(chunk)
        if self.since > ELEMENT_BYTES:
            raise _TooLongError
        return chunk
