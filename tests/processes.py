"""Processes that begin at once: a server forks them, which has imported everything already.

They are real processes over gloo, as any that a launcher starts. What is saved are the eight
CPU-seconds in which each would import torch and Lightning.
"""

import multiprocessing
import os
import socket

import torch
from torch.multiprocessing import start_processes

multiprocessing.get_context("forkserver").set_forkserver_preload(
    ["symmetry_pl.training.command", "symmetry_pl.datamodules", "symmetry_pl.metrics"]
)


def in_processes(function, *arguments, count=2):
    """Call ``function(rank, *arguments)`` in each of some processes; their errors are raised."""
    start_processes(function, arguments, nprocs=count, start_method="forkserver")


def fit_in_processes(arguments, count=2, said=None):
    """``symmetry fit`` in some processes that their launcher has already told who they are."""
    run_in_processes(["fit", *arguments], count, said)


def run_in_processes(arguments, count=2, said=None):
    """A command in some processes that their launcher has told who they are.

    Their errors are appended to the file ``said``, where there is one.
    """
    in_processes(_command, [*map(str, arguments)], free_port(), count, said, count=count)


def command_in_process(arguments, said):
    """A process that runs a ``symmetry`` command; its errors are written to a file."""
    context = multiprocessing.get_context("forkserver")
    process = context.Process(target=_alone, args=([*map(str, arguments)], str(said)))
    process.start()
    return process


def free_port():
    """A port that nobody listens at."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def _alone(arguments, said):
    from symmetry_pl.cli import main

    with open(said, "w") as file:
        os.dup2(file.fileno(), 2)
    torch.set_num_threads(1)
    raise SystemExit(main(arguments))


def _command(rank, arguments, port, count, said=None):
    if said is not None:
        os.dup2(os.open(said, os.O_WRONLY | os.O_APPEND | os.O_CREAT), 2)
    from symmetry_pl.cli import main

    torch.set_num_threads(1)
    os.environ.update(
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(port),
        WORLD_SIZE=str(count),
        NODE_RANK="0",
        LOCAL_RANK=str(rank),
    )
    assert main(arguments) == 0
