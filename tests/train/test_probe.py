"""zoo.train.probe: ridge regression as scikit-learn's, and what features are worth before training."""

from __future__ import annotations

import numpy as np

import zoo
from zoo.data.examples import Examples
from zoo.data.problems import REGRESSION
from zoo.train.finetune import finetune
from zoo.train.probe import features, probe, ridge


def test_it_is_scikit_learns_ridge_with_generalised_cross_validation():
    from sklearn.linear_model import RidgeCV
    from sklearn.preprocessing import StandardScaler

    from zoo.train.probe import _STRENGTHS

    chance = np.random.default_rng(0)
    known, asked = chance.normal(size=(60, 12)) * 3 + 5, chance.normal(size=(20, 12)) * 3 + 5
    wanted = known[:, :3] @ chance.normal(size=(3, 2)) + chance.normal(size=(60, 2)) * 4
    scaler = StandardScaler().fit(known)
    singular = np.linalg.svd(scaler.transform(known), compute_uv=False)
    reference = RidgeCV(alphas=_STRENGTHS * (singular**2).mean()).fit(scaler.transform(known), wanted)
    # Theirs leaves one row out at a time, ours takes the mean of what that does: the strengths may be neighbours.
    np.testing.assert_allclose(ridge(known, wanted, asked), reference.predict(scaler.transform(asked)), atol=0.5)


def test_more_features_than_rows():
    chance = np.random.default_rng(0)
    known = chance.normal(size=(10, 50))
    assert np.isfinite(ridge(known, chance.normal(size=(10, 1)), chance.normal(size=(3, 50)))).all()


def test_features_are_the_mean_of_the_tokens(tiny_bert):
    model = zoo.load(tiny_bert, task="text-classification", labels=["bad", "good"])
    texts = ["superb film", "the story was dull and grim", "fine"]
    found = features(model, texts)
    for text, row in zip(texts, found, strict=True):
        own = np.array(model.backbone(model.preprocess(text)))[0]
        np.testing.assert_allclose(row, own.mean(axis=0), atol=1e-5)


def test_words_that_tell_classes_apart_make_a_good_probe(tiny_bert, csv):
    from zoo.train.recipe import DataKeys, Recipe
    from zoo.train.splits import read_splits

    splits = read_splits(Recipe(data=DataKeys(train=str(csv), validation=0.3)))
    model = zoo.load(tiny_bert, task="text-classification", labels=["bad", "good"])
    before = [np.array(v) for v in model.variables]
    assert probe(model, splits.train, splits.validation) > 0.75
    for variable, old in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable, old)


def test_numbers_are_probed_too(tiny_bert):
    from zoo.loading import build, locate

    model = build(locate(str(tiny_bert)), task="text-classification", labels=["much"], problem=REGRESSION)
    texts = [" ".join(["superb"] * n + ["dull"] * (6 - n)) for n in range(7)]
    examples = Examples(texts, [float(n) for n in range(7)], list(range(1, 8)), "x.csv", REGRESSION)
    assert probe(model, examples, examples) < 1.0  # the root of the mean square; always the mean makes it 2


def test_the_report_shows_it(recipe, tmp_path):
    short = recipe.replace("train", epochs=1).replace("output", dir=str(tmp_path / "run"), probe=True)
    run = finetune(short)
    assert "linear probe on the features before training" in run.report.read_text()
    assert run.recipe.output.probe
