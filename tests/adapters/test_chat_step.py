"""One step on conversations beside transformers and PEFT: the loss and every gradient, packed and padded."""

from __future__ import annotations

import numpy as np
import peft
import pytest
import torch
import transformers

import zoo
from tests.adapters.test_gradients import our_gradients, relative, step, their_gradients
from tests.chat.templates import MARKED, TEXTS, TOKENS
from zoo.data.conversations import Conversation, Message
from zoo.data.encoded import NO_LABEL
from zoo.testing import tiny_decoder
from zoo.train.batches import Batches

TALKS = [
    [("system", "Be brief."), ("user", "What is the horn of plenty?"), ("assistant", "It overflows with fruit.")],
    [("user", "Who?"), ("assistant", "I."), ("user", "And the number of items?"), ("assistant", "It is none.")],
    [("user", "東京?"), ("assistant", "今日")],
]
EXAMPLES = [Conversation(tuple(Message(*said) for said in talk)) for talk in TALKS]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_decoder(tmp_path_factory.mktemp("chat") / "model", TEXTS, chat_template=MARKED, special=TOKENS)


def their_batch(folder):
    """Rows padded on the right, with the labels of the reference's own mask."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    rows = [
        tokenizer.apply_chat_template(
            [{"role": role, "content": content} for role, content in talk],
            return_dict=True,
            return_assistant_tokens_mask=True,
        )
        for talk in TALKS
    ]
    shape = len(rows), max(len(row["input_ids"]) for row in rows)
    ids, seen, labels = np.zeros(shape, int), np.zeros(shape, int), np.full(shape, -100)
    for n, row in enumerate(rows):
        own = slice(len(row["input_ids"]))
        ids[n, own], seen[n, own] = row["input_ids"], 1
        labels[n, own] = np.where(row["assistant_masks"], row["input_ids"], -100)
    return {"input_ids": ids, "attention_mask": seen, "labels": labels}


def test_loss_and_every_gradient_packed_and_padded(folder, tmp_path):
    base = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager"
    )
    targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    torch.manual_seed(0)
    theirs = peft.get_peft_model(base, peft.LoraConfig(task_type="CAUSAL_LM", r=4, target_modules=targets)).train()
    with torch.no_grad():
        for name, parameter in theirs.named_parameters():
            if "lora_" in name:
                parameter.add_(torch.randn_like(parameter) * 0.2)
    theirs.save_pretrained(tmp_path / "adapter")
    batch = their_batch(folder)
    expected = theirs(**{name: torch.from_numpy(x) for name, x in batch.items()}, use_cache=False).loss
    expected.backward()
    wanted = their_gradients(theirs)

    ours = zoo.load(folder, adapter=tmp_path / "adapter")
    encoded = ours.encode_examples(EXAMPLES)
    for packed in (False, True):
        batches = Batches(encoded, np.zeros(3), 3, 1, 0, packed, 0, ours.preprocess.positions)
        arrays = batches.batch(0)[0]
        assert (arrays["labels"] != NO_LABEL).sum() == (batch["labels"] != -100).sum()
        assert packed == ("segment_ids" in arrays)

        def loss(call, arrays=arrays):
            total, count, _ = call(arrays)
            return total / count

        found, gradients = step(ours, loss)
        assert abs(float(found) - expected.item()) < 1e-5 * expected.item()
        own = our_gradients(ours, gradients)
        assert own.keys() == wanted.keys()
        for name, gradient in wanted.items():
            assert relative(own[name], gradient) < 1e-5, name
