"""Tasks: what a model is asked to do. One file for each, under the name the Hub uses."""

from zoo.backend import use_jax

use_jax()

from zoo.tasks.feature_extraction import FeatureExtractor  # noqa: E402
from zoo.tasks.fill_mask import MaskedLM  # noqa: E402
from zoo.tasks.image_classification import ImageClassifier  # noqa: E402
from zoo.tasks.image_features import ImageFeatureExtractor  # noqa: E402
from zoo.tasks.model import Model  # noqa: E402
from zoo.tasks.text_classification import TextClassifier  # noqa: E402
from zoo.tasks.text_generation import TextGenerator  # noqa: E402
from zoo.tasks.token_classification import TokenClassifier  # noqa: E402

_MODELS: dict[str, tuple[type[Model], ...]] = {
    "text": (FeatureExtractor, TextClassifier, TokenClassifier, MaskedLM, TextGenerator),
    "image": (ImageFeatureExtractor, ImageClassifier),
}


def task_model(task: str, modality: str) -> type[Model] | None:
    """The model class of a task for texts or for images; None where there is none."""
    return next((model for model in _MODELS.get(modality, ()) if model.task == task), None)


def models_with(method: str, modality: str) -> list[type[Model]]:
    """The model classes for texts or for images that have a method, such as `fill_mask`."""
    return [model for model in _MODELS.get(modality, ()) if hasattr(model, method)]


__all__ = [
    "FeatureExtractor",
    "ImageClassifier",
    "ImageFeatureExtractor",
    "MaskedLM",
    "Model",
    "TextClassifier",
    "TextGenerator",
    "TokenClassifier",
    "models_with",
    "task_model",
]
