"""Fixtures all tests share: no network, no stray files, quiet logs."""

import logging
import os
import socket
import warnings
from functools import partial

import pytest
import torch
from fake_mnist import fake_mnist  # noqa: F401 (a fixture for all)
from small_qm9 import small_qm9  # noqa: F401 (a fixture for all)
from small_zinc import small_zinc  # noqa: F401 (a fixture for all)

os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_make_parametrize_id(config, val, argname):
    """Name bytes by argument: workers must collect equal ids; gzipped bytes hold the time."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture(autouse=True)
def _quiet_and_offline(monkeypatch, tmp_path):
    """Run in a temporary folder, refuse connections that leave this machine."""
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    connect = socket.socket.connect

    def local_only(self, address):
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "localhost", "::1"):
            raise OSError(f"tests do not use the network: {address}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", local_only)
    with warnings.catch_warnings():
        # Lightning's advice on workers and step counts is for users, not for ten-batch tests
        warnings.filterwarnings("ignore", module="pytorch_lightning")
        yield


@pytest.fixture
def quick_probes(monkeypatch):
    """Probes whose MLP trains for 40 steps of 800, for whole runs that no figure is read from."""
    from symmetry_pl.information import regressors

    monkeypatch.setattr(regressors, "_train", partial(regressors._train, steps=40))
