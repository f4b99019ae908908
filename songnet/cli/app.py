"""The command `songnet`: its subcommands, and what becomes of errors."""

from __future__ import annotations

import errno
import io
import os
import sqlite3
import sys
import traceback
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import songnet
from songnet.cli import (
    align,
    cluster,
    communities,
    compare_communities,
    compare_neighbours,
    demo,
    embed,
    evaluate,
    export,
    failures,
    import_spectrograms,
    models,
    playlists,
    refine,
    similar,
    train,
)
from songnet.cli.output import tell
from songnet.errors import LibraryDamagedError, SongNetError

EXIT_INTERRUPTED = 130
# Commands that keep what they have finished and go on from there.
RESUMED = ("embed", "import-spectrograms", "train", "cluster", "playlists import", "playlists spotify", "demo")
REMEDIES = {
    errno.ENOSPC: "make room on that disk",
    errno.EDQUOT: "make room on that disk",
    errno.EACCES: "change its permissions or choose another place",
    errno.EPERM: "change its permissions or choose another place",
    errno.EROFS: "choose a place that can be written to",
}

# In the order of the work; what is not named here comes last.
ORDER = (
    "embed", "similar", "cluster", "playlists", "communities", "compare-communities", "compare-neighbours",
    "evaluate", "train", "refine", "align",
    "models", "failures",
)  # fmt: skip


class _Ordered(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:
        """Names of the commands as the help page lists them."""
        names = list(super().list_commands(ctx))
        return sorted(names, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))


app = typer.Typer(
    cls=_Ordered,
    name="songnet",
    help="Hear what songs have in common: turn a music folder into a searchable library, find its kinds, and compare"
    " them with the playlists that people made.",
    epilog="Start with: songnet embed ~/Music     Exit codes: 0 done, 1 failed, 2 wrong use,"
    " 3 done but some inputs failed, 4 refused as unsafe, 5 library locked, 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)

for module in (
    embed, train, refine, align, similar, compare_communities, compare_neighbours, evaluate, failures, demo,
    import_spectrograms, export,
):  # fmt: skip
    app.command(module.NAME, epilog=module.EXAMPLE)(module.command)
app.add_typer(models.app, name=models.NAME, epilog=models.EXAMPLE)
app.add_typer(cluster.app, name=cluster.NAME, epilog=cluster.EXAMPLE)
app.add_typer(communities.app, name=communities.NAME, epilog=communities.EXAMPLE)
app.add_typer(playlists.app, name=playlists.NAME, epilog=playlists.EXAMPLE)


def _show_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"songnet {songnet.__version__}\n")
        raise typer.Exit


@app.callback()
def _root(
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback with an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """Root of all commands; `main` reads --debug itself, wherever it stands."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    arguments : list of str, optional
        Without the program's name; ``sys.argv`` when left out.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in arguments
    # Asked for anywhere on the line, like every other flag.
    arguments = (["--debug"] if debug else []) + [argument for argument in arguments if argument != "--debug"]
    try:
        code = app(args=arguments, prog_name="songnet", standalone_mode=False)
    except typer.TyperException as error:
        error.show()  # type: ignore[attr-defined]  # wrong use: every one that leaves typer can show itself
        return 2
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    except SystemExit:
        # typer's way of meeting a reader of our output that left (`songnet failures | head`): nothing is wrong.
        _abandon_stdout()
        return 0
    except SongNetError as error:
        return _failed(error, str(error), error.exit_code, debug)
    except BrokenPipeError:
        _abandon_stdout()
        return 0
    except sqlite3.DatabaseError as error:
        message = f"songnet.db of the library cannot be used ({error}): restore it from a backup"
        return _failed(error, message, LibraryDamagedError.exit_code, debug)
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        remedy = REMEDIES.get(error.errno or 0, "choose another place")
        return _failed(error, f"{error.strerror or error}{where}; {remedy}, then run it again", 1, debug)
    except Exception as error:
        return _failed(error, f"unexpected {type(error).__name__}: {error} (--debug shows where)", 1, debug)
    if code == EXIT_INTERRUPTED:
        words = " ".join([argument for argument in arguments if not argument.startswith("-")][:2])
        goes_on = "what was done is kept, the same command goes on from there"
        tell(f"interrupted: {goes_on if words.startswith(RESUMED) else 'the same command begins anew'}")
    return code if isinstance(code, int) else 0


def _abandon_stdout() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _failed(error: BaseException, message: str, code: int, debug: bool) -> int:
    if debug:
        traceback.print_exception(error, file=sys.stderr)
    tell(f"error: {message}")
    return code


def run() -> None:
    """Entry point of the console script."""
    for stream in (sys.stdout, sys.stderr):
        # A title that the terminal's encoding does not know is shown as escapes, not as an error.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    code = main()
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _abandon_stdout()
    sys.exit(code)
