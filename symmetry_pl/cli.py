"""The ``symmetry`` command: its first word names a room, whose command does the rest."""

from __future__ import annotations

import difflib
import sys
import traceback
from importlib import import_module
from pathlib import Path

from symmetry_pl.messages import of_the_disk, quoted, shortened
from symmetry_pl.runs.provenance import package_version
from symmetry_pl.runs.signals import Stopped, stops_raised

COMMANDS = {
    "fit": ("symmetry_pl.training.command", "train a model on data"),
    "validate": ("symmetry_pl.training.command", "figures of the validation set"),
    "test": ("symmetry_pl.training.command", "figures of the test set, as a table"),
    "predict": ("symmetry_pl.training.command", "codes or prototypes of data, as a table"),
    "generate": ("symmetry_pl.generate.command", "new molecules at a fixed property"),
    "export": ("symmetry_pl.export.command", "a trained model as a graph for other programs"),
    "checkpoints": ("symmetry_pl.checkpoints.command", "trained models that come with this"),
    "reproduce": ("symmetry_pl.reproduce.command", "a table of the papers"),
}
"""Command to the module whose ``main`` runs it, imported then, and what it is for."""


def main(args: list[str] | None = None) -> int:
    """Entry point; bad input is one sentence on stderr and exit code 2, never a traceback.

    Groups and modules of one's own are found in the working directory, after all that is installed.
    An error raised by our own code is about the input; one raised anywhere deeper is a bug, and
    keeps its traceback.

    Raises:
        Stopped: where a signal ends the command; its exit code is 128 and the signal's number.
    """
    arguments = sys.argv[1:] if args is None else list(args)
    command = arguments[0] if arguments else "--help"
    if command in ("-h", "--help"):
        print(_help())
        return 0
    if command == "--version":
        print(f"symmetry {package_version()}")
        return 0
    if command not in COMMANDS:
        near = difflib.get_close_matches(command, COMMANDS, 1)
        guess = f": did you mean {near[0]}?" if near else f"; there are {', '.join(COMMANDS)}"
        print(f"symmetry: error: there is no command {quoted(command)}{guess}", file=sys.stderr)
        return 2
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)
    place = COMMANDS[command][0]
    own = arguments if place.startswith("symmetry_pl.training") else arguments[1:]
    try:
        with stops_raised():
            code: int = import_module(place).main(own)
    except Stopped as stop:
        if not stop.told:
            print(f"symmetry: {stop}", file=sys.stderr)
        raise
    except (ValueError, FileNotFoundError, FloatingPointError, ModuleNotFoundError) as error:
        found = _our_error(error)
        if found is None:
            raise
        print(f"symmetry: error: {shortened(str(found), 1000)}", file=sys.stderr)
        return 2
    except OSError as error:
        said = of_the_disk(error)
        if said is None:
            raise
        print(f"symmetry: error: {said}", file=sys.stderr)
        return 2
    return code


def _help() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {purpose}" for name, (_, purpose) in COMMANDS.items()]
    return "\n".join(
        [
            "usage: symmetry COMMAND [options], symmetry COMMAND --help, symmetry --version",
            "",
            *lines,
            "",
            "for example: symmetry fit --config stib/spiral_flow.yaml",
        ]
    )


def _our_error(error: BaseException | None) -> BaseException | None:
    """The error, or one it was raised from, whose innermost frame is in this project.

    The argument parser wraps what a constructor raises into an error of its own.
    """
    home = str(Path(__file__).parent)
    while error is not None:
        frames = traceback.extract_tb(error.__traceback__)
        if frames and frames[-1].filename.startswith(home):
            return error
        error = error.__cause__ or error.__context__
    return None
