"""`make test-changed`: the tests that a change can reach, the nearest first, for as long as a budget lasts."""
