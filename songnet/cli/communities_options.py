"""Flags that say how playlists become a graph: `songnet communities`, `communities graph` and `communities vectors`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from songnet.config import CommunityConfig, build_config, read_toml
from songnet.errors import ParameterError

GraphKind = Annotated[
    str | None,
    typer.Option(
        "--graph",
        help="What connects tracks: cooccurrence (playlists that hold both) or track2vec (likeness of vectors that"
        " word2vec learns from the playlists; extra track2vec). [default: cooccurrence]",
    ),
]
Weighting = Annotated[
    str | None,
    typer.Option("--weighting", help="raw, newman, cosine, newman-cosine, jaccard or pmi. [default: newman-cosine]"),
]
MinSupport = Annotated[int | None, typer.Option("--min-support", help="Playlists a track must stand in. [default: 2]")]
MinPairSupport = Annotated[
    int | None, typer.Option("--min-pair-support", help="Playlists two tracks must share. [default: 2]")
]
MaxLength = Annotated[
    int | None, typer.Option("--max-playlist-length", help="Longer playlists are left out. [default: 1000]")
]
TopK = Annotated[
    int | None,
    typer.Option("--top-k", help="Edges kept a track; 0 keeps all (not with track2vec). [default: 50; 0 of a file]"),
]
Mutual = Annotated[
    bool | None,
    typer.Option("--mutual/--union", help="Whether an edge must be among the strongest of both ends."),
]
Backbone = Annotated[
    float | None, typer.Option("--backbone", help="Disparity filter at this significance, such as 0.05.")
]
KCore = Annotated[int | None, typer.Option("--k-core", help="Peel off tracks with fewer neighbours.")]
Largest = Annotated[
    bool | None, typer.Option("--largest-component/--all-components", help="Keep the largest part only.")
]
Dimensions = Annotated[int | None, typer.Option("--dimensions", help="Of Track2Vec's vectors. [default: 100]")]
Window = Annotated[
    int | None,
    typer.Option("--window", help="Entries before and after a track that are its context in Track2Vec. [default: 2]"),
]
Epochs = Annotated[
    int | None,
    typer.Option("--epochs", help="Passes of Track2Vec over the playlists; 0 is as many as they need. [default: 0]"),
]
SkipGram = Annotated[
    bool | None, typer.Option("--skip-gram/--cbow", help="Whether Track2Vec predicts context from track.")
]

HeldOutFrom = Annotated[
    str | None,
    typer.Option(
        "--held-out-from",
        help="Only the playlists that this model of `songnet align` never saw: what its codes may be compared with.",
    ),
]

OF_COOCCURRENCE = ("weighting", "min_pair_support")
OF_TRACK2VEC = ("dimensions", "window", "epochs", "skip_gram")
OF_PLAYLISTS = ("graph", "min_support", "max_playlist_length", *OF_COOCCURRENCE, *OF_TRACK2VEC)


def community_settings(
    config: Path | None, flags: dict[str, Any], *, graph: str | None = None, graph_file: Path | None = None
) -> CommunityConfig:
    """Settings from a file and from flags; a flag that has no effect is refused.

    Parameters
    ----------
    config : pathlib.Path or None
        Settings in TOML.
    flags : dict
        Key of `songnet.config.CommunityConfig` -> value, None where the flag was not given.
    graph : str, optional
        The graph that the command is about, whatever the file says.
    graph_file : pathlib.Path, optional
        The graph that stands in for the playlists.

    Raises
    ------
    ParameterError
        If a value is out of range, or a flag has no effect.
    """
    n_communities = flags.get("n_communities")
    if n_communities is not None and n_communities < 1:
        raise ParameterError(f"--communities is {n_communities}; ask for 1 or more, or leave it away")
    if n_communities is not None and flags.get("resolution") is not None:
        raise ParameterError("--communities searches the resolution: leave --resolution away, or --communities")
    # Nothing of a graph that was made elsewhere is left out unless somebody asks for it.
    implied = {"top_k": 0} if graph_file is not None else {}
    written = read_toml(config).get("communities", {})
    if written.get("n_communities") and "resolution" in written:
        raise ParameterError(f"{config}: n_communities searches the resolution: leave one of the two away")
    # Either flag stands above the other's key in the file.
    aside = {"n_communities"} if flags.get("resolution") is not None else set()
    aside |= {"resolution"} if n_communities is not None else set()
    layers = [{key: value for key, value in written.items() if key not in aside}, flags, {"graph": graph}]
    if graph_file is not None:
        layers[0] = {key: value for key, value in layers[0].items() if key not in OF_PLAYLISTS}
    settings = None if graph_file is not None else build_config(CommunityConfig, *layers)
    for names, useless, why in (
        (OF_PLAYLISTS, settings is None, "--graph-file has its graph already"),
        (OF_COOCCURRENCE, settings is not None and settings.graph == "track2vec", "Track2Vec counts no pairs"),
        (OF_TRACK2VEC, settings is not None and settings.graph != "track2vec", "it belongs to --graph track2vec"),
    ):
        given = [name for name in names if flags.get(name) is not None]
        if useless and given:
            raise ParameterError(f"--{given[0].replace('_', '-')} has no use here, {why}: leave it away")
    return settings or build_config(CommunityConfig, implied, *layers)


def refuse_options(context: typer.Context) -> None:
    """Refuse options before the word of a subcommand: they would be read and forgotten."""
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if source is not None and source.name == "COMMANDLINE":
            raise ParameterError(
                f"{parameter.opts[0]} stands before {context.invoked_subcommand}: write it after that word"
            )
