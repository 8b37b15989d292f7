"""Train an adapter on conversations with transformers and PEFT, each part of a step padded to its longest.

Job: `checkpoint`, `data`, `batch`, `at_once` (conversations of a part), `rank`, `compared`, `dtype`, `directory`,
`output`.
"""

import json
import time

import numpy as np
import torch  # pyright: ignore[reportMissingImports]
from chat_job import steady
from job import JOB, answer
from peft import LoraConfig, get_peft_model  # pyright: ignore[reportMissingImports]
from transformers import AutoModelForCausalLM, AutoTokenizer, DataCollatorForSeq2Seq

torch.manual_seed(0)
device = "cuda" if torch.cuda.is_available() else "cpu"
tokenizer = AutoTokenizer.from_pretrained(JOB["checkpoint"])
with open(JOB["data"], encoding="utf-8") as file:
    conversations = [json.loads(line)["messages"] for line in file]
examples = []
for messages in conversations:
    found = tokenizer.apply_chat_template(messages, return_dict=True, return_assistant_tokens_mask=True)
    ids, mask = found["input_ids"], found["assistant_masks"]
    examples.append({"input_ids": ids, "labels": [n if own else -100 for n, own in zip(ids, mask, strict=True)]})

model = AutoModelForCausalLM.from_pretrained(
    JOB["checkpoint"], dtype=getattr(torch, JOB["dtype"]), device_map=device
)
collate = DataCollatorForSeq2Seq(tokenizer, label_pad_token_id=-100)
if JOB["compared"]:
    with torch.no_grad():
        batches = [collate([example]).to(device) for example in examples[: JOB["compared"]]]
        np.save(JOB["output"], np.array([float(model(**batch).loss) for batch in batches], np.float32))

config = LoraConfig(r=JOB["rank"], lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
model = get_peft_model(model, config)
optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4)
model.train()
times = []
for first in range(0, len(examples), JOB["batch"]):
    step = examples[first : first + JOB["batch"]]
    trained = sum(n >= 0 for example in step for n in example["labels"])
    loss = torch.zeros((), device=device)
    for start in range(0, len(step), JOB["at_once"]):
        batch = collate(step[start : start + JOB["at_once"]]).to(device)
        part = model(**batch, num_items_in_batch=trained).loss
        part.backward()
        loss += part.detach()
    optimizer.step()
    optimizer.zero_grad()
    float(loss)
    times.append(time.perf_counter())
steps = steady([None] * len(times))  # eager torch compiles nothing
size = JOB["batch"]
tokens = sum(len(example["input_ids"]) for k in steps for example in examples[k * size : (k + 1) * size])
peak = {"peak_mib": torch.cuda.max_memory_allocated() / 2**20} if device == "cuda" else {}
answer(token_s=sum(times[k] - times[k - 1] for k in steps) / tokens, **peak)
