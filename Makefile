# make run: train STIB on real molecules and test it. make test: every check there is.
# make fuzz: what no user should send.
VENV   ?= .venv
PYTHON ?= python3
BIN    := $(VENV)/bin
CONFIG := configs/stib/isomers.yaml

.PHONY: run test fuzz clean

run: $(VENV)/.installed
	$(BIN)/symmetry fit --config $(CONFIG)
	$(BIN)/symmetry test --config $(CONFIG) --ckpt_path last

# One thread a worker: the tests are many small jobs, and torch would start as many threads as cores in each.
test: $(VENV)/.installed
	OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 $(BIN)/python -m pytest -n auto -m "not slow"

# 20,000 hostile files and commands; the seed that it prints repeats them (tests/fuzz.py --help).
fuzz: $(VENV)/.installed
	OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 $(BIN)/python tests/fuzz.py

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -e ".[dev]"
	touch $@

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache
