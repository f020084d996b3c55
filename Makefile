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

# Deployment: the image, the folder that says what is deployed, and whether config/dependency-check, config/secret-check and
# config/policy are parts of it. CERT=self-signed: no cert-manager. ROLES=split: webhook and controller as two Deployments.
VERSION := 0.1.0
IMG ?= registry.example.com/sequentialjob:$(VERSION)
# SERVER: the version of Kubernetes to write for, where that is older than 1.30; `make deploy` asks the server.
SERVER ?=
INSTALLER ?= dist/install.yaml
ROLES ?= all
ONE_DEPLOYMENT = $(if $(filter self-signed,$(CERT)),config/overlays/without-cert-manager,config/certmanager)
OVERLAY ?= $(if $(filter split,$(ROLES)),config/overlays/split-roles,$(ONE_DEPLOYMENT))
DEPENDENCY_CHECK ?= yes
REQUESTER_CHECK ?= yes
SECRET_CHECK ?= no
# PRIORITY_CLASS=sequentialjob: that of config/priority-class; another one has to be there already.
PRIORITY_CLASS ?=
FOLDERS = $(OVERLAY) $(if $(filter yes,$(DEPENDENCY_CHECK)),config/dependency-check) \
  $(if $(filter yes,$(SECRET_CHECK)),config/secret-check) \
  $(if $(filter sequentialjob,$(PRIORITY_CLASS)),config/priority-class)

# The first that is there and works: a docker without its daemon does not.
CONTAINER_TOOL ?= $(shell for tool in docker podman buildah; do \
  if $$tool info >/dev/null 2>&1; then echo $$tool; break; fi; done)
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
REVISION ?= $(shell git describe --always --abbrev=40 --dirty 2>/dev/null || echo unknown)
HELM ?= helm

.PHONY: help demo test test-unit test-integration test-e2e test-faults test-hostile test-load bench lint format generate verify audit licences node-origin sbom run build clean \
  install uninstall deploy undeploy certificate manifests build-installer docker-build docker-push helm-package release

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(INSTALLED): package.json package-lock.json
	npm ci --loglevel=error --no-audit --no-fund
	@touch $@

demo: $(INSTALLED) ## Show a sequence running on a control plane of your own; ARGS=--once: end when it has
	@node local/demo.ts $(ARGS)

test: test-unit test-integration ## Run the unit tests and those against a real control plane

test-unit: $(INSTALLED) ## Run the unit tests
	@export SEQUENTIALJOB_TEST_SEED=$(SEED); $(JEST) --selectProjects unit --ci $(ARGS)

test-integration: $(INSTALLED) ## Run the tests against a real control plane and a virtual node
	@$(JEST) --selectProjects integration --ci $(ARGS)

test-e2e: $(INSTALLED) ## Run the tests against the cluster that KUBECONFIG names, with real Pods
	@$(JEST) --selectProjects e2e --ci --runInBand $(ARGS)

# The long suites: SHARE=0.1 runs a tenth of each, chosen by SEED. The random cases of the unit tests follow from it, too.
SHARE ?= 1
SEED ?= 1
LONG := SEQUENTIALJOB_TEST_SHARE=$(SHARE) SEQUENTIALJOB_TEST_SEED=$(SEED)

test-faults: $(INSTALLED) ## Kill the controller at every request, cut and garble its watches; SHARE=0.1: a tenth
	@export $(LONG); $(JEST) --selectProjects faults --ci $(ARGS)

test-hostile: $(INSTALLED) ## Fuzz the webhook, abuse its connections, be a hostile tenant; SHARE=0.1: a tenth
	@export $(LONG); $(JEST) --selectProjects hostile --ci --runInBand $(ARGS)

test-load: $(INSTALLED) ## Thousands of sequences at once, the webhook at saturation; SHARE=0.1: a tenth
	@export $(LONG); $(JEST) --selectProjects load --ci --runInBand $(ARGS)

bench: $(INSTALLED) ## Measure against the floor and write docs/performance.md; ARGS=--smoke: only show that it works
	@node bench/main.ts $(ARGS)

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
	@node config/supply-chain/main.ts lock
	@node config/supply-chain/main.ts licences

# Exits with an error also where the registry has no audit: nothing is known then. .ci/run tells the two apart.
audit: $(INSTALLED) ## Ask the registry for known vulnerabilities; config/supply-chain/advisories.json has those accepted
	@node config/supply-chain/main.ts audit $(ARGS)

licences: $(INSTALLED) ## Check the licences of all locked packages against config/supply-chain/licences.json
	@node config/supply-chain/main.ts licences

# Exits with an error also where nodejs.org cannot be reached.
node-origin: $(INSTALLED) ## Compare the Node that npm brings with that of nodejs.org (a download of 60 MB)
	@node config/supply-chain/main.ts node $(ARGS)

sbom: build ## Write what the program is made of as dist/sbom.cdx.json (CycloneDX)
	@SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) node config/supply-chain/main.ts sbom

run: $(INSTALLED) ## Run the controller here against the cluster of your kubeconfig
	@node main.ts run --role=controller --log-format=pretty $(ARGS)

install: ## Install the CRD into the cluster of your kubeconfig, with its rules in CEL where the server takes them
	@crd=$(CRD_WITH_RULES); $(KUBECTL) apply --dry-run=server -f $$crd >/dev/null 2>&1 || crd=$(CRD); \
	  echo "$(KUBECTL) apply -f $$crd"; $(KUBECTL) apply -f $$crd

uninstall: ## Remove the CRD, and with it every SequentialJob, while the operator still runs
	$(KUBECTL) delete --ignore-not-found -f $(CRD)

# Takes the objects out that have such a line, a pattern. With a certificate of our own what stands on config/certmanager needs no
# cert-manager; config/policy is in all folders.
without = awk 'function put() { if (text !~ /\n$(1)/) printf "%s", text; text = "" } \
  /^---$$/ { put() } { text = text $$0 "\n" } END { put() }'

# Only a controller is to lead, so the flag goes behind that one.
CHECK_SECRETS_FLAG = awk '{ print } /^ *- --leader-elect$$/ { sub("leader-elect", "check-secrets"); print }'
# In the Pods of every Deployment.
PRIORITY_CLASS_NAME = awk '/^ *enableServiceLinks: false$$/ { field = $$0; \
  sub("enableServiceLinks: false", "priorityClassName: $(PRIORITY_CLASS)", field); print field } { print }'

# To stdout; the image by its name, because kubectl's kustomize sets none from the command line.
manifests: ## Print what `make deploy` applies; IMG=, ROLES=split, CERT=self-signed, SECRET_CHECK=yes, REQUESTER_CHECK=no, SERVER=1.20 …
	@for folder in $(FOLDERS); do echo ---; $(KUBECTL) kustomize $$folder; done | \
	  sed 's|image: registry.example.com/sequentialjob:.*|image: $(IMG)|; s|[$$](OPERATOR_NAMESPACE)|sequentialjob-system|' \
	  $(if $(filter yes,$(SECRET_CHECK)),| $(CHECK_SECRETS_FLAG)) \
	  $(if $(PRIORITY_CLASS),| $(PRIORITY_CLASS_NAME)) \
	  $(if $(filter self-signed,$(CERT)),| $(call without,apiVersion: cert-manager\.io)) \
	  $(if $(filter yes,$(REQUESTER_CHECK)),,| $(call without,  name: sequentialjob-requester)) | config/for-server.sh $(SERVER)

ASK_SERVER := server=$$($(KUBECTL) get --raw /version | sed -n 's|.*"gitVersion": *"v\([0-9.]*\).*|\1|p')

deploy: install ## Install the CRD and the operator: IMG=, ROLES=split, CERT=self-signed without cert-manager
	@$(ASK_SERVER); $(MAKE) --no-print-directory manifests SERVER="$$server" | $(KUBECTL) apply -f -
	@$(if $(filter self-signed,$(CERT)),KUBECTL='$(KUBECTL)' certs/self-signed.sh)

undeploy: ## Remove the operator as it was deployed; FORCE=yes: also while there are SequentialJobs
	@left=$$({ $(KUBECTL) get sequentialjobs --all-namespaces -o name 2>/dev/null || true; } | wc -l); \
	  if [ $$left != 0 ] && [ '$(FORCE)' != yes ]; then \
	    echo "there are $$left SequentialJobs, which can't be deleted without the operator: delete them first"; \
	    echo "(kubectl delete sj --all-namespaces --all, or make uninstall), or leave them for later with FORCE=yes"; exit 1; fi >&2
	@$(ASK_SERVER); $(MAKE) --no-print-directory manifests SERVER="$$server" | $(KUBECTL) delete --ignore-not-found -f -

certificate: ## Without cert-manager: make a new certificate and have the API server trust it; DAYS=365
	@KUBECTL='$(KUBECTL)' DAYS='$(DAYS)' certs/self-signed.sh --renew

build-installer: ## Write all of it as one file, dist/install.yaml; IMG=, OVERLAY=, DEPENDENCY_CHECK=no, REQUESTER_CHECK=no, SERVER=1.20
	@mkdir -p $(dir $(INSTALLER))
	@{ echo '# The SequentialJob operator for Kubernetes $(or $(SERVER),1.30 and newer).'; \
	  config/for-server.sh $(SERVER) < $(CRD_WITH_RULES); $(MAKE) --no-print-directory manifests; } > $(INSTALLER)
	@echo $(INSTALLER)

docker-build: ## Build the image IMG with docker, podman or buildah; BUILD_FLAGS= for it
	@tool='$(CONTAINER_TOOL)'; : "$${tool:?none of docker, podman and buildah works here}"; \
	  flags='--build-arg SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH)'; \
	  if [ "$${tool%% *}" != docker ]; then flags="$$flags --timestamp $(SOURCE_DATE_EPOCH)"; fi; \
	  set -x; $$tool build $$flags --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) \
	    $(BUILD_FLAGS) --tag $(IMG) .

docker-push: ## Push the image IMG
	@tool='$(CONTAINER_TOOL)'; : "$${tool:?none of docker, podman and buildah works here}"; set -x; $$tool push $(IMG)

helm-package: ## Check the Helm chart and write it as dist/sequentialjob-<version>.tgz
	@mkdir -p dist
	$(HELM) lint --strict charts/sequentialjob
	$(HELM) package --destination dist charts/sequentialjob

release: ## Check, build, push, sign and attest a release; IMG=, CHART=oci://…; docs/release.md
	@IMG='$(IMG)' CHART='$(CHART)' VERSION='$(VERSION)' KUBECTL='$(KUBECTL)' HELM='$(HELM)' config/supply-chain/release.sh

build: $(INSTALLED) ## Write the program as one file, dist/sequentialjob.mjs
	@node build.mjs

clean: ## Remove what was built and installed here
	rm -rf dist coverage node_modules .demo
