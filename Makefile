.DEFAULT_GOAL := help
.PHONY: help setup dev run test postgres check format shots bench faults abuse lock clean

help: ## what can be made here
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-8s %s\n", $$1, $$2 }'

setup: ## .venv with the locked dependencies, and the browser's scripts
	@.ci/setup

dev: ## what developing needs on top
	@.ci/setup dev

run: setup ## Candor with a believable demo on http://127.0.0.1:8000
	@.venv/bin/candor demo

test: dev ## every test, browser and fault tests included
	@.ci/browser
	@.ci/debian faketime faketime "the test of the clock itself"
	@.ci/postgres
	@.venv/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --database both

postgres: dev ## every test that touches the database, on PostgreSQL
	@.ci/debian faketime faketime "the test of the clock itself"
	@.ci/postgres
	@.venv/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --database postgres

check: dev ## format, lint, types, floors, templates, dependencies
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@.venv/bin/djlint templates --lint --quiet
	@.venv/bin/deptry .

format: dev ## the code as the formatter likes it
	@.venv/bin/ruff check --fix-only .
	@.venv/bin/ruff format .

shots: dev ## the screenshots of the README, from a fresh demo
	@.ci/browser
	@.venv/bin/python docs/shots.py

faults: dev ## kill, stop, cut, lose, crowd: every experiment at full size, with figures and seeds
	@.ci/debian faketime faketime "the test of the clock itself"
	@.ci/debian strace strace "the test of what is on the disk"
	@.ci/postgres
	@.venv/bin/python -m pytest tests/faults --database both -m ""

abuse: dev ## bad input and abuse: every row of the matrix
	@.ci/postgres
	@.venv/bin/python -m pytest --database both -m "abuse and not long"

bench: dev ## figures, as ratios to a reference in the same run
	@.ci/debian smtp-source postfix "the benchmarks of mail"
	@.ci/postgres
	@.venv/bin/python -m tests.bench

lock: ## new lock files after a change of pyproject.toml (needs uv)
	@uv lock
	@uv export -q --all-extras --no-emit-project --no-header --no-annotate -o requirements.lock
	@uv export -q --all-extras --no-emit-project --no-header --no-annotate --group test --group check -o requirements-dev.lock
	@uv export -q --no-emit-project --no-header --no-annotate --only-group build -o .ci/build.lock
	@uv export -q --no-emit-project --no-header --no-annotate --only-group node -o .ci/node.lock
	@uv export -q --no-emit-project --no-header --no-annotate --only-group server -o .ci/server.lock

clean: ## without .venv, caches and the demo
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache instance/demo
