# The two commands: `make run` starts the whole service on this machine, `make test` proves it.
# Both set up what they need: uv and Python packages from lock files (checkov's apart: its pins are old),
# Node.js from a wheel, Azurite, and for the tests of the page a Chromium.

PYTHON ?= python3
BIN := .venv/bin
SETUP := .venv/.ready
BENCH := .tools/bench/.ready
FUZZ := .tools/fuzz/.ready

# $(call need,NAME ...) ends with one line that names the arguments that were not given.
space := $() $()
missing = $(strip $(foreach name,$(1),$(if $($(name)),,$(name)=…)))
need = $(if $(missing),$(error $(subst $(space), and ,$(missing)) $(if $(word 2,$(missing)),are,is) needed))

.PHONY: run test screenshots chaos fuzz bench check format replay import rebuild lock clean

run: $(SETUP)
	@$(BIN)/python -m local.run

test: $(SETUP)
	@$(BIN)/python -m tests.dashboard.browser
	@$(BIN)/pytest -n 2 --dist loadfile

screenshots: $(SETUP)
	@$(BIN)/python -m tests.dashboard.browser
	@$(BIN)/python -m tests.dashboard.screenshots

chaos: $(SETUP)
	@$(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED))

fuzz: $(FUZZ)
	@.tools/fuzz/bin/python -m tests.fuzz $(NAME) $(if $(SECONDS),--seconds $(SECONDS))

bench: $(BENCH)
	@.tools/bench/bin/python -m bench $(NAME) $(if $(QUICK),--quick)

check: $(SETUP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(SETUP)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

replay: $(SETUP)
	$(call need,FILE)@$(BIN)/python -m local.replay "$(FILE)"

import: $(SETUP)
	$(call need,FILE TENANT)@$(BIN)/python -m local.import_history "$(FILE)" --tenant "$(TENANT)"

rebuild: $(SETUP)
	$(call need,TENANT FROM TO)@$(BIN)/python -m local.rebuild "$(TENANT)" --from "$(FROM)" --to "$(TO)" $(if $(DRY_RUN),--dry-run)

lock: $(SETUP)
	@$(BIN)/python -m local.lock

clean:
	rm -rf .venv .local local/node_modules dashboard/node_modules dashboard/dist

$(SETUP): requirements-dev.txt infra/checkov.txt local/package-lock.json dashboard/package-lock.json .python-version
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) is needed (with venv and pip)"; exit 1; }
	@test -x .tools/bin/uv || { echo "Setting up (once) ..."; \
		$(PYTHON) -m venv .tools && .tools/bin/pip install --quiet --disable-pip-version-check \
			"$$(sed -n 's/^\(uv==[^ ]*\).*/\1/p' requirements-dev.txt)"; }
	@.tools/bin/uv venv --quiet --clear .venv
	@.tools/bin/uv pip sync --quiet --require-hashes requirements-dev.txt
	@.tools/bin/uv venv --quiet --clear .tools/checkov --python .venv/bin/python
	@.tools/bin/uv pip sync --quiet --python .tools/checkov/bin/python --require-hashes infra/checkov.txt
	@for room in local dashboard; do \
		(cd $$room && PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --silent --no-audit --no-fund) || exit 1; done
	@touch $(SETUP)

# The databases that benchmarks compare with are large, and nothing else needs them.
$(BENCH): $(SETUP) bench/requirements.txt
	@.tools/bin/uv venv --quiet --clear .tools/bench --python .venv/bin/python
	@.tools/bin/uv pip sync --quiet --compile-bytecode --python .tools/bench/bin/python --require-hashes requirements-dev.txt bench/requirements.txt
	@touch $(BENCH)

# atheris has wheels for few systems.
$(FUZZ): $(SETUP) tests/fuzz/requirements.txt
	@.tools/bin/uv venv --quiet --clear .tools/fuzz --python .venv/bin/python
	@.tools/bin/uv pip sync --quiet --python .tools/fuzz/bin/python --require-hashes requirements-dev.txt tests/fuzz/requirements.txt
	@touch $(FUZZ)
