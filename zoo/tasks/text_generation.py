"""Text generation: what comes next."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.chat.template import Rendered
from zoo.data.encoded import NO_LABEL
from zoo.data.problems import LANGUAGE
from zoo.data.row_faults import RowFaults
from zoo.data.text import as_list
from zoo.errors import ZooError
from zoo.generate.engine import Engine
from zoo.generate.prompts import encoded_prompts, prompts_of, room
from zoo.generate.rows import Continuer
from zoo.generate.settings import generation_settings
from zoo.nn.packing import example_sums
from zoo.tasks.labelled import LabelledTexts
from zoo.tasks.language_model import Example, LanguageModel
from zoo.tasks.losses import Loss
from zoo.tasks.token_classification import TokenAccuracy


@keras.saving.register_keras_serializable("zoo")
class TextGenerator(LanguageModel):
    """Logits `(batch, length, vocab_size)`; `generate` continues texts.

    Arrays with `labels` `(batch, length)`, which are `input_ids` and `NO_LABEL` for what is not trained, give
    losses instead: their sum, their number, and each place's own, of its next token (`TokenLogits.losses`). With
    `answers` in place of `labels` it is the log-probability of what is trained of each example, `(examples,)`.
    """

    task = "text-generation"
    verb = "generate"
    problem = LANGUAGE

    def call(self, arrays: dict[str, Any], training: bool = False) -> Any:
        features = self.backbone(arrays, training=training)
        if "labels" in arrays:
            return self.head.losses(features, self.backbone.token_table, arrays["labels"])
        if "answers" in arrays:
            losses = self.head.token_losses(features, self.backbone.token_table, arrays["answers"])
            return -example_sums(losses, arrays)
        return self.head(features, self.backbone.token_table, training=training)

    # Training

    def token_losses(self, texts: Sequence[Example], faults: RowFaults | None = None) -> np.ndarray:
        """For each example the mean loss of a trained token, in nats, and how many there are: `(texts, 2)` float32.

        The arguments are those of `encode_examples`.
        """
        encoded = self.encode_examples(texts, faults)
        found = np.zeros((len(encoded), 2), np.float32)
        for n, row in self.run(encoded, _per_text):
            found[n] = row
        return found

    def objective(self, *, smoothing: float = 0.0, class_weights: Sequence[float] = ()) -> Loss:
        if smoothing or len(class_weights):
            raise ZooError(
                "Label smoothing and class weights are for classes, and a language model has none.",
                fix="Leave out train.label_smoothing and train.class_weights.",
            )
        return lambda losses, targets, weights: losses[:2]

    def default_loss(self) -> keras.losses.Loss:
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=NO_LABEL)

    def compile(self, optimizer: Any = None, loss: Any = None, metrics: Any = None, **kwargs: Any) -> None:
        super().compile(optimizer, loss, [TokenAccuracy()] if metrics is None else metrics, **kwargs)

    def dataset(
        self, inputs: Sequence[Example], labels: Any = None, batch_size: int = 32, *, seed: int = 0
    ) -> LabelledTexts:
        """Examples as batches for `fit`: each token that is trained is to follow on those before it."""
        if labels is not None:
            raise ZooError("Text generation has no labels: a text's next tokens are what it is trained on.")
        encoded = self.encode_examples(list(inputs) if not isinstance(inputs, str) else [inputs])
        targets = [np.append(item.labels[1:], np.int32(NO_LABEL)) for item in encoded if item.labels is not None]
        encoded = [dataclasses.replace(item, labels=None) for item in encoded]
        return LabelledTexts(self.preprocess, encoded, targets, batch_size, seed)

    # Generation

    def generate(
        self,
        prompts: Any,
        *,
        max_new_tokens: int | None = None,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
        repetition_penalty: float | None = None,
        stop: str | Sequence[str] | None = None,
        seed: int = 0,
        stream: bool = False,
        return_ids: bool = False,
        details: bool = False,
        logprobs: bool = False,
    ) -> Any:
        """Continue texts. What is not given here is as `generation_config.json` has it, else greedy.

        Args:
            prompts: a text, a list of texts, or arrays with `input_ids` `(batch, length)` and, where rows are
                padded on either side, `attention_mask`.
            max_new_tokens: the most tokens that are added; by default as many as the checkpoint says, else 256, and
                no more than fit.
            temperature: divides the logits before a token is drawn; 0 takes the most probable one.
            top_k, top_p, min_p: draw from the `top_k` most probable tokens; from the most probable ones that
                together reach `top_p`; from those at least `min_p` times as probable as the most probable.
            repetition_penalty: makes tokens that were there less probable by this factor.
            stop: texts that end the continuation, and are left out of it; none for an empty list.
            seed: decides every draw, with the prompt's place in the list and nothing else of the others.
            stream: give an iterator of pieces of text instead, as they come, for one prompt.
            return_ids: give token ids, a stop token included, instead of text; for arrays they always are.
            details: give a `Continuation` instead: `text`, `ids`, and why it `ended`.
            logprobs: give that with each token's `logprobs`, too.

        Returns:
            the new text alone, without the prompt: a str for a text, else a list.

        Raises:
            ZooError: a value cannot be, or a prompt is empty or does not fit; all of them at once.
        """
        config: Any = self.config
        settings = generation_settings(
            self.generation_config,
            config.eos_token_id,
            max_new_tokens=max_new_tokens,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            min_p=min_p,
            repetition_penalty=repetition_penalty,
            stop=stop,
            seed=seed,
        )
        if self.backbone.bidirectional:
            raise ZooError(
                f"{self.preset or 'This model'} sees what comes next, so it cannot be asked for it.",
                fix="Load it with task='feature-extraction'; its config says use_bidirectional_attention.",
            )
        arrays = isinstance(prompts, Mapping)
        rows = prompts_of(prompts) if arrays else encoded_prompts(prompts, self.preprocess)
        if not arrays and self.chat_template and any(isinstance(text, Rendered) for text in as_list(prompts)):
            end = self.chat_template.turn_end(self.preprocess.tokenizer)
            settings = dataclasses.replace(settings, stop_ids=settings.stop_ids | ({end} - {None}))
        most = room(
            rows,
            settings.max_new_tokens,
            positions=config.max_position_embeddings,
            max_length=settings.max_length,
            vocab_size=config.vocab_size,
            fixed=max_new_tokens is not None,
        )
        wordless = arrays and self._preprocessor is None and not (settings.stop or stream)
        tokenizer = None if wordless else self.preprocess.tokenizer
        continuer = Continuer(self._engine(), settings, tokenizer, logprobs=logprobs)
        if stream:
            if len(rows) != 1:
                raise ZooError(
                    f"stream=True gives the text of one prompt, and there are {len(rows)}.",
                    fix="Call it for each of them, or leave stream=True out.",
                )
            if return_ids or details or logprobs:
                raise ZooError(
                    "stream=True gives the text of one prompt.", fix="Leave return_ids, details and logprobs out."
                )
            return continuer.stream(rows[0], most[0])
        found = continuer.all(rows, most)
        if not (details or logprobs):
            found = [item.ids if return_ids or arrays else item.text for item in found]
        return found[0] if isinstance(prompts, str) else found

    def chat(self, messages: Any, **settings: Any) -> Any:
        """The answer to a conversation, as its checkpoint's chat template has it asked.

        Args:
            messages: a `Conversation`, or the messages so far, such as `[{"role": "user", "content": "..."}]`.
            settings: as for `generate`; `stream=True` gives the answer as it comes.

        Raises a ZooError where the model has no chat template, where the template refuses the messages, or where
        a role or a content is none.
        """
        return self.generate(self.chat_prompt(messages), **settings)

    def _engine(self) -> Engine:
        if "_generation" not in self.__dict__:
            object.__setattr__(self, "_generation", Engine(self))  # not a layer for Keras to keep
        return self.__dict__["_generation"]


def _per_text(outputs: Any, arrays: dict[str, Any]) -> Any:
    """`finish` for `run`: the mean loss of each row, and of how many tokens."""
    losses = outputs[2]
    counts = ops.sum(ops.cast(arrays["labels"][:, 1:] >= 0, "float32"), axis=1)
    return ops.stack([ops.sum(losses, axis=1) / ops.maximum(counts, 1.0), counts], axis=1)
