"""Faults that the tests have to find: `make test-planted`."""
