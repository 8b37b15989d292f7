"""Learn a tokenizer and save it with a chat template. Job: `rows` (CSV, `text`), `template`, `target`."""

import csv

from job import JOB, answer
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

SPECIAL = ["<pad>", "<eos>", "<bos>", "<unk>", "<turn>", "<end>"]
with open(JOB["rows"], newline="", encoding="utf-8") as file:
    texts = [row["text"] for row in csv.DictReader(file)]
tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.decoder = decoders.ByteLevel()
tokenizer.train_from_iterator(
    texts,
    trainers.BpeTrainer(
        vocab_size=8192, special_tokens=SPECIAL, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    ),
)
fast = PreTrainedTokenizerFast(
    tokenizer_object=tokenizer,
    pad_token="<pad>",
    eos_token="<eos>",
    bos_token="<bos>",
    unk_token="<unk>",
    additional_special_tokens=["<turn>", "<end>"],
)
fast.chat_template = JOB["template"]
fast.save_pretrained(JOB["target"])
answer()
