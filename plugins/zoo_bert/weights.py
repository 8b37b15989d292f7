"""The layout of BERT checkpoints as transformers writes them, and as the original release named them."""

from __future__ import annotations

from zoo.weights import Checkpoint, Layout, Rule, is_untied, without_prefix
from zoo_bert.config import BertConfig

_PREFIX = "bert."
_WORDS = "embeddings.word_embeddings.weight"
_DECODER = "cls.predictions.decoder.weight"
_DECODER_BIAS = "cls.predictions.decoder.bias"
_BIAS = "cls.predictions.bias"


def _linear(tensor: str, variable: str) -> tuple[Rule, ...]:
    return (
        Rule(f"{tensor}.weight", f"{variable}/kernel"),
        Rule(f"{tensor}.bias", f"{variable}/bias"),
    )


def _norm(tensor: str, variable: str) -> tuple[Rule, ...]:
    return (
        Rule(f"{tensor}.weight", f"{variable}/gamma", aliases=(f"{tensor}.gamma",)),
        Rule(f"{tensor}.bias", f"{variable}/beta", aliases=(f"{tensor}.beta",)),
    )


_BACKBONE = (
    Rule(f"{_PREFIX}{_WORDS}", "backbone/embeddings/word/embeddings"),
    Rule("bert.embeddings.position_embeddings.weight", "backbone/embeddings/position/embeddings"),
    Rule("bert.embeddings.token_type_embeddings.weight", "backbone/embeddings/token_type/embeddings"),
    *_norm("bert.embeddings.LayerNorm", "backbone/embeddings/norm"),
    *_linear("bert.encoder.layer.{i}.attention.self.query", "backbone/layer_{i}/attention/query"),
    *_linear("bert.encoder.layer.{i}.attention.self.key", "backbone/layer_{i}/attention/key"),
    *_linear("bert.encoder.layer.{i}.attention.self.value", "backbone/layer_{i}/attention/value"),
    *_linear("bert.encoder.layer.{i}.attention.output.dense", "backbone/layer_{i}/attention_output"),
    *_norm("bert.encoder.layer.{i}.attention.output.LayerNorm", "backbone/layer_{i}/attention_norm"),
    *_linear("bert.encoder.layer.{i}.intermediate.dense", "backbone/layer_{i}/up"),
    *_linear("bert.encoder.layer.{i}.output.dense", "backbone/layer_{i}/down"),
    *_norm("bert.encoder.layer.{i}.output.LayerNorm", "backbone/layer_{i}/mlp_norm"),
)
_POOLER = _linear("bert.pooler.dense", "head/pooler")
_CLASSIFIER = _linear("classifier", "head/classifier")
_HEADS = {
    "feature-extraction": _POOLER,
    "text-classification": (*_POOLER, *_CLASSIFIER),
    "token-classification": _CLASSIFIER,
    "fill-mask": (
        *_linear("cls.predictions.transform.dense", "head/transform"),
        *_norm("cls.predictions.transform.LayerNorm", "head/norm"),
    ),
}
_IGNORE = {
    "embeddings.position_ids": "a buffer, always 0, 1, 2, ...",
    "embeddings.token_type_ids": "a buffer, always 0",
    "pooler.*": "the pooler, which this task does not use",
    "cls.predictions.*": "the masked-language-model head, which this task does not use",
    "cls.seq_relationship.*": "the next-sentence head, which no task of zoo uses",
    "classifier.*": "a classifier for another task",
    "qa_outputs.*": "the question-answering head, which no task of zoo uses",
}


def transformers_layout(config: BertConfig, task: str) -> Layout:
    """The layout for one task. A new head may start at random; the pooler belongs to that of a classifier."""
    head, ignore = _HEADS[task], dict(_IGNORE)
    if task == "fill-mask":
        head, ignored = _decoder(config)
        ignore = {**ignored, **{k: v for k, v in ignore.items() if k != "cls.predictions.*"}}
        head = (*_HEADS[task], *head)
    elif task.endswith("classification"):
        del ignore["classifier.*"]
    rules = (*_BACKBONE, *head)
    if task == "feature-extraction":  # a bare model carries no prefix
        rules = without_prefix(rules, _PREFIX)
    fresh = ("head/*",) if task != "feature-extraction" else ()
    return Layout(rules, ignore, _PREFIX, fresh, labelled=("head/classifier/*",))


def _decoder(config: BertConfig) -> tuple[tuple[Rule, ...], dict[str, str]]:
    if config.tie_word_embeddings:
        return (
            (Rule(_BIAS, "head/bias", aliases=(_DECODER_BIAS,)),),
            {_DECODER: "tied to the word embeddings", _DECODER_BIAS: f"the same as {_BIAS}"},
        )
    return (
        (
            Rule(_DECODER, "head/decoder/kernel"),
            Rule(_DECODER_BIAS, "head/bias", aliases=(_BIAS,)),
        ),
        {_BIAS: f"{_DECODER_BIAS} is used in its place"},
    )


def infer(config: BertConfig, task: str, checkpoint: Checkpoint) -> BertConfig:
    """What the tensors tell and `config.json` does not.

    Is there a pooler; and is the decoder really tied?
    """
    pooler = any(name.removeprefix(_PREFIX) == "pooler.dense.weight" for name in checkpoint.tensors)
    config = config.replace(add_pooling_layer=pooler)
    if task == "fill-mask" and is_untied(checkpoint, (f"{_PREFIX}{_WORDS}", _WORDS), _DECODER):
        config = config.replace(tie_word_embeddings=False)
    return config
