"""A stand-in for the trainer, so that single steps can be looked at."""

from types import SimpleNamespace

from symmetry_pl.core import DataDescription

VECTORS = DataDescription("vector", (2,), ("u", "v"))


def described(model, data=VECTORS):
    """The model, its networks at the sizes of the data."""
    model.describe_data(data)
    return model


def attach(model, batches=0, total=100):
    """The model in double precision at a batch of a training, and the losses of its turns."""
    if model.data is None:
        described(model)
    model.double()
    model._trainer = SimpleNamespace(
        max_epochs=1,
        num_training_batches=total,
        world_size=1,
        global_rank=0,
        log_every_n_steps=0,
        precision="64-true",
    )
    model.noise_seed, model.batches_seen = 0, batches
    losses = []
    model.minimise = losses.append
    model.player_optimizer = lambda name: name
    return model, losses
