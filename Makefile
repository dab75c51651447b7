# One verb a job; each sets up what it needs. `make help` lists them.

VENV ?= .venv
PYTHON ?=
BIN := $(VENV)/bin
TESTS ?= tests
ARGS ?=
# The tests wait more than they compute: three processes on two cores leave more than a third of these idle.
JOBS ?= 4
SECONDS ?= 600
SEED ?= 1
KILLS ?= $(shell expr $(SECONDS) / 3)
SHARE ?= 1
BENCH_NEEDS := $(wildcard benchmarks/requirements.txt)

.DEFAULT_GOAL := help
.PHONY: help setup check format test test-everywhere times soak fuzz month reliability lowest soak-store demo lab bundles test-front bench bench-quick docs pictures release binder matrix clean
.DELETE_ON_ERROR:

help:  ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# A stamp says that a set of extras is installed; it is made again when what is asked for changes.
$(VENV)/.has-%: pyproject.toml tools/setup.sh
	@tools/setup.sh $(VENV) $* $(PYTHON)
	@touch $@

setup: $(VENV)/.has-test $(VENV)/.has-dev  ## make .venv with all that testing and checking need
	@echo "ready: $(BIN)/python is $$($(BIN)/python --version)"

check: setup  ## lint, types, import arrows, spelling; the front end's lint too, where Node is
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/codespell
	@tools/front.sh $(VENV) lint

format: setup  ## let ruff put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# What the system and the environment need is installed at the same time: neither keeps both cores at work.
test:  ## run the tests (TESTS=path, ARGS="-k name", JOBS=0 for one process)
	@tools/testbed.sh & \
		$(MAKE) --no-print-directory $(VENV)/.has-test; made=$$?; \
		[ $$made != 0 ] || { tools/older.sh $(VENV) & tools/front.sh $(VENV) ready; }; \
		wait; exit $$made
	PYTEST_ADDOPTS="--junitxml=build/tests.xml $$PYTEST_ADDOPTS" \
		$(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(TESTS) $(ARGS)

test-everywhere:  ## the same with every fault on every launcher and all that takes minutes (an hour or more)
	@$(MAKE) --no-print-directory test ARGS="--everywhere --session-timeout=14400 $(ARGS)"

times:  ## what the last run of the tests took, folder by folder, beside its budget (tests/README.md)
	@$(firstword $(wildcard $(BIN)/python) python3) tools/durations.py $(ARGS)

soak: $(VENV)/.has-test  ## random faults wherever work can run, for a while, then soak-store; one verdict (SECONDS=600 SEED=1)
	@tools/testbed.sh
	$(BIN)/python -m tests.soak --seconds $(SECONDS) --seed $(SEED) --kills $(KILLS) $(ARGS)

fuzz: $(VENV)/.has-test  ## inputs that nobody meant, for every reader there is (SECONDS=600 SEED=1 ARGS="--only NAME")
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS) --seed $(SEED) $(ARGS)

month: $(VENV)/.has-test  ## a month of use: 50,000 maps, 1,000 pools, 500 interrupts, 100 restarts (SHARE=1 SEED=1)
	$(BIN)/python -m tests.month --share $(SHARE) --seed $(SEED) $(ARGS)

reliability: $(VENV)/.has-test  ## run what holds each promise, and write docs/reliability.md (ARGS="WORD … --scale 0.1")
	$(BIN)/python tools/reliability.py --run $(ARGS)

lowest:  ## run tests on the lowest versions that are allowed, on Python 3.10 (ARGS="--with ipykernel==6.31")
	@. tools/pythons.sh && python3 tools/lowest.py $(ARGS)

soak-store: $(VENV)/.has-test  ## kill a sweep at 200 random moments, and look that nothing is lost (KILLS=200 SEED=1)
	$(BIN)/python -m tests.store.kills $(SEED) $(KILLS)

demo: $(VENV)/.has-test  ## execute the quickstart notebook in a real kernel; results in build/demo/
	$(BIN)/python tools/demo.py notebooks/quickstart.ipynb build/demo

lab: $(VENV)/.has-test $(VENV)/.has-lab  ## open JupyterLab on the quickstart notebook
	$(BIN)/jupyter lab $$([ "$$(id -u)" != 0 ] || echo --allow-root) --LabApp.default_url=/lab/tree/notebooks/quickstart.ipynb

bundles:  ## build what the front end needs into pathos_nb/ (after a change in labextension/; needs npm)
	@tools/front.sh $(VENV) build

test-front:  ## the front end's own tests
	@tools/front.sh $(VENV) test

$(VENV)/.has-peers: $(BENCH_NEEDS) $(VENV)/.has-test
	@$(if $(BENCH_NEEDS),$(BIN)/python -m pip install -qq --disable-pip-version-check -r $(BENCH_NEEDS),true)
	@touch $@

bench: $(VENV)/.has-peers  ## benchmarks against the peers, on this machine
	$(BIN)/python -m benchmarks $(ARGS)

bench-quick: $(VENV)/.has-peers  ## the same in a few minutes, coarser
	$(BIN)/python -m benchmarks --quick $(ARGS)

docs: $(VENV)/.has-docs  ## build the documentation into docs/_build/html
	$(BIN)/python -m sphinx -W -b html docs docs/_build/html

pictures: $(VENV)/.has-test  ## take the pictures of README and docs/ anew, light and dark (ARGS="run panel")
	$(BIN)/python tools/screenshots.py $(ARGS)

release: $(VENV)/.has-release  ## build wheel and sdist, and try them in clean environments, on each Python here (ARGS="--quick")
	@. tools/pythons.sh && $(BIN)/python tools/release.py $(ARGS)

binder: $(VENV)/.has-test  ## do the steps of binder/ in a clean environment, and run its demonstrations
	rm -rf build/binder
	tools/binder.sh $(BIN)/python build/binder

matrix:  ## Pythons, ipykernels, ipywidgets, JupyterLabs, lowest versions, each in an environment of its own (ARGS="lab")
	@. tools/pythons.sh && python3 tools/matrix.py $(ARGS)

clean:  ## remove what was made, the environment too
	rm -rf labextension/node_modules labextension/lib
	rm -rf $(VENV) build dist docs/_build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
