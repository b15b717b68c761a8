"""Regressors that ask of a code what it knows of a target: ridge, boosted trees, an MLP."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from torch import nn

from symmetry_pl.rng import global_generators_kept

__all__ = ["REGRESSORS", "boosting_predictions", "mlp_predictions", "ridge_predictions"]

Matrix: TypeAlias = NDArray[np.float64]

FOURIER_FEATURES = 512
LENGTH_SCALES = (0.2, 0.5, 1.0, 2.0)  # in standard deviations, times √d
PENALTIES = tuple(10.0**power for power in range(-6, 5))
GCV_INFLATION = 1.4  # of the degrees of freedom: plain GCV overfits when it chooses among many


def ridge_predictions(train: Matrix, target: Matrix, test: Matrix, seed: int) -> Matrix:
    """Return ridge regressions on linear, quadratic and random Fourier features.

    Every target column gets the feature map and the penalty with its smallest generalised
    cross-validation score, RSS / (1 − 1.4 df / n)². One decomposition of the features serves all
    columns, so refitting permuted targets costs next to nothing: stack them as further columns.

    Args:
        train: Inputs with columns of about unit scale, `(n, d)`.
        target: Targets, `(n, m)`.
        test: Inputs to predict at, `(t, d)`.
        seed: Of the Fourier frequencies.

    Returns:
        Predictions, `(t, m)`.
    """
    n = len(train)
    mean = target.mean(axis=0)
    residual = target - mean
    total = np.square(residual).sum(axis=0)
    best_score = np.full(target.shape[1], np.inf)
    best = np.zeros((len(test), target.shape[1]))
    for features in _feature_maps(train, test, seed):
        centre, scale = features[:n].mean(axis=0), features[:n].std(axis=0) + 1e-12
        features = (features - centre) / scale
        # The normal equations square the condition number, which the least penalty bounds by 1e8.
        power, basis = np.linalg.eigh(features[:n].T @ features[:n] / n)
        power = np.maximum(power, 0.0)
        loading = basis.T @ (features[:n].T @ residual) / n
        chosen, improved = np.zeros_like(loading), np.zeros(target.shape[1], dtype=bool)
        for penalty in PENALTIES:
            weights = loading / (power + penalty)[:, None]
            explained = n * ((power + 2 * penalty) @ np.square(weights))
            room = 1 - GCV_INFLATION * ((power / (power + penalty)).sum() + 1) / n
            score = (total - explained) / room**2 if room > 0 else np.full_like(total, np.inf)
            better = score < best_score
            chosen[:, better] = weights[:, better]
            best_score[better] = score[better]
            improved |= better
        best[:, improved] = features[n:] @ (basis @ chosen[:, improved])
    predictions: Matrix = mean + best
    return predictions


def _feature_maps(train: Matrix, test: Matrix, seed: int) -> list[Matrix]:
    """Return feature matrices of the stacked rows; all but the linear one at most n/2 wide."""
    points = np.concatenate([train, test])
    n, dim = train.shape
    maps = [points]
    if dim * (dim + 3) // 2 <= n // 2:
        first, second = np.triu_indices(dim)
        maps.append(np.hstack([points, points[:, first] * points[:, second]]))
    half = min(FOURIER_FEATURES, n // 2 - dim) // 2
    rng = np.random.default_rng(seed)
    for length in LENGTH_SCALES if half > 0 else ():
        phase = points @ (rng.standard_normal((dim, half)) / (length * math.sqrt(dim)))
        maps.append(np.hstack([points, np.cos(phase), np.sin(phase)]))
    return maps


def boosting_predictions(train: Matrix, target: Matrix, test: Matrix, seed: int) -> Matrix:
    """Return gradient-boosted trees, one ensemble per target column, stopped early.

    Args:
        train: Inputs, `(n, d)`.
        target: Targets, `(n, m)`.
        test: Inputs to predict at, `(t, d)`.
        seed: Of the split: 15 % of the rows decide when to stop.

    Returns:
        Predictions, `(t, m)`.
    """
    columns = []
    for column in target.T:
        model = HistGradientBoostingRegressor(
            max_iter=200, early_stopping=True, validation_fraction=0.15, random_state=seed
        )
        columns.append(model.fit(train, column).predict(test))
    return np.stack(columns, axis=1)


def mlp_predictions(train: Matrix, target: Matrix, test: Matrix, seed: int) -> Matrix:
    """Return the MLP of the epoch that predicts 15 % of the rows, kept from its training, best.

    Two hidden layers of 64; the weights of the first are drawn wide, so that targets that oscillate
    within one standard deviation of the input are within reach of a short training.

    Args:
        train: Inputs with columns of about unit scale, `(n, d)`.
        target: Targets of about unit scale, `(n, m)`.
        test: Inputs to predict at, `(t, d)`.
        seed: Of the split, the weights and the batches. The global generators are left alone.

    Returns:
        Predictions, `(t, m)`.
    """
    # Metrics are computed in Lightning's inference mode, where nothing could be trained.
    with (
        torch.inference_mode(False),
        torch.enable_grad(),
        torch.autocast("cpu", enabled=False),
        global_generators_kept(),
    ):
        torch.manual_seed(seed)
        x, y, x_test = (torch.from_numpy(a).float() for a in (train, target, test))
        order = torch.randperm(len(x))
        held = max(1, round(0.15 * len(x)))
        fit, check = order[held:], order[:held]
        model = _mlp(x.shape[1], y.shape[1])
        _train(model, (x[fit], y[fit]), (x[check], y[check]))
        with torch.no_grad():
            return model(x_test).double().numpy()  # type: ignore[no-any-return]


def _mlp(dim_in: int, dim_out: int, width: int = 64) -> nn.Sequential:
    model = nn.Sequential(
        nn.Linear(dim_in, width),
        nn.SiLU(),
        nn.Linear(width, width),
        nn.SiLU(),
        nn.Linear(width, dim_out),
    ).float()
    first, last = model[0], model[-1]
    assert isinstance(first, nn.Linear)
    assert isinstance(last, nn.Linear)
    with torch.no_grad():
        nn.init.normal_(first.weight, std=2.8 / dim_in)
        nn.init.uniform_(first.bias, -2.0, 2.0)
        nn.init.zeros_(last.weight)
    return model


def _train(
    model: nn.Sequential,
    fit: tuple[torch.Tensor, torch.Tensor],
    check: tuple[torch.Tensor, torch.Tensor],
    steps: int = 800,
    patience: int = 15,
) -> None:
    """Train by Adam on batches of at most 512 and restore the weights with the best check loss."""
    x, y = fit
    batch = min(512, len(x))
    optimiser = torch.optim.AdamW(model.parameters(), lr=8e-3, weight_decay=1e-2, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    per_epoch = max(1, len(x) // batch)
    best, best_state, stale = math.inf, _copy(model), 0
    evaluate_every = max(10, per_epoch)
    for step in range(steps):
        if step % per_epoch == 0:
            order = torch.randperm(len(x))
        rows = order[(step % per_epoch) * batch : (step % per_epoch + 1) * batch]
        loss = nn.functional.mse_loss(model(x[rows]), y[rows])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        if step % evaluate_every == 0:
            with torch.no_grad():
                score = float(nn.functional.mse_loss(model(check[0]), check[1]))
            # Without a threshold a constant would be approached to the last step.
            stale = 0 if score < best * (1 - 1e-4) else stale + 1
            if score < best:
                best, best_state = score, _copy(model)
            if stale >= patience:
                break
    model.load_state_dict(best_state)


def _copy(model: nn.Module) -> dict[str, Any]:
    return {name: value.clone() for name, value in model.state_dict().items()}


REGRESSORS: dict[str, Callable[[Matrix, Matrix, Matrix, int], Matrix]] = {
    "ridge": ridge_predictions,
    "boosting": boosting_predictions,
    "mlp": mlp_predictions,
}
"""The kinds of probe by name: `(train, target, test, seed) -> predictions at test`."""
