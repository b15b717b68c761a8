"""Whatever a network says, what is decoded parses, ends in time, and closes its rings."""

from __future__ import annotations

import itertools

import pytest
import torch
from rdkit import Chem, rdBase

from symmetry_pl.datamodules.files.csv_table import read_csv
from symmetry_pl.datamodules.molecules.qm9_embedded import EMBEDDED
from symmetry_pl.datamodules.molecules.tokens import tokenise
from symmetry_pl.molecules import Grammar, GrammarMask, RingMask, Vocabulary
from symmetry_pl.molecules.grammar_mask import NEVER, shortest_derivations
from symmetry_pl.molecules.grammar_parser import derive, replay
from symmetry_pl.molecules.grammar_rules import PRODUCTIONS

DRUGS = [
    "CC(=O)Oc1ccccc1C(=O)[O-]",
    "C[C@@H](N)C1CC2CCC1CC2",
    "C/C=C/1CC1.[Na+]",
    "C12C3C4C1C5C2C3C45",
    "CC=1CCCC1(O)C%10CC%10",
    "[13CH3:1]C#N",
]


def vocabulary_of(molecules):
    return tokenise(map(derive, molecules))


@pytest.fixture(scope="module")
def qm9():
    return vocabulary_of(read_csv(EMBEDDED, ["smiles"]).columns["smiles"][::40])


@pytest.fixture(scope="module")
def drugs():
    return vocabulary_of(DRUGS)


def noise(vocabulary, length, n=300, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return 3 * torch.randn(n, length, len(vocabulary), generator=generator)


def spelled(vocabulary, ids):
    return [replay(symbols) for symbols in vocabulary.decode(ids)]


def is_graph(smiles):
    with rdBase.BlockLogs():
        return Chem.MolFromSmiles(smiles, sanitize=False) is not None


@pytest.mark.parametrize("length", [3, 4, 5, 6, 9, 16, 40])
@pytest.mark.parametrize("data", ["qm9", "drugs"])
def test_noise_decodes_to_strings_of_the_grammar(request, data, length):
    vocabulary, _ = request.getfixturevalue(data)
    mask = GrammarMask(vocabulary.symbols, length)
    ids = mask(noise(vocabulary, length))
    strings = spelled(vocabulary, ids)
    assert all(s is not None for s in strings)
    assert all(derive(s) == found for s, found in zip(strings, vocabulary.decode(ids), strict=True))
    assert ((ids == 0).long().diff(dim=1) >= 0).all()  # padding is at the end


@pytest.mark.parametrize("length", [3, 4, 5, 6, 9, 16, 40, 80])
@pytest.mark.parametrize("data", ["qm9", "drugs"])
def test_noise_decodes_to_graphs_whose_rings_are_closed(request, data, length):
    vocabulary, _ = request.getfixturevalue(data)
    mask = Grammar().mask(vocabulary.symbols, length)
    assert isinstance(mask, RingMask)
    strings = spelled(vocabulary, mask(noise(vocabulary, length)))
    assert all(is_graph(s) for s in strings)
    if length >= 16:
        assert any(c.isdigit() for s in strings for c in s)


def test_a_network_that_only_wants_rings_still_ends(qm9):
    vocabulary, _ = qm9
    rings = torch.tensor([s.startswith("tail->'") or "',tail" in s for s in vocabulary.symbols])
    for length in range(5, 30):
        mask = RingMask(vocabulary.symbols, length)
        strings = spelled(vocabulary, mask(noise(vocabulary, length, 40) + 50.0 * rings))
        assert all(is_graph(s) for s in strings)


def test_without_the_ring_mask_most_rings_stay_open(qm9):
    vocabulary, _ = qm9
    mask = Grammar().mask(vocabulary.symbols, 30, close_rings=False)
    strings = spelled(vocabulary, mask(noise(vocabulary, 30)))
    assert sum(is_graph(s) for s in strings) < 150


@pytest.mark.parametrize("kind", [GrammarMask, RingMask])
@pytest.mark.parametrize("data", ["qm9", "drugs"])
def test_true_derivations_are_allowed_at_every_step(request, kind, data):
    vocabulary, ids = request.getfixturevalue(data)
    mask = kind(vocabulary.symbols, ids.shape[1])
    state = mask.start(len(ids))
    for step in ids.long().unbind(1):
        assert mask.allowed(state).gather(1, step[:, None]).all()
        state = mask.step(state, step)
    assert (state.depth == 0).all()


def exhaustively(mask):
    """All sequences that a mask allows, by depth-first search."""
    found = []

    def visit(state, prefix):
        if len(prefix) == mask.max_length:
            found.append(tuple(prefix))
            return
        choices = mask.allowed(state)[0].nonzero()[:, 0].tolist()
        assert choices, prefix
        for i in choices:
            visit(mask.step(state, torch.tensor([i])), [*prefix, i])

    visit(mask.start(1), [])
    return found


def test_the_mask_allows_all_strings_that_short_and_no_others():
    vocabulary = Vocabulary.from_sequences([derive("C=CC"), derive("C(O)C"), derive("C(C)(C)")])
    mask = GrammarMask(vocabulary.symbols, 9)
    found = set(spelled(vocabulary, torch.tensor(exhaustively(mask))))
    alphabet = ["C", "O", "=", "(", ")"]
    texts = ("".join(t) for n in range(1, 7) for t in itertools.product(alphabet, repeat=n))
    expected = set()
    for text in texts:
        try:
            symbols = derive(text)
        except ValueError:
            continue
        if len(symbols) <= 9 and set(symbols) <= set(vocabulary.symbols):
            expected.add(text)
    assert found == expected
    assert {"C=C", "C(C)C", "COC", "O"} <= found


def test_the_ring_mask_allows_rings_and_only_graphs():
    vocabulary = Vocabulary.from_sequences([derive("C1CC1"), derive("C2CC2"), derive("C(C)C")])
    mask = RingMask(vocabulary.symbols, 11)
    strings = spelled(vocabulary, torch.tensor(exhaustively(mask)))
    assert len(set(strings)) == len(strings)
    assert all(is_graph(s) for s in strings)
    plain = spelled(vocabulary, torch.tensor(exhaustively(GrammarMask(vocabulary.symbols, 11))))
    graphs = {s for s in plain if is_graph(s)}
    assert {"C1CC1", "CC1CC1", "C1CCC1", "C2CC2C"} <= set(strings)
    assert set(strings) == graphs


def test_the_reserve_knows_no_closures_inside_branches():
    symbols = derive("C1CC(C1)")
    vocabulary = Vocabulary.from_sequences([symbols])
    ids = vocabulary.encode([symbols], len(symbols))[0].long()

    def allowed(length):
        mask = RingMask([*vocabulary.symbols, "more->atom,tail"], length)
        state, passed = mask.start(1), True
        for i in ids:
            passed &= bool(mask.allowed(state)[0, i])
            state = mask.step(state, i[None])
        return passed

    assert not allowed(len(symbols))
    assert allowed(len(symbols) + 3)


@pytest.mark.parametrize(
    ("smiles", "graph"),
    [
        ("C11", False),
        ("C1C1", False),
        ("C12CC12", False),
        ("C1CC", False),
        ("C=1CC#1", True),  # RDKit takes one of the two bonds, the specification neither
    ],
)
def test_what_cannot_be_connected_is_not_allowed(smiles, graph):
    symbols = derive(smiles)
    vocabulary = Vocabulary.from_sequences([symbols, derive("C1CC1"), derive("C2CC2")])
    mask = RingMask(vocabulary.symbols, 40)
    state = mask.start(1)
    refused = False
    for i in vocabulary.encode([symbols], len(symbols)).long()[0]:
        refused |= not mask.allowed(state)[0, i]
        state = mask.step(state, i[None])
    assert refused
    assert is_graph(smiles) is graph


def test_choices_are_the_largest_logits_or_drawn(drugs):
    vocabulary, ids = drugs
    length = ids.shape[1]
    logits = 20.0 * torch.nn.functional.one_hot(ids.long(), len(vocabulary))
    mask = RingMask(vocabulary.symbols, length)
    assert torch.equal(mask(logits), ids.long())
    drawn = mask(0 * logits, torch.Generator().manual_seed(0))
    again = mask(0 * logits, torch.Generator().manual_seed(0))
    assert torch.equal(drawn, again)
    assert len({tuple(row) for row in drawn.tolist()}) > 1
    assert torch.equal(mask(logits, torch.Generator().manual_seed(0)), ids.long())


def test_siblings_share_the_left_hand_side(drugs):
    vocabulary, ids = drugs
    mask = GrammarMask(vocabulary.symbols, ids.shape[1])
    siblings = mask.siblings(ids.long())
    assert siblings.shape == (*ids.shape, len(vocabulary))
    left = [""] + [PRODUCTIONS[s].left for s in vocabulary.symbols[1:]]
    for i, row in zip(ids.flatten()[:50].tolist(), siblings.flatten(0, 1), strict=False):
        assert [left[j] == left[i] for j in range(len(left))] == row.tolist()


def test_shortest_derivations_by_hand():
    costs = shortest_derivations(list(PRODUCTIONS.values()))
    assert {left: cost for left, cost in costs.items() if cost > 1} == {"smiles": 3, "branch": 3}
    assert len(costs) == 11


def test_what_the_vocabulary_cannot_complete_is_never_begun():
    symbols = ["", *derive("CC"), "tail->bond,atom,tail", "tail->branch,more"]
    symbols = list(dict.fromkeys(symbols))
    vocabulary = Vocabulary(symbols)
    mask = GrammarMask(symbols, 9)
    assert set(spelled(vocabulary, mask(noise(vocabulary, 9)))) <= {"C" * n for n in range(1, 5)}
    assert mask.growth[symbols.index("tail->bond,atom,tail")] == NEVER


def test_tables_are_no_parameters_and_not_in_checkpoints(drugs):
    mask = RingMask(drugs[0].symbols, 50)
    assert not list(mask.parameters())
    assert not mask.state_dict()


@pytest.mark.parametrize("kind", [GrammarMask, RingMask])
def test_it_moves_to_another_device_as_a_whole(drugs, kind):
    mask = kind(drugs[0].symbols, 50).to("meta")  # refuses to meet tensors that stayed behind
    state = mask.start(3)
    for _ in range(2):
        state = mask.step(state, mask.allowed(state).long().argmax(1))
    assert state.stack.device.type == mask.allowed(state).device.type == "meta"


@pytest.mark.parametrize(
    ("symbols", "length", "words"),
    [
        (["", "C"], 9, "'C' is not a production"),
        (["", *derive("C")], 2, "as short as max_length=2: the shortest has 3"),
        (["", *derive("C")[:2]], 9, "as short as max_length=9$"),
    ],
)
def test_bad_vocabularies(symbols, length, words):
    with pytest.raises(ValueError, match=words):
        GrammarMask(symbols, length)


def test_rings_need_a_chain_to_grow_on():
    symbols = ["", *dict.fromkeys(derive("C1=C=C=1"))]
    with pytest.raises(ValueError, match="cannot append atoms"):
        RingMask([s for s in symbols if s != "tail->atom,tail"], 20)


def test_logits_of_another_shape_and_a_step_too_many(drugs):
    vocabulary, _ = drugs
    mask = GrammarMask(vocabulary.symbols, 4)
    with pytest.raises(ValueError, match=rf"\(B, 4, {len(vocabulary)}\), got \(2, 5, 3\)"):
        mask(torch.zeros(2, 5, 3))
    state = mask.start(1)
    for _ in range(4):
        state = mask.step(state, mask.allowed(state).long().argmax(1))
    with pytest.raises(ValueError, match="at most max_length=4 steps"):
        mask.step(state, torch.tensor([0]))
