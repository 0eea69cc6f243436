# The two commands of this project are `make demo` and `make test`; `make help` lists the rest.
.DEFAULT_GOAL := help
SHELL := /bin/sh

VENV := .venv
BIN := $(VENV)/bin
# A distribution's Python is built with profile-guided optimisation. The first one in PATH may be pyenv's, which is not,
# and takes a quarter more of CPU.
PYTHON ?= $(shell for candidate in /usr/bin/python3 python3 python3.13 python3.12 python3.11; do \
	$$candidate -c 'import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null \
	&& { echo $$candidate; break; }; done)
# Three processes for two cores, because some tests wait. Each has a local AWS and an Airflow database.
PYTEST_ARGUMENTS ?= -n 3 --dist loadfile --no-loadscope-reorder
export PYTHONPATH := $(CURDIR):$(CURDIR)/plugins
# Some images set it. Then each process of a stack, and each worker of the tests, would compile all modules of the project.
unexport PYTHONDONTWRITEBYTECODE
# Each folder of clients/ with a requirements.in has an environment of its own.
CLIENTS := $(patsubst clients/%/requirements.in,%,$(wildcard clients/*/requirements.in))

ROUNDS ?= 100
SEED ?= 1
MINUTES ?= 5
.PHONY: help demo up test coverage test-stack test-clients test-bundles test-permissions test-spark test-real-tweets test-compose test-browser env env-check .java .chromium mwaa astro audit fuzz chaos chaos-dozen benchmarks pictures check lock clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do \
		printf '  make %-12s %s\n' "$$name" "$$text"; done

demo: $(VENV)/.installed  ## one real run from tweets to a deleted endpoint, on a local AWS; stops all it started
	@$(BIN)/python -m local_stack.demo

up: $(VENV)/.installed  ## the same, left running: Airflow on 127.0.0.1:8080, local AWS on :4566; HASHTAGS=FILE for yours
	@$(BIN)/python -m local_stack.demo --keep-running $(if $(HASHTAGS),--hashtags "$(HASHTAGS)")

test: $(VENV)/.installed-dev  ## the product's tests, with whole runs of the DAGs, in about six minutes
	@$(BIN)/python -m pytest $(PYTEST_ARGUMENTS)

test-stack: $(VENV)/.installed-dev  ## a whole Airflow as its users find it: triggers, backfills, questions, outages
	@$(BIN)/python -m pytest tests/local_stack tests/end_to_end

coverage: $(VENV)/.installed-dev  ## all in tests/, with the branch coverage, which may not fall
	@$(BIN)/python -m pytest $(PYTEST_ARGUMENTS) --cov --cov-report=term -o 'norecursedirs=.* real_tweets'

test-clients: $(VENV)/.installed-dev $(CLIENTS:%=.venv-clients/%/.installed)  ## AWS clients: installed and in environments of their own
	@$(BIN)/python -m pytest tests/local_aws/clients
	@for client in $(CLIENTS); do .venv-clients/$$client/bin/python -m pytest clients/$$client || exit 1; done

test-bundles: $(VENV)/.installed-dev  ## bundles installed as MWAA, Astronomer and an image do, each with one whole run
	@$(BIN)/python -m pytest -o tmp_path_retention_policy=failed --timeout 900 release

test-permissions: $(VENV)/.installed-dev  ## IAM policies: whole stories under them, and each permission denied
	@$(BIN)/python -m pytest infrastructure

test-spark: .java $(VENV)/.installed-dev .venv-spark/.installed  ## Glue jobs with a real PySpark; needs Java 17
	@.venv-spark/bin/python -m pytest spark
	@WITH_SPARK=1 $(BIN)/python -m pytest tests/with_spark

test-real-tweets: $(VENV)/.installed-dev  ## what only real tweets show; they are not in the repository; DATA=FOLDER
	@[ -d "$(DATA)" ] || { \
		echo "Say where the tweets are: DATA=FOLDER. tests/real_tweets/test_real_tweets.py says what the folder has." >&2; exit 1; }
	@DATA="$(abspath $(DATA))" $(BIN)/python -m pytest tests/real_tweets

test-browser: .chromium $(VENV)/.installed-dev  ## the page *Hashtags* in headless Chromium
	@$(BIN)/python -m pytest tests/plugins/page/in_browser.py

test-compose: $(VENV)/.installed-dev  ## docker-compose.yaml with an engine: start, login, a run, kills, restarts
	@$(BIN)/python -m pytest compose

env:  ## write .env for docker compose, with fresh secrets; LOCAL=1 for the local AWS with the sample tweets
	@python3 compose/environment.py $(if $(LOCAL),--local)

env-check:  ## what is missing in .env, and which exported variables win over it
	@python3 compose/environment.py --check

.java:
	@command -v "$${JAVA_HOME:+$$JAVA_HOME/bin/}java" >/dev/null || { \
		echo "Spark needs Java 17, and there is none. On Debian: apt-get install openjdk-17-jre-headless; or set JAVA_HOME." >&2; \
		exit 1; }

.chromium:
	@for name in chromium chromium-browser google-chrome; do command -v $$name >/dev/null && exit 0; done; \
		echo "The page's tests need Chromium, and there is none. On Debian: apt-get install chromium" >&2; exit 1

mwaa: $(VENV)/.installed  ## a bundle for Amazon MWAA in dist/mwaa; HASHTAGS=FILE, and RETRAIN_… variables as settings
	@$(BIN)/python -m release mwaa $(if $(HASHTAGS),--hashtags "$(HASHTAGS)")

astro: $(VENV)/.installed  ## the same for Astronomer, in dist/astro
	@$(BIN)/python -m release astro $(if $(HASHTAGS),--hashtags "$(HASHTAGS)")

audit: $(VENV)/.installed  ## known vulnerabilities of the locked packages; fails also if the database cannot be reached
	@$(BIN)/python -m release audit

# In rounds, each with new examples, and with a limit of memory (in kB).
fuzz: $(VENV)/.installed-dev  ## readers of other people's bytes (rows, archives, models, hashtags); MINUTES=5
	@ulimit -v 8000000; end=$$(($$(date +%s) + 60 * $(MINUTES))); \
	while $(BIN)/python -m pytest -q --confcutdir=tests/fuzz --hypothesis-profile=fuzz tests/fuzz; do \
		[ $$(date +%s) -lt $$end ] || exit 0; done; exit 1

chaos: $(VENV)/.installed-dev  ## seeded rounds of kills, outages and user actions; ROUNDS=100 SEED=1
	@$(BIN)/python -m chaos --rounds $(ROUNDS) --seed $(SEED)

chaos-dozen: $(VENV)/.installed-dev  ## twelve of these rounds, which together have every kind of disruption
	@$(BIN)/python -m chaos --dozen

benchmarks: $(VENV)/.installed-dev  ## timed claims, as ratios against a peer in the same run
	@$(BIN)/python -m benchmarks.training_throughput
	@$(BIN)/python -m benchmarks.invocation_latency
	@$(BIN)/python -m benchmarks.prepare_speed
	@$(BIN)/python -m benchmarks.tuning
	@$(BIN)/python -m benchmarks.defaults
	@$(BIN)/python -m benchmarks.evaluation
	@$(BIN)/python -m benchmarks.airflow_cpu
	@$(BIN)/python -m benchmarks.many_hashtags
	@$(BIN)/python -m benchmarks.hashtags_page

pictures: $(VENV)/.installed-dev  ## the screenshots in docs/images, from today's product; needs Chromium
	@$(BIN)/python -m docs.pictures

check: $(VENV)/.installed-dev  ## lint, formatting, types, import directions, complexity, the template
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy include local_aws local_stack plugins dags benchmarks chaos compose docs infrastructure release
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/xenon --max-absolute B include local_aws local_stack plugins dags benchmarks chaos compose docs infrastructure release
	@$(BIN)/cfn-lint infrastructure/template.yaml

lock: $(VENV)/.python  ## compile every requirements file from pyproject.toml and the .in files; pins that still fit stay
	@$(BIN)/python -m pip install --quiet uv
	@sh -c 'set -e; \
		plain="--no-header --no-annotate --quiet"; \
		options="$$plain --universal --generate-hashes --python-version 3.11"; \
		compile() { out=$$1; shift; cp $$out $$out.new; $(BIN)/uv pip compile "$$@" -o $$out.new; \
			{ sed -n "/^#/p;/^[^#]/q" $$out; cat $$out.new; } > $$out.tmp; mv $$out.tmp $$out; rm $$out.new; }; \
		compile requirements.txt $$options --annotate pyproject.toml --group airflow; \
		compile requirements-local.txt $$options --annotate --group local -c requirements.txt; \
		has_airflow=$$($(BIN)/uv pip compile $$plain --universal --python-version 3.11 --group airflow -c requirements.txt \
			| sed -n "s/^\([a-z0-9._-]*\)==.*/--no-emit-package \1/p"); \
		has_everywhere=$$(sed -n "s/^\([a-z0-9._-]*\)==[^;]*$$/--no-emit-package \1/p" requirements.txt); \
		compile requirements-dev.txt $$options --group dev -c requirements.txt -c requirements-local.txt $$has_everywhere; \
		compile release/astro/requirements.txt $$plain --universal --python-version 3.11 pyproject.toml \
			-c requirements.txt $$has_airflow; \
		compile release/mwaa/requirements.txt $$plain --generate-hashes --python-version 3.12 --python-platform x86_64-manylinux_2_28 pyproject.toml \
			-c release/mwaa/constraints.txt $$has_airflow; \
		for client in $(CLIENTS); do \
		$(BIN)/uv pip compile $$options clients/$$client/requirements.in -o clients/$$client/requirements.txt; done; \
		$(BIN)/uv pip compile $$options spark/requirements.in -o spark/requirements.txt; \
		$(BIN)/uv pip compile $$options include/spark/requirements.in -c spark/requirements.txt -o include/spark/requirements.txt'

clean:  ## remove the virtual environment and everything that runs have left
	rm -rf $(VENV) .venv-clients .venv-spark .airflow dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/.python:
	@if [ -z "$(PYTHON)" ]; then \
		echo "This project needs Python 3.11, 3.12 or 3.13 with venv; python3 here is: $$(python3 --version 2>&1)." >&2; \
		echo "On Debian and Ubuntu, apt-get install python3-venv adds venv." >&2; \
		echo "Install one of them, or name it: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; exit 1; fi
	@if ! $(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'; then \
		echo "PYTHON=$(PYTHON) is $$($(PYTHON) --version 2>&1); this project needs Python 3.11, 3.12 or 3.13." >&2; exit 1; fi
	@echo "Making $(VENV) with $$($(PYTHON) --version) ($(PYTHON)) ..."
	@$(PYTHON) -m venv --clear $(VENV) || { \
		echo "$(PYTHON) has no working venv module; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@touch $@

$(VENV)/.installed: requirements.txt requirements-local.txt | $(VENV)/.python
	@echo "Installing the locked requirements into $(VENV) (a few minutes the first time) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
		-r requirements.txt -r requirements-local.txt
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-dev.txt
	@touch $@

.venv-spark/.installed: spark/requirements.txt | $(VENV)/.python
	@echo "Installing PySpark into .venv-spark ..."
	@$(BIN)/python -m venv --clear .venv-spark
	@.venv-spark/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<
	@touch $@

.venv-clients/%/.installed: clients/%/requirements.txt | $(VENV)/.python
	@echo "Installing $* into .venv-clients ..."
	@$(BIN)/python -m venv --clear .venv-clients/$*
	@.venv-clients/$*/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<
	@touch $@
