# make run: train STIB on real molecules and test it. make test: every check there is.
# make fuzz: what no user should send. make bench: what functions cost, and how that grows.
VENV   ?= .venv
PYTHON ?= python3
BIN    := $(VENV)/bin
CONFIG := configs/stib/isomers.yaml

.PHONY: run test fuzz bench clean

run: $(VENV)/.installed
	$(BIN)/symmetry fit --config $(CONFIG)
	$(BIN)/symmetry test --config $(CONFIG) --ckpt_path last

# One thread a worker: the tests are many small jobs, and torch would start as many threads as cores in each.
test: $(VENV)/.installed
	OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 $(BIN)/python -m pytest -n auto -m "not slow"

# 20,000 hostile files and commands; the seed that it prints repeats them (tests/fuzz.py --help).
fuzz: $(VENV)/.installed
	OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 $(BIN)/python tests/fuzz.py

# CPU seconds in lightning_logs/bench.json, beside those of benchmarks/baseline.json.
bench: $(VENV)/.installed
	mkdir -p lightning_logs
	OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 $(BIN)/python -m pytest -n 0 benchmarks/test_growth.py benchmarks/test_functions.py --benchmark-timer=time.process_time --benchmark-columns=min,median,rounds --benchmark-json=lightning_logs/bench.json
	$(BIN)/python benchmarks/compare.py lightning_logs/bench.json benchmarks/baseline.json

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -e ".[dev]"
	touch $@

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache
