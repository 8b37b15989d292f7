"""Training on pairs of texts: the loss beside torch's, packed and padded, and runs of recipes."""

from __future__ import annotations

import jax
import numpy as np
import pytest
import torch
import transformers

import zoo
from zoo.data.examples import Examples
from zoo.data.pairs import choose_pair_columns, read_pairs, text_numbers
from zoo.data.problems import RETRIEVAL
from zoo.data.table import Table
from zoo.errors import ZooError
from zoo.tasks.losses import in_batch_negatives
from zoo.train.evaluate import evaluate
from zoo.train.feeds import feed_facts, make_batches, preparation
from zoo.train.pair_reader import PairReader
from zoo.train.recipe import DataKeys
from zoo.train.retrieval import nearest
from zoo.train.scoring import score
from zoo.train.splits import Splits

PAIRS = [
    ("film was great", "superb story with plot"),
    ("dull actor", "poor"),
    ("some of the scene", "very quite told"),
    ("the film was told", "poor"),  # the partner of another
    ("dull actor", "awful plot of the story was very very dull"),  # another partner of the same text
    ("grim", "moving"),
    ("the plot was quite fine", "the actor told"),
]


def reference_loss(texts, partners, pairs):
    """The formula in torch: cross-entropy of 20 times the cosines; what is right is no negative."""
    texts, partners = (torch.nn.functional.normalize(x, dim=1) for x in (texts, partners))
    scores = 20 * texts @ partners.T
    for i, (text, partner) in enumerate(pairs):
        for j, (other, its) in enumerate(pairs):
            if i != j and (other == text or its == partner):
                scores[i, j] = -torch.inf
    return torch.nn.functional.cross_entropy(scores, torch.arange(len(pairs)))


def test_the_loss_and_its_gradient_are_torchs():
    chance = np.random.default_rng(0)
    vectors = chance.normal(size=(14, 8)).astype(np.float32)
    numbers, weights = text_numbers(PAIRS), np.ones(7, np.float32)
    theirs = torch.from_numpy(vectors).requires_grad_()
    expected = reference_loss(theirs[0::2], theirs[1::2], PAIRS)
    expected.backward()

    def mean(vectors):
        total, weight = in_batch_negatives()(vectors, numbers, weights)
        return total / weight

    found, gradient = jax.value_and_grad(mean)(vectors)

    assert float(found) == pytest.approx(expected.item(), rel=1e-6)
    np.testing.assert_allclose(gradient, theirs.grad, atol=1e-6)


def test_what_fills_a_place_is_no_negative_and_has_a_gradient_of_zero():
    vectors = np.random.default_rng(0).normal(size=(14, 8)).astype(np.float32)
    numbers = np.array([[n, n] for n in range(7)], np.int32)
    whole = in_batch_negatives()(vectors[:10], numbers[:5], np.ones(5, np.float32))
    filled = vectors.copy()
    filled[10:] = 0

    def total(vectors):
        return in_batch_negatives()(vectors, numbers, np.array([1, 1, 1, 1, 1, 0, 0], np.float32))

    np.testing.assert_allclose(total(filled), whole, rtol=1e-6)
    gradient = np.asarray(jax.grad(lambda x: total(x)[0])(filled))
    assert np.isfinite(gradient).all()
    assert not gradient[10:].any()


@pytest.fixture(scope="module")
def csv(tmp_path_factory):
    """90 pairs: each partner has two words in place of the text's two, always the same."""
    path = tmp_path_factory.mktemp("pairs") / "pairs.csv"
    words = ["superb", "lovely", "great", "fine", "moving", "awful", "dull", "poor", "grim", "tedious"]
    other = dict(zip(words, words[3:] + words[:3], strict=True))
    rows = [f"{a} film with {b},story was {other[b]} and {other[a]}" for a in words for b in words if a != b]
    path.write_text("\n".join(["query,passage", *rows]) + "\n")
    return path


@pytest.fixture
def pair_recipe(tiny_bert, csv, tmp_path):
    return zoo.Recipe.of(
        model={"preset": str(tiny_bert), "task": "feature-extraction"},
        data={"train": str(csv), "validation": 0.2},
        train={"epochs": 15, "batch_size": 16, "learning_rate": 5e-3},
        output={"dir": str(tmp_path / "run")},
    )


@pytest.mark.parametrize("packing", [True, False])
def test_a_step_is_the_references_packed_and_padded(tiny_bert, pair_recipe, packing):
    theirs = transformers.BertModel.from_pretrained(tiny_bert, attn_implementation="eager").train()
    model = zoo.load(tiny_bert)
    sides = []
    for side in zip(*PAIRS, strict=True):
        arrays = {name: torch.from_numpy(x).long() for name, x in model.preprocess(list(side)).items()}
        mask = arrays["attention_mask"][:, :, None]
        sides.append((theirs(**arrays).last_hidden_state * mask).sum(1) / mask.sum(1))
    expected = reference_loss(*sides, PAIRS)
    expected.backward()

    examples = read_pairs(table(PAIRS), choose_pair_columns(table(PAIRS)))
    made = make_batches(pair_recipe.replace("data", packing=packing), model, Splits(examples, None, None))
    arrays, targets, weights = made.batch(0)  # of 16 places, 9 of which are empty
    arrays, targets = preparation(model, RETRIEVAL)(arrays, targets)
    fixed = [v.value for v in model.non_trainable_variables]

    def mean(values):
        outputs, _ = model.stateless_call(values, fixed, arrays, training=True)
        total, weight = model.objective()(outputs, targets, weights)
        return total / weight

    loss, gradients = jax.jit(jax.value_and_grad(mean))([v.value for v in model.trainable_variables])
    by_path = {v.path: np.asarray(g) for v, g in zip(model.trainable_variables, gradients, strict=True)}
    assert float(loss) == pytest.approx(expected.item(), rel=1e-5)
    assert all(np.isfinite(g).all() for g in by_path.values())
    for path, parameter in {
        "embeddings/word/embeddings": theirs.embeddings.word_embeddings.weight,
        "layer_0/attention/query/kernel": theirs.encoder.layer[0].attention.self.query.weight,
        "layer_1/down/kernel": theirs.encoder.layer[1].output.dense.weight,
        "layer_1/mlp_norm/gamma": theirs.encoder.layer[1].output.LayerNorm.weight,
    }.items():
        got, wanted = next(g for name, g in by_path.items() if name.endswith(path)), parameter.grad.numpy()
        got = got if got.shape == wanted.shape else got.reshape(wanted.shape)
        np.testing.assert_allclose(got, wanted, atol=1e-5 * np.abs(wanted).max(), err_msg=path)


def table(pairs):
    import pyarrow as pa

    one, other = (list(side) for side in zip(*pairs, strict=True))
    return Table("pairs", pa.table({"query": one, "passage": other}))


def test_pooling_is_the_same_packed_and_apart(tiny_bert, pair_recipe):
    model = zoo.load(tiny_bert)
    model.pooling = ("cls", "mean", "max", "mean_sqrt_len", "weighted_mean", "last")
    examples = read_pairs(table(PAIRS), choose_pair_columns(table(PAIRS)))
    found = {}
    for packing in (True, False):
        made = make_batches(pair_recipe.replace("data", packing=packing), model, Splits(examples, None, None))
        arrays = made.batch(0)[0]
        found[packing] = np.asarray(model.pool(model(arrays), arrays))[:14]
    np.testing.assert_allclose(found[True], found[False], atol=1e-5)


def test_ranks_count_equal_partners_once_and_partners_of_equal_texts_never():
    partners = np.eye(4, dtype=np.float32)[[0, 0, 1, 2]]
    texts = np.array([[1, 0, 0, 0], [0.5, 1, 0, 0], [1, 0.9, 0, 0], [0, 0, 1, 0]], np.float32)
    # The first two pairs have the same partner, the first and the third the same text.
    ranks, first = nearest(texts, partners, np.array([[0, 0], [1, 0], [0, 2], [3, 3]]))

    assert ranks.tolist() == [1, 2, 1, 1]
    assert first.tolist() == [0, 2, 2, 3]


def test_a_model_that_says_the_same_of_all_is_not_first():
    same = np.ones((5, 3), np.float32)
    ranks, _ = nearest(same, same, np.array([[n, n] for n in range(5)]))

    assert ranks.tolist() == [3] * 5


def test_a_run_learns_to_find_partners(pair_recipe, csv):
    run = zoo.finetune(pair_recipe)
    before = next(record for record in run.history if record["step"] == 0)

    assert list(run.metrics) == ["accuracy", "mrr"]
    assert run.metrics["mrr"] > before["mrr"] + 0.2
    assert run.recipe.data.text == "query"
    assert run.recipe.data.text_pair == "passage"
    assert run.model().embed("great film").shape == (1, 32)
    assert evaluate(run, csv)["mrr"] > 0.6  # among 90, each beside one of the same words
    assert "before training" in run.report.read_text()
    losses = [record["loss"] for record in run.history if "loss" in record]
    assert losses[-1] < losses[0] / 2


def test_scores_are_those_of_the_vectors(tiny_bert):
    model = zoo.load(tiny_bert)
    examples = read_pairs(table(PAIRS), choose_pair_columns(table(PAIRS)))
    one, other = (model.embed([pair[side] for pair in PAIRS]) for side in range(2))
    cosines = torch.nn.functional.cosine_similarity(torch.tensor(one)[:, None], torch.tensor(other)[None], dim=2)
    found = score(model, examples)

    assert examples.problem == RETRIEVAL
    for n in (0, 2, 5, 6):  # whose texts are there once
        before = {PAIRS[m][1] for m in range(7) if cosines[n, m] > cosines[n, n] + 1e-6}
        assert found.losses[n] == len(before)


def _batches(tiny_bert, pair_recipe, count: int, size: int):
    recipe = pair_recipe.replace("train", batch_size=size, epochs=4)
    splits = Splits(Examples(PAIRS[:count], None, [*range(1, count + 1)], "pairs", RETRIEVAL), None, None)
    return make_batches(recipe, zoo.load(tiny_bert), splits)


def test_a_pair_that_would_be_alone_sits_the_epoch_out(tiny_bert, pair_recipe):
    batches = _batches(tiny_bert, pair_recipe, count=7, size=3)
    assert batches.per_epoch == 2
    alone = [{*range(7)} - {n for k in (2 * e, 2 * e + 1) for n in batches.members(k).tolist()} for e in range(4)]
    assert all(len(one) == 1 for one in alone)
    assert len({*map(tuple, alone)}) > 1  # another one in another epoch
    assert feed_facts(batches)["left alone"].startswith("1 pair of an epoch")
    whole = _batches(tiny_bert, pair_recipe, count=7, size=5)
    assert whole.per_epoch == 2
    assert "left alone" not in feed_facts(whole)
    with pytest.raises(ZooError, match="has one pair to learn from"):
        _batches(tiny_bert, pair_recipe, count=1, size=4)


def test_columns_are_named_or_clear():
    import pyarrow as pa

    three = Table("three", pa.table({"a": ["x"], "b": ["y"], "c": ["z"]}))
    with pytest.raises(zoo.ZooError, match="two texts of a pair is not clear"):
        choose_pair_columns(three)
    with pytest.raises(zoo.ZooError, match="no column 'd'"):
        choose_pair_columns(three, text="a", text_pair="d")
    assert choose_pair_columns(three, text="c", text_pair="a").text == "c"


def test_partners_that_are_all_the_same_are_refused(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text("query,passage\na film,the plot\nmy story,the plot\n")
    with pytest.raises(zoo.ZooError, match="nothing to find"):
        PairReader(DataKeys(train=str(path))).read(str(path), "train")


def test_what_does_not_go_with_pairs_is_told_at_once(pair_recipe):
    recipe = pair_recipe.replace("train", accumulate=2).replace("data", label="stars").replace("output", probe=True)
    with pytest.raises(zoo.ZooError) as found:
        zoo.finetune(recipe)
    assert "data.label = 'stars'" in str(found.value)
    assert "train.accumulate = 2" in str(found.value)
    assert "output.probe" in str(found.value)


def test_other_tasks_without_a_loss_stay_errors(pair_recipe):
    with pytest.raises(zoo.ZooError, match="a recipe cannot train 'fill-mask'"):
        zoo.finetune(pair_recipe.replace("model", task="fill-mask"))
