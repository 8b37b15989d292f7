"""What authors of plugins and tools test with: a Hugging Face Hub on loopback, with faults to order."""

from zoo.testing.faults import Fault
from zoo.testing.local_hub import LocalHub
from zoo.testing.repository import Repository, Request

__all__ = ["Fault", "LocalHub", "Repository", "Request"]
