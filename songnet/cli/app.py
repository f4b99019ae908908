"""The command `songnet`: its subcommands, and what becomes of errors."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Annotated

import typer

import songnet
from songnet.cli import demo, embed, export, failures, import_spectrograms, models, similar, train
from songnet.cli.output import tell
from songnet.errors import SongNetError

EXIT_INTERRUPTED = 130

app = typer.Typer(
    name="songnet",
    help="Hear what songs have in common: turn a music folder into a searchable library of latent codes.",
    epilog="Start with: songnet embed ~/Music     Exit codes: 0 done, 1 failed, 2 wrong use,"
    " 3 done but some inputs failed, 4 refused as unsafe, 5 library locked, 130 interrupted (state kept).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)

for module in (embed, train, models, similar, failures, demo, import_spectrograms, export):
    app.command(module.NAME, epilog=module.EXAMPLE)(module.command)


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
    except SongNetError as error:
        return _failed(error, str(error), error.exit_code, debug)
    except BrokenPipeError:
        # The reader of our output left (`songnet failures | head`): nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        return _failed(
            error, f"{error.strerror or error}{where}: free it or choose another place, then run it again", 1, debug
        )
    except Exception as error:
        return _failed(error, f"unexpected {type(error).__name__}: {error} (--debug shows where)", 1, debug)
    if code == EXIT_INTERRUPTED:
        tell("interrupted: what was done is kept, the same command goes on from there")
    return code if isinstance(code, int) else 0


def _failed(error: BaseException, message: str, code: int, debug: bool) -> int:
    if debug:
        traceback.print_exception(error, file=sys.stderr)
    tell(f"error: {message}")
    return code


def run() -> None:
    """Entry point of the console script."""
    code = main()
    sys.stdout.flush()
    sys.exit(code)
