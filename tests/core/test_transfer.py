"""Weights of a model of other data: rows by symbol and position, new heads, one sentence else."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from symmetry_pl import STIB, LatentFlowSTIB, TokenFlowSTIB
from symmetry_pl.core import DataDescription
from symmetry_pl.core.transfer import transfer

OLD = DataDescription(
    "tokens", (6,), ("gap",), ("eV",), (1.0,), (2.0,), ("", "C", "N", "O", "C C"), "selfies"
)
NEW = replace(
    OLD,
    target_names=("logp",),
    target_units=("",),
    symbols=("", "C", "F", "N", "O", "S", "C C", "C C C"),
    x_shape=(8,),
)
TOKEN_FLOW = {
    "latent_dim": 4,
    "width": 8,
    "blocks": 1,
    "encoder_options": {"width": 8, "hidden": 8, "blocks": 1, "embedding": 4, "counts": 4},
}
LATENT = {
    "autoencoder": "residual_tokens",
    "autoencoder_options": {"width": 8, "hidden": 8},
    "latent_dim": 6,
    "flow_options": {"mixing": "lu", "width": 8},
}


def built(kind, options, data):
    torch.manual_seed(1)
    model = kind(**options)
    model.describe_data(data)
    return model


def moved(kind, options, source, data):
    old, new = built(kind, options, source), built(kind, options, data)
    for parameter in old.parameters():
        parameter.data.normal_()
    before = {name: value.clone() for name, value in new.state_dict().items()}
    found = transfer(new, new.built_on, data, old.state_dict(), source, "x.ckpt")
    return old.state_dict(), before, new.state_dict(), found


def test_the_same_data_take_everything():
    old, _, new, found = moved(TokenFlowSTIB, TOKEN_FLOW, OLD, OLD)
    assert all(torch.equal(old[name], new[name]) for name in old)
    assert found.new == found.partly == []


def test_rows_go_by_symbol_and_by_position():
    old, before, new, found = moved(TokenFlowSTIB, TOKEN_FLOW, OLD, NEW)
    for name in ("encoder.embedding.weight", "flow.model.embedding.weight", "flow.model.head.bias"):
        for i, symbol in enumerate(NEW.symbols):
            if symbol in OLD.symbols:
                assert torch.equal(new[name][i], old[name][OLD.symbols.index(symbol)]), (
                    name,
                    symbol,
                )
            else:
                assert torch.equal(new[name][i], before[name][i]), (name, symbol)
    join = "encoder.join.weight"  # positions by the size of a symbol's vector
    assert torch.equal(new[join][:, : 6 * 4], old[join])
    assert torch.equal(new[join][:, 6 * 4 :], before[join][:, 6 * 4 :])
    told = {"encoder.head.weight", "encoder.head.bias", "flow.model.stem.weight"}
    assert told == set(found.new)
    assert all(torch.equal(new[name], before[name]) for name in told)
    assert torch.equal(new["flow.order"], before["flow.order"])
    assert torch.equal(
        new["flow.model.blocks.0.gates.weight"], old["flow.model.blocks.0.gates.weight"]
    )


def test_the_same_targets_keep_their_heads():
    data = replace(NEW, target_names=("gap",), target_units=("eV",))
    old, _, new, found = moved(TokenFlowSTIB, TOKEN_FLOW, OLD, data)
    assert found.new == []
    assert torch.equal(new["encoder.head.weight"], old["encoder.head.weight"])


def test_tables_of_positions_by_symbols():
    old, before, new, found = moved(LatentFlowSTIB, LATENT, OLD, NEW)
    name = next(n for n in new if n.endswith("encoder.table"))
    a, b = old[name].view(6, 5, -1), new[name].view(8, 8, -1)
    for i, symbol in enumerate(NEW.symbols):
        if symbol in OLD.symbols:
            assert torch.equal(b[:6, i], a[:, OLD.symbols.index(symbol)])
    assert torch.equal(b[6:], before[name].view(8, 8, -1)[6:])
    assert {n.partition(".")[0] for n in found.new} == {"predictor"}


def test_the_first_molecule_is_read_as_before():
    """What has only symbols and positions of the old model has the old embedding and context."""
    data = replace(NEW, target_names=("gap",), target_units=("eV",), x_shape=(6,))
    torch.manual_seed(0)
    old, new = built(TokenFlowSTIB, TOKEN_FLOW, OLD), built(TokenFlowSTIB, TOKEN_FLOW, data)
    transfer(new, new.built_on, data, old.state_dict(), OLD, "x.ckpt")
    ids = torch.tensor([[1, 2, 3, 4, 0, 0]])
    again = torch.tensor([[NEW.symbols.index(OLD.symbols[i]) for i in ids[0]]])
    torch.testing.assert_close(new.encoder(again), old.encoder(ids))


def test_other_sizes_are_one_sentence():
    old = built(TokenFlowSTIB, TOKEN_FLOW, OLD)
    wide = built(TokenFlowSTIB, TOKEN_FLOW | {"width": 16}, OLD)
    with pytest.raises(ValueError, match=r"x.ckpt fits another model: flow.model.stem.weight has"):
        transfer(wide, wide.built_on, OLD, old.state_dict(), OLD, "x.ckpt")
    other = built(STIB, {"autoencoder": "gru_tokens", "latent_dim": 4}, OLD)
    with pytest.raises(ValueError, match="shares no weight with this one"):
        transfer(other, other.built_on, OLD, old.state_dict(), OLD, "x.ckpt")


def test_without_room_for_a_target_more_it_says_so():
    tight = {**TOKEN_FLOW, "latent_dim": 2}
    old, new = built(TokenFlowSTIB, tight, OLD), built(TokenFlowSTIB, tight, NEW)
    with pytest.raises(ValueError, match=r"x\.ckpt: .* do not allow \(model\.latent_dim 2 leaves"):
        transfer(new, new.built_on, NEW, old.state_dict(), OLD, "x.ckpt")


def test_an_additive_term_is_that_of_its_targets():
    options = {**TOKEN_FLOW, "additive": 2}
    models = [
        built(TokenFlowSTIB, options, data)
        for data in (OLD, NEW, replace(NEW, target_names=("gap",)))
    ]
    models[0].additive.weight.fill_(3.0)
    for model, value in zip(models[1:], (0.0, 3.0), strict=True):
        transfer(model, model.built_on, model.data, models[0].state_dict(), OLD, "x.ckpt")
        assert (model.additive.weight == value).all()


def test_building_it_again_leaves_the_generator_alone():
    old, new = built(TokenFlowSTIB, TOKEN_FLOW, OLD), built(TokenFlowSTIB, TOKEN_FLOW, NEW)
    state = torch.get_rng_state()
    transfer(new, new.built_on, NEW, old.state_dict(), OLD, "x.ckpt")
    assert torch.equal(state, torch.get_rng_state())
