"""Tasks: what a model is asked to do. One file for each, under the name the Hub uses."""

from zoo.backend import use_jax

use_jax()

from zoo.tasks.feature_extraction import FeatureExtractor  # noqa: E402
from zoo.tasks.fill_mask import MaskedLM  # noqa: E402
from zoo.tasks.model import Model  # noqa: E402
from zoo.tasks.text_classification import TextClassifier  # noqa: E402
from zoo.tasks.token_classification import TokenClassifier  # noqa: E402

TASKS: dict[str, type[Model]] = {
    model.task: model for model in (FeatureExtractor, TextClassifier, TokenClassifier, MaskedLM)
}

__all__ = ["TASKS", "FeatureExtractor", "MaskedLM", "Model", "TextClassifier", "TokenClassifier"]
