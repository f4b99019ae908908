"""Taking a model out of a library."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from songnet.errors import InputNotFoundError
from songnet.library import Library, table_name
from songnet.training.checkpoint import check_name, list_models


@dataclass(frozen=True)
class Removal:
    """What went with a model: tracks that had codes of it, and tables of codes and vectors."""

    tracks: int
    tables: int


def check_trained(library: Library, name: str) -> None:
    """Refuse a name that no model of the library has; a damaged model has one, too.

    Raises
    ------
    ParameterError
        If it is no model name.
    InputNotFoundError
        If there is none of that name.
    """
    trained = list_models(library.models)
    if check_name(name) not in trained:
        raise InputNotFoundError(f"the library has no model {name!r}; it has: {', '.join(trained) or 'none'}")


def delete_model(library: Library, name: str) -> Removal:
    """Delete a model, damaged or not, with its codes and track vectors; mel images and stored clusters stay.

    Parameters
    ----------
    library : Library
        Open for writing.
    name : str
        The model.

    Raises
    ------
    InputNotFoundError
        If there is none of that name.
    """
    check_trained(library, name)
    # The folder goes last: a kill leaves a model that can be deleted again, not codes that belong to none.
    prefixes = tuple(table_name(ledger, f"{name}.") for ledger in ("codes", "vectors"))
    tables = [table for table in library.arrays.names() if table.startswith(prefixes)]
    for table in tables:
        library.arrays.drop(table)
    own = (len(name) + 1, f"{name}.")
    (tracks,) = library.db.execute(
        "SELECT count(DISTINCT track_id) FROM codes WHERE substr(model_key, 1, ?) = ?", own
    ).fetchone()
    with library.db:
        library.db.execute("DELETE FROM codes WHERE substr(model_key, 1, ?) = ?", own)
    folder = library.models / name
    # Without its description it is no model any more, however far the rest gets.
    (folder / "config.json").unlink()
    shutil.rmtree(folder)
    return Removal(int(tracks), len(tables))
