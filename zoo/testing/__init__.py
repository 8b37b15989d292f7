"""What authors of plugins and tools test with: a Hub on loopback, with faults to order, and a tiny decoder."""

from zoo.testing.faults import Fault
from zoo.testing.local_hub import LocalHub
from zoo.testing.repository import Repository, Request
from zoo.testing.tiny_decoder import tiny_decoder

__all__ = ["Fault", "LocalHub", "Repository", "Request", "tiny_decoder"]
