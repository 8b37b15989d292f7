"""Fill mask: the same fillings as transformers' pipeline."""

from __future__ import annotations

import pytest
import transformers

import zoo

TEXTS = ["ann lives in [MASK].", "the [MASK] film was very bad", "[MASK]"]


@pytest.fixture(scope="module")
def folder(checkpoint):
    return checkpoint("BertForMaskedLM")


@pytest.fixture(scope="module")
def model(folder):
    return zoo.load(folder)


@pytest.fixture(scope="module")
def pipeline(folder):
    return transformers.pipeline("fill-mask", model=str(folder), tokenizer=str(folder))


def same(ours, theirs):
    for mine, other in zip(ours, theirs, strict=True):
        assert {k: v for k, v in mine.items() if k != "score"} == {k: v for k, v in other.items() if k != "score"}
        assert mine["score"] == pytest.approx(other["score"], abs=1e-5)


def test_fillings_are_the_pipelines(model, pipeline):
    for top_k in (1, 5):
        for text, ours in zip(TEXTS, model.fill_mask(TEXTS, top_k=top_k), strict=True):
            same(ours, pipeline(text, top_k=top_k))


def test_of_a_vocabulary_alone_too(folder, pipeline, tmp_path):
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).symlink_to(folder / name)
    tokens = sorted(pipeline.tokenizer.get_vocab().items(), key=lambda item: item[1])
    (tmp_path / "vocab.txt").write_text("\n".join(token for token, _ in tokens))

    for text, ours in zip(TEXTS, zoo.load(tmp_path).fill_mask(TEXTS), strict=True):
        same(ours, pipeline(text))


def test_several_masks_give_a_list_for_each(model, pipeline):
    text = "[MASK] lives in [MASK]"

    [ours] = model.fill_mask(text, top_k=2)

    assert len(ours) == 2
    for mine, other in zip(ours, pipeline(text, top_k=2), strict=True):
        assert [row["token"] for row in mine] == [row["token"] for row in other]
        assert [row["score"] for row in mine] == pytest.approx([row["score"] for row in other], abs=1e-5)


def test_a_text_without_a_mask(model):
    with pytest.raises(zoo.ZooError, match=r"Input 2 has no \[MASK\] to fill"):
        model.fill_mask(["[MASK]", "nothing here"])


def test_a_mask_that_was_cut_off(model):
    with pytest.raises(zoo.ZooError, match=r"Input 1 has no \[MASK\] to fill"):
        model.fill_mask("a " * 60 + "[MASK]")


def test_there_is_nothing_to_train_with(model):
    with pytest.raises(zoo.ZooError, match="fill-mask has no loss"):
        model.compile()
    with pytest.raises(zoo.ZooError, match="no data set"):
        model.dataset(["[MASK]"], ["a"])
