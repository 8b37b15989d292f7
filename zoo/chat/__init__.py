"""Conversations as text, as a checkpoint's chat template writes them, and the tokens of it that are trained."""
