"""Text generation: what comes next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from zoo.errors import ZooError
from zoo.generate.engine import Engine
from zoo.generate.prompts import encoded_prompts, prompts_of, room
from zoo.generate.rows import Continuer
from zoo.generate.settings import generation_settings
from zoo.hub.files import Files
from zoo.tasks.text_model import TextModel

_SETTINGS = "generation_config.json"


@keras.saving.register_keras_serializable("zoo")
class TextGenerator(TextModel):
    """Logits `(batch, length, vocab_size)`; `generate` continues texts."""

    task = "text-generation"
    verb = "generate"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.generation_config: dict[str, Any] = {}
        self._generation_file = b""

    def call(self, arrays: dict[str, Any], training: bool = False) -> Any:
        features = self.backbone(arrays, training=training)
        return self.head(features, self.backbone.token_table, training=training)

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
        stop: str | Sequence[str] = (),
        seed: int = 0,
        stream: bool = False,
        return_ids: bool = False,
        logprobs: bool = False,
    ) -> Any:
        """Continue texts. What is not given here is as `generation_config.json` has it, else greedy.

        Args:
            prompts: a text, a list of texts, or arrays with `input_ids` `(batch, length)` and, where rows are
                padded on either side, `attention_mask`.
            max_new_tokens: the most tokens that are added; by default 256, or as many as fit.
            temperature: divides the logits before a token is drawn; 0 takes the most probable one.
            top_k, top_p, min_p: draw from the `top_k` most probable tokens; from the most probable ones that
                together reach `top_p`; from those at least `min_p` times as probable as the most probable.
            repetition_penalty: makes tokens that were there less probable by this factor.
            stop: texts that end the continuation, and are left out of it.
            seed: decides every draw. A prompt's draws do not depend on the others beside it.
            stream: give an iterator of pieces of text instead, as they come, for one prompt.
            return_ids: give token ids, a stop token included, instead of text; for arrays they always are.
            logprobs: give a `Continuation` instead: `text`, `ids`, each token's `logprobs`, and why it `ended`.

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
            raise ZooError(f"{self.preset or 'This model'} sees what comes next, so it cannot be asked for it.")
        arrays = isinstance(prompts, Mapping)
        rows = prompts_of(prompts) if arrays else encoded_prompts(prompts, self.preprocess)
        most = room(
            rows,
            settings.max_new_tokens,
            positions=config.max_position_embeddings,
            vocab_size=config.vocab_size,
            fixed=max_new_tokens is not None,
        )
        words = arrays and not (stop or stream or logprobs)
        tokenizer = None if words or (arrays and self._preprocessor is None) else self.preprocess.tokenizer
        continuer = Continuer(self._engine(), settings, tokenizer, logprobs=logprobs)
        if stream:
            if len(rows) != 1 or return_ids or logprobs:
                raise ZooError(
                    "stream=True gives the text of one prompt.", fix="Leave return_ids and logprobs out."
                )
            return continuer.stream(rows[0], most[0])
        found = continuer.all(rows, most)
        if not logprobs:
            found = [item.ids if return_ids or arrays else item.text for item in found]
        return found[0] if isinstance(prompts, str) else found

    def _engine(self) -> Engine:
        if "_generation" not in self.__dict__:
            object.__setattr__(self, "_generation", Engine(self))  # not a layer for Keras to keep
        return self.__dict__["_generation"]

    def companions(self) -> dict[str, bytes]:
        own = {_SETTINGS: self._generation_file} if self._generation_file else {}
        return super().companions() | own

    def read_companions(self, files: Files) -> None:
        super().read_companions(files)
        self.generation_config = files.mapping(_SETTINGS)
        self._generation_file = files.path(_SETTINGS).read_bytes() if _SETTINGS in files else b""
