"""What runs the tests: in which order and how compiled, which of them a change reaches, what they find."""
