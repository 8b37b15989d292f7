"""The tools of the test suite: compiling, order, processes, profile, selection by change, planted faults."""
