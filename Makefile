# The two commands: `make run` starts the whole service on this machine, `make test` proves it.
# Both set up what they need: uv and Python packages from lock files (checkov's apart: its pins are old),
# Node.js from a wheel, and Azurite.

PYTHON ?= python3
BIN := .venv/bin
SETUP := .venv/.ready

# $(call need,NAME ...) ends with one line that names the arguments that were not given.
space := $() $()
missing = $(strip $(foreach name,$(1),$(if $($(name)),,$(name)=…)))
need = $(if $(missing),$(error $(subst $(space), and ,$(missing)) $(if $(word 2,$(missing)),are,is) needed))

.PHONY: run test check format replay import rebuild lock clean

run: $(SETUP)
	@$(BIN)/python -m local.run

test: $(SETUP)
	@$(BIN)/pytest -n 2 --dist loadfile

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
	rm -rf .venv .local local/node_modules

$(SETUP): requirements-dev.txt infra/checkov.txt local/package-lock.json .python-version
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) is needed (with venv and pip)"; exit 1; }
	@test -x .tools/bin/uv || { echo "Setting up (once) ..."; \
		$(PYTHON) -m venv .tools && .tools/bin/pip install --quiet --disable-pip-version-check \
			"$$(sed -n 's/^\(uv==[^ ]*\).*/\1/p' requirements-dev.txt)"; }
	@.tools/bin/uv venv --quiet --clear .venv
	@.tools/bin/uv pip sync --quiet --require-hashes requirements-dev.txt
	@.tools/bin/uv venv --quiet --clear .tools/checkov --python .venv/bin/python
	@.tools/bin/uv pip sync --quiet --python .tools/checkov/bin/python --require-hashes infra/checkov.txt
	@cd local && PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --silent --no-audit --no-fund
	@touch $(SETUP)
