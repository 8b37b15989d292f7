"""Where files come from: sources, pinned fetches, and the check of every byte."""

from zoo.hub.files import Files
from zoo.hub.source import Source

__all__ = ["Files", "Source"]
