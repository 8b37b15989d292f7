"""Generation: the next token chosen, text put together from tokens, and the loop that runs a model for both."""

from zoo.backend import use_jax

use_jax()
