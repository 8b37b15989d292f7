"""Recipes that `zoo finetune NAME` knows by name."""
