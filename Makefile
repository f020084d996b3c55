# Every command that a developer, a user on a laptop or CI needs. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Node 24 comes with `npm ci` as a locked package, so the machine's own Node only has to run npm (20 or newer).
NODE_PACKAGE := node_modules/node-linux-$(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x64)
export PATH := $(CURDIR)/$(NODE_PACKAGE)/bin:$(CURDIR)/node_modules/.bin:$(PATH)

INSTALLED := node_modules/.package-lock.json
CRD := config/crd/batch.example.com_sequentialjobs.yaml
CRD_WITH_RULES := config/crd/cel/batch.example.com_sequentialjobs.yaml
JEST := NODE_OPTIONS='--experimental-vm-modules --disable-warning=ExperimentalWarning' jest
KUBECTL ?= kubectl

.PHONY: help demo test test-unit test-integration test-e2e lint format generate verify run install uninstall build clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(INSTALLED): package.json package-lock.json
	npm ci --loglevel=error --no-audit --no-fund
	@touch $@

demo: $(INSTALLED) ## Show a sequence running on a control plane of your own; ARGS=--once: end when it has
	@node local/demo.ts $(ARGS)

test: test-unit test-integration ## Run the unit tests and those against a real control plane

test-unit: $(INSTALLED) ## Run the unit tests
	@$(JEST) --selectProjects unit --ci $(ARGS)

test-integration: $(INSTALLED) ## Run the tests against a real control plane and a virtual node
	@$(JEST) --selectProjects integration --ci $(ARGS)

test-e2e: $(INSTALLED) ## Run the tests against the cluster that KUBECONFIG names, with real Pods
	@$(JEST) --selectProjects e2e --ci --runInBand $(ARGS)

lint: $(INSTALLED) ## Check types, lint rules, import directions and formatting
	@tsc
	@oxlint --deny-warnings
	@prettier --check --log-level=warn .

format: $(INSTALLED) ## Format the sources
	@prettier --write --log-level=warn .

generate: $(INSTALLED) ## Write the generated files: schema, CRD, state machine
	@node config/generate/main.ts

verify: lint ## Check that sources are clean and generated files are what the generator writes
	@node config/generate/main.ts --check

run: $(INSTALLED) ## Run the controller here against the cluster of your kubeconfig
	@node main.ts run --role=controller --log-format=pretty $(ARGS)

install: ## Install the CRD into the cluster of your kubeconfig, with its rules in CEL where the server takes them
	@crd=$(CRD_WITH_RULES); $(KUBECTL) apply --dry-run=server -f $$crd >/dev/null 2>&1 || crd=$(CRD); \
	  echo "$(KUBECTL) apply -f $$crd"; $(KUBECTL) apply -f $$crd

uninstall: ## Remove the CRD, and with it every SequentialJob, while the operator still runs
	$(KUBECTL) delete --ignore-not-found -f $(CRD)

# Modules in CommonJS inside the bundle ask for Node's own by require; an older Node gets one line instead of a stack.
define BANNER
import { createRequire } from 'node:module';
if (Number.parseInt(process.versions.node) < 24) {
  process.stderr.write(`sequentialjob: needs Node.js 24 or newer, this is $${process.version}\n`);
  process.exit(1);
}
const require = createRequire(import.meta.url);
endef
export BANNER

build: $(INSTALLED) ## Write the program as one file, dist/sequentialjob.mjs
	@rm -rf dist
	@esbuild main.ts --bundle --platform=node --format=esm --target=node24 --outfile=dist/sequentialjob.mjs \
	  --log-level=warning --legal-comments=none --banner:js="$$BANNER"
	@chmod +x dist/sequentialjob.mjs
	@ls -lh dist/sequentialjob.mjs | awk '{print "dist/sequentialjob.mjs", $$5}'

clean: ## Remove what was built and installed here
	rm -rf dist coverage node_modules .demo
