"""BERT (https://arxiv.org/abs/1810.04805), the encoder, with the heads of its four tasks."""

from __future__ import annotations

import zoo


@zoo.hookimpl
def zoo_architectures() -> list[zoo.Architecture]:
    from zoo.data.text import text_preprocessor
    from zoo_bert import heads, weights
    from zoo_bert.config import BertConfig
    from zoo_bert.model import BertBackbone

    return [
        zoo.Architecture(
            name="bert",
            config=BertConfig,
            backbone=BertBackbone,
            heads={
                "feature-extraction": zoo.Head(heads.features, ("BertModel",)),
                "text-classification": zoo.Head(heads.SequenceHead, ("BertForSequenceClassification",)),
                "token-classification": zoo.Head(heads.TokenHead, ("BertForTokenClassification",)),
                "fill-mask": zoo.Head(heads.MaskedHead, ("BertForMaskedLM", "BertForPreTraining")),
            },
            layouts={"transformers": weights.transformers_layout},
            preprocessor=text_preprocessor,
            infer=weights.infer,
        )
    ]
