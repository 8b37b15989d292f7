"""What a language model learns from and is asked: texts, completions, conversations as its template has them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from zoo.chat.encoding import ExampleEncoder
from zoo.chat.template import ChatTemplate, Rendered, read_chat_template, special_tokens
from zoo.data.conversations import Completion, Conversation, Preference, conversation_of
from zoo.data.encoded import EncodedTexts
from zoo.data.row_faults import RowFaults
from zoo.data.text import first_token
from zoo.errors import ZooError
from zoo.generate.settings import SETTINGS, end_tokens
from zoo.hub.files import CHAT_TEMPLATE, Files
from zoo.tasks.preferences import encode_preferences
from zoo.tasks.text_model import TextModel

Example = str | Completion | Conversation
"""What text generation learns from."""


class LanguageModel(TextModel):
    """A model of text that may be a chat's: its examples, its chat template, and the tokens that end a text."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.generation_config: dict[str, Any] | None = None
        """The content of `generation_config.json`; None where there is none."""
        self.chat_template: ChatTemplate | None = None
        self._saved_template: ChatTemplate | None = None  # what it came with, where another is in its place
        self._files: dict[str, bytes] = {}

    # Examples

    def encode_examples(self, inputs: Sequence[Example], faults: RowFaults | None = None) -> EncodedTexts:
        """Plain texts, `Completion`s and `Conversation`s as tokens, with labels for what of them is trained.

        A plain text is trained whole, with the token that ends it; one that is truncated does not end. Of the
        others the answers are trained, or what their `train_on` says, each with its stop token; what is too long
        loses answers at its end, each of them whole.

        Args:
            faults: notes what is wrong, in place of the error; such an input is encoded as no token.

        Raises a ZooError that lists every input from which nothing, or the wrong thing, would be learned.
        """
        found = RowFaults() if faults is None else faults
        encoded = self._encoder()(inputs, found)
        if faults is None:
            found.check()
        return encoded

    def encode_preferences(self, inputs: Sequence[Preference], faults: RowFaults | None = None) -> EncodedTexts:
        """The two texts of each preference in turn, chosen and rejected; only their answers have labels.

        The arguments and errors are those of `encode_examples`.
        """
        found = RowFaults() if faults is None else faults
        encoded = encode_preferences(self._encoder(), inputs, found)
        if faults is None:
            found.check()
        return encoded

    def prompt_of(self, example: Example | Preference) -> str:
        """The text that is to be continued by the answer of an example, for `generate`.

        Raises a ZooError for a plain text, which is no question, and where the template refuses the messages.
        """
        if isinstance(example, Preference):
            return self.prompt_of(example.answered[0])
        conversation = self._encoder().conversation_of(example)
        if conversation is not None:
            return self.chat_prompt(Conversation(conversation.question))
        if isinstance(example, Completion):
            return example.prompt
        raise ZooError(f"A plain text has no prompt apart from it: {example!r:.60}")

    def is_chat(self, example: Example) -> bool:
        """Whether the chat template writes an example."""
        return self._encoder().conversation_of(example) is not None

    def answer_of(self, example: Example | Preference) -> str:
        """The answer at the end of an example. Raises a ZooError for a plain text, which has none."""
        if isinstance(example, Preference):
            return example.chosen
        if isinstance(example, Conversation):
            return example.answer
        if isinstance(example, Completion):
            return example.completion
        raise ZooError(f"A plain text has no answer apart from it: {example!r:.60}")

    def _encoder(self) -> ExampleEncoder:
        config: Any = self.config
        end = first_token(config.eos_token_id)
        return ExampleEncoder(self.preprocess, self.chat_template, end, self._stop_ids(), self._saved_template)

    def chat_prompt(self, messages: Any) -> Rendered:
        """Messages, as `chat` takes them, and the prompt for an answer, as the chat template writes them."""
        if self.chat_template is None:
            raise ZooError(f"{self.preset or 'This model'} has no chat template, so it takes plain texts only.")
        messages = conversation_of(messages).messages
        return Rendered(self.chat_template.render(messages, add_generation_prompt=True))

    # The chat template

    def use_chat_template(self, source: str, origin: str = "") -> None:
        """Write conversations by this Jinja template from now on, and save it with the model.

        A model that has one already may get another that marks answers by `{% generation %}`, and no other text.
        """
        settings: dict[str, Any] = {}
        for name in ("special_tokens_map.json", "tokenizer_config.json"):
            settings |= json.loads(self.preprocess.files.get(name, b"{}"))
        self._saved_template = self._saved_template or self.chat_template
        self.chat_template = ChatTemplate(source, special_tokens(settings), origin or "the model")
        self._files[CHAT_TEMPLATE] = source.encode()

    def stop_at_turns(self) -> None:
        """Stop at the token that ends an answer, here and wherever the saved model is read."""
        end = self.chat_template.turn_end(self.preprocess.tokenizer) if self.chat_template else None
        config: Any = self.config
        ends = self._stop_ids()
        if end is None or end in ends:
            return
        said = {"bos_token_id": config.bos_token_id} if self.generation_config is None else self.generation_config
        self.generation_config = {**said, "eos_token_id": [*sorted(ends), end]}
        self._files[SETTINGS] = (json.dumps(self.generation_config, indent=2) + "\n").encode()

    def _stop_ids(self) -> frozenset[int]:
        config: Any = self.config
        return end_tokens(self.generation_config, config.eos_token_id)

    # To disk and back

    def companions(self) -> dict[str, bytes]:
        return super().companions() | self._files

    def adapter_companions(self) -> dict[str, bytes]:
        return {CHAT_TEMPLATE: self.chat_template.source.encode()} if self.chat_template else {}

    def check_adapter_files(self, files: Files) -> None:
        own, other = self.chat_template, read_chat_template(files)
        if other is None:
            return
        if own is None:
            self.use_chat_template(other.source, files.origin)
            return
        # Where no tokenizer lies beside the adapter, its template names the model's tokens.
        other = dataclasses.replace(other, tokens={**own.tokens, **other.tokens})
        if difference := own.difference(other):
            raise ZooError(
                f"The adapter of {files.origin} was trained with another chat template than the model has.",
                why=f"conversations would not be written as it has seen them: {difference}",
                fix="Take the model that it was trained on, or put its chat_template.jinja beside the weights.",
            )

    def read_companions(self, files: Files) -> None:
        super().read_companions(files)
        self.generation_config = files.mapping(SETTINGS) if SETTINGS in files else None
        self.chat_template = read_chat_template(files)
        own = [name for name in files.paths if name == SETTINGS or name.endswith(".jinja")]
        self._files = {name: files.path(name).read_bytes() for name in own}
