# The commands for development, for users and for CI. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# `npm ci` installs Node 24 as a locked package. The machine's own Node only runs npm (20 or newer).
NODE_PACKAGE := node_modules/node-linux-$(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x64)
export PATH := $(CURDIR)/$(NODE_PACKAGE)/bin:$(CURDIR)/node_modules/.bin:$(PATH)

INSTALLED := node_modules/.package-lock.json
CRD := config/crd/batch.example.com_sequentialjobs.yaml
CRD_WITH_RULES := config/crd/cel/batch.example.com_sequentialjobs.yaml
# Has one version, whose definition leaves nothing open.
SCHEDULE_CRD := config/crd/batch.example.com_cronsequentialjobs.yaml
SCHEDULE_CRD_WITH_RULES := config/crd/cel/batch.example.com_cronsequentialjobs.yaml
CRD_NAME := sequentialjobs.batch.example.com
SCHEDULE_CRD_NAME := cronsequentialjobs.batch.example.com
JEST := NODE_OPTIONS='--experimental-vm-modules --disable-warning=ExperimentalWarning' jest
KUBECTL ?= kubectl

# Deployment: IMG is the image, OVERLAY the kustomize folder. DEPENDENCY_CHECK, SECRET_CHECK and REQUESTER_CHECK include
# config/dependency-check, config/secret-check and config/policy. CERT=self-signed: no cert-manager. ROLES=split: webhook and
# controller as two Deployments.
VERSION := 0.1.0
IMG ?= registry.example.com/sequentialjob:$(VERSION)
# SERVER: the target version of Kubernetes if it is older than 1.30; `make deploy` reads it from the API server.
SERVER ?=
INSTALLER ?= dist/install.yaml
ROLES ?= all
ONE_DEPLOYMENT = $(if $(filter self-signed,$(CERT)),config/overlays/without-cert-manager,config/certmanager)
OVERLAY ?= $(if $(filter split,$(ROLES)),config/overlays/split-roles,$(ONE_DEPLOYMENT))
DEPENDENCY_CHECK ?= yes
REQUESTER_CHECK ?= yes
SECRET_CHECK ?= no
# STORED is the API version in which the API server stores SequentialJobs; V1ALPHA1=no stops serving v1alpha1 (docs/versions.md).
STORED ?= v1beta1
V1ALPHA1 ?= yes
# PRIORITY_CLASS=sequentialjob deploys the class of config/priority-class; any other class must already exist.
PRIORITY_CLASS ?=
FOLDERS = $(OVERLAY) $(if $(filter yes,$(DEPENDENCY_CHECK)),config/dependency-check) \
  $(if $(filter yes,$(SECRET_CHECK)),config/secret-check) \
  $(if $(filter sequentialjob,$(PRIORITY_CLASS)),config/priority-class)

# The first installed tool that works; docker does not work without its daemon.
CONTAINER_TOOL ?= $(shell for tool in docker podman buildah; do \
  if $$tool info >/dev/null 2>&1; then echo $$tool; break; fi; done)
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
REVISION ?= $(shell git describe --always --abbrev=40 --dirty 2>/dev/null || echo unknown)
HELM ?= helm

.PHONY: help demo test test-unit test-integration test-e2e test-faults test-hostile test-load test-shells bench lint format generate verify audit licences node-origin sbom sbom-cli run build build-cli clean \
  install uninstall deploy store-v1beta1 migrate prepare-rollback undeploy certificate manifests build-installer docker-build docker-push helm-package release

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(INSTALLED): package.json package-lock.json
	npm ci --loglevel=error --no-audit --no-fund
	@touch $@

demo: $(INSTALLED) ## Show a sample running on a local control plane; ARGS=--once: exit when it has finished
	@node local/demo.ts $(ARGS)

test: test-unit test-integration ## Run the unit tests and the integration tests

test-unit: $(INSTALLED) ## Run the unit tests
	@export SEQUENTIALJOB_TEST_SEED=$(SEED); $(JEST) --selectProjects unit --ci $(ARGS)

test-integration: $(INSTALLED) ## Run the tests against a local control plane and a virtual node
	@$(JEST) --selectProjects integration --ci $(ARGS)

test-e2e: $(INSTALLED) ## Run the tests against the cluster of KUBECONFIG, with real Pods
	@$(JEST) --selectProjects e2e --ci --runInBand $(ARGS)

# The long suites: SHARE=0.1 runs a tenth of each, selected by SEED. SEED also seeds the random cases of the unit tests.
SHARE ?= 1
SEED ?= 1
LONG := SEQUENTIALJOB_TEST_SHARE=$(SHARE) SEQUENTIALJOB_TEST_SEED=$(SEED)

test-faults: $(INSTALLED) ## Kill the controller at every request, break and corrupt its watches; SHARE=0.1: a tenth
	@export $(LONG); $(JEST) --selectProjects faults --ci $(ARGS)

test-hostile: $(INSTALLED) ## Fuzz the webhook, abuse its connections, act as a hostile tenant; SHARE=0.1: a tenth
	@export $(LONG); $(JEST) --selectProjects hostile --ci --runInBand $(ARGS)

test-load: $(INSTALLED) ## Run thousands of sequences at once, saturate the webhook; SHARE=0.1: a tenth
	@export $(LONG); $(JEST) --selectProjects load --ci --runInBand $(ARGS)

test-shells: $(INSTALLED) ## Run the completion scripts in bash, zsh and fish, which must be installed
	@$(JEST) --selectProjects shells --ci $(ARGS)

bench: $(INSTALLED) ## Measure against baselines and write docs/performance.md; ARGS=--smoke: only show that it works
	@node bench/main.ts $(ARGS)

lint: $(INSTALLED) ## Check types, lint rules, import directions and formatting
	@tsc
	@oxlint --deny-warnings
	@prettier --check --log-level=warn .

format: $(INSTALLED) ## Format the sources
	@prettier --write --log-level=warn .

generate: $(INSTALLED) ## Write the generated files: schema, CRDs (also of the chart), Argo CD's health check, state machine, validation
	@node config/generate/main.ts

verify: lint ## Run lint, and check that the generated files are up to date
	@node config/generate/main.ts --check
	@node config/supply-chain/main.ts lock
	@node config/supply-chain/main.ts licences

# Also fails if the registry provides no audit, because the result is unknown then. .ci/run distinguishes the two cases.
audit: $(INSTALLED) ## Check the packages for known vulnerabilities; config/supply-chain/advisories.json lists the accepted ones
	@node config/supply-chain/main.ts audit $(ARGS)

licences: $(INSTALLED) ## Check the licenses of all locked packages against config/supply-chain/licences.json
	@node config/supply-chain/main.ts licences

# Also fails if nodejs.org cannot be reached.
node-origin: $(INSTALLED) ## Compare the Node binary of the npm package with nodejs.org's (downloads 60 MB)
	@node config/supply-chain/main.ts node $(ARGS)

sbom: build ## Write the SBOM of the program, dist/sbom.cdx.json (CycloneDX)
	@SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) node config/supply-chain/main.ts sbom

sbom-cli: build-cli ## Write the SBOM of each executable, dist/cli/sequentialjob-linux-*.cdx.json
	@SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) node config/supply-chain/main.ts sbom-cli

run: $(INSTALLED) ## Run the controller on this machine against the cluster of your kubeconfig
	@node main.ts run --role=controller --log-format=pretty $(ARGS)

comma := ,
# What the CRD files leave open: where cert-manager's CA for conversion comes from, and the versions that are stored and served.
CRD_EDITS = -e '' \
  $(if $(filter self-signed,$(CERT)),,-e 's|^metadata: {name: \(.*\)}$$|metadata: {name: \1$(comma) annotations: {cert-manager.io/inject-ca-from: sequentialjob-system/sequentialjob-webhook}}|') \
  $(if $(filter v1alpha1,$(STORED)),-e '/- name: v1beta1$$/$(comma)/storage:/ s/storage: true/storage: false/' \
    -e '/- name: v1alpha1$$/$(comma)/storage:/ s/storage: false/storage: true/') \
  $(if $(filter no,$(V1ALPHA1)),-e '/- name: v1alpha1$$/$(comma)/served:/ s/served: true/served: false/')

install: ## Install the CRDs into the cluster of your kubeconfig, with CEL rules if the API server accepts them; STORED=v1alpha1, V1ALPHA1=no
	@apply() { sed $(CRD_EDITS) "$$1" | $(KUBECTL) apply $${2:-} -f -; }; \
	  crd=$(CRD_WITH_RULES); schedules=$(SCHEDULE_CRD_WITH_RULES); \
	  apply $$crd --dry-run=server >/dev/null 2>&1 || { crd=$(CRD); schedules=$(SCHEDULE_CRD); }; \
	  echo "$(KUBECTL) apply -f $$crd -f $$schedules"; apply $$crd; $(KUBECTL) apply -f $$schedules

# The schedules first, which would create further runs.
uninstall: ## Remove the CRDs, all CronSequentialJobs and all SequentialJobs; run it before undeploy
	$(KUBECTL) delete --ignore-not-found -f $(SCHEDULE_CRD) -f $(CRD)

# Removes the objects with a line that matches a pattern. It removes cert-manager's objects for CERT=self-signed, and the
# ValidatingAdmissionPolicy, which all folders contain, for REQUESTER_CHECK=no.
without = awk 'function put() { if (text !~ /\n$(1)/) printf "%s", text; text = "" } \
  /^---$$/ { put() } { text = text $$0 "\n" } END { put() }'

# Adds --check-secrets after --leader-elect, which only a controller has.
CHECK_SECRETS_FLAG = awk '{ print } /^ *- --leader-elect$$/ { sub("leader-elect", "check-secrets"); print }'
# Sets priorityClassName in the Pod template of each Deployment.
PRIORITY_CLASS_NAME = awk '/^ *enableServiceLinks: false$$/ { field = $$0; \
  sub("enableServiceLinks: false", "priorityClassName: $(PRIORITY_CLASS)", field); print field } { print }'

# Prints to stdout. sed sets the image because `kubectl kustomize` has no flag for it.
manifests: ## Print what `make deploy` applies; IMG=, ROLES=split, CERT=self-signed, SECRET_CHECK=yes, REQUESTER_CHECK=no, SERVER=1.20 …
	@for folder in $(FOLDERS); do echo ---; $(KUBECTL) kustomize $$folder; done | \
	  sed 's|image: registry.example.com/sequentialjob:.*|image: $(IMG)|; s|[$$](OPERATOR_NAMESPACE)|sequentialjob-system|' \
	  $(if $(filter yes,$(SECRET_CHECK)),| $(CHECK_SECRETS_FLAG)) \
	  $(if $(PRIORITY_CLASS),| $(PRIORITY_CLASS_NAME)) \
	  $(if $(filter self-signed,$(CERT)),| $(call without,apiVersion: cert-manager\.io)) \
	  $(if $(filter yes,$(REQUESTER_CHECK)),,| $(call without,  name: sequentialjob-requester)) | config/for-server.sh $(SERVER)

ASK_SERVER := server=$$($(KUBECTL) get --raw /version | sed -n 's|.*"gitVersion": *"v\([0-9.]*\).*|\1|p')

# An upgrade from a release with v1alpha1 only has three steps, so that old and new Pods work at each moment: the CRD with both
# versions and v1alpha1 still stored, the new Pods, v1beta1 stored. Old Pods cannot convert. If it is interrupted, the next
# `make deploy` goes on.
deploy: ## Install the CRDs and the operator: IMG=, ROLES=split, CERT=self-signed without cert-manager; upgrades step by step
	@stored=$$($(KUBECTL) get crd $(CRD_NAME) --ignore-not-found -o 'jsonpath={.spec.versions[?(@.storage==true)].name}'); \
	  first=$(STORED); [ "$$stored" != v1alpha1 ] || first=v1alpha1; \
	  $(MAKE) --no-print-directory install STORED=$$first; \
	  $(ASK_SERVER); $(MAKE) --no-print-directory manifests SERVER="$$server" | $(KUBECTL) apply -f -; \
	  $(if $(filter self-signed,$(CERT)),KUBECTL='$(KUBECTL)' certs/self-signed.sh;) \
	  [ $$first = $(STORED) ] || $(MAKE) --no-print-directory store-v1beta1

# Waits until no Pod of the operator has a field of its metadata; fails after five minutes.
until_no_pod_has = for second in {1..300}; do \
  [ -n "$$($(KUBECTL) -n sequentialjob-system get pods -l app.kubernetes.io/name=sequentialjob -o 'jsonpath={.items[*].metadata.$(1)}')" ] || \
    break; sleep 1; done; [ $$second != 300 ]

# The second half of an upgrade. A rollout is complete while old Pods still terminate, and the API server may keep its connections
# to them, so it would ask them to convert: wait until they are gone, or for a minute (their grace period is 30 s).
store-v1beta1:
	@for deployment in $$($(KUBECTL) -n sequentialjob-system get deployments -l app.kubernetes.io/name=sequentialjob -o name); do \
	    $(KUBECTL) -n sequentialjob-system rollout status $$deployment --timeout=300s || \
	      { echo 'v1alpha1 is still the stored version, and the old Pods go on: mend the rollout, then make deploy again' >&2; exit 1; }; \
	  done
	@$(call until_no_pod_has,deletionTimestamp) || true
	@$(MAKE) --no-print-directory install
	@echo 'v1beta1 is now the stored version; make migrate rewrites the SequentialJobs that are still stored as v1alpha1'

migrate: ## Rewrite all SequentialJobs in the stored version, and record in the CRD that no other one is left; their Jobs name it, too
	@KUBECTL='$(KUBECTL)' config/migrate-stored-version.sh

# The older release's CRD does not serve v1beta1, and the garbage collector would not find the owner of a Job that names it by that
# version, and delete the Job. So all Jobs name it by v1alpha1, and the operator is stopped, which would create others. An older release does not know
# schedules, nor remove their definition.
prepare-rollback: ## Before an older release that has only v1alpha1 is deployed: store v1alpha1, rewrite all SequentialJobs, stop the operator
	@$(MAKE) --no-print-directory install STORED=v1alpha1
	@$(MAKE) --no-print-directory migrate
	@$(KUBECTL) -n sequentialjob-system scale deployments -l app.kubernetes.io/name=sequentialjob --replicas=0
	@$(call until_no_pod_has,name) || { echo 'Pods of the operator still run' >&2; exit 1; }
	@KUBECTL='$(KUBECTL)' config/rewrite-owners.sh v1alpha1
	@if left=$$($(KUBECTL) get $(SCHEDULE_CRD_NAME) --all-namespaces -o name 2>/dev/null); then \
	  if [ -z "$$left" ]; then $(KUBECTL) delete --ignore-not-found crd $(SCHEDULE_CRD_NAME); \
	    $(KUBECTL) delete --ignore-not-found validatingadmissionpolicybinding,validatingadmissionpolicy sequentialjob-requester-schedules 2>/dev/null || true; else \
	    echo "$$(echo "$$left" | wc -l) CronSequentialJobs stay, and start no runs while the older release is deployed"; fi; fi
	@echo 'the operator is stopped until `make deploy` in the checkout of the older release'

# kubectl keeps the list of served versions for up to six hours, and finds nothing in one that is no longer served; api-resources renews it.
undeploy: ## Remove the operator, with the variables of `make deploy`; FORCE=yes: even if SequentialJobs exist
	@$(KUBECTL) api-resources --api-group=batch.example.com >/dev/null 2>&1 || true; \
	  left=$$({ $(KUBECTL) get sequentialjobs --all-namespaces -o name 2>/dev/null || true; } | wc -l); \
	  if [ $$left != 0 ] && [ '$(FORCE)' != yes ]; then \
	    echo "$$left SequentialJobs exist, whose deletion needs the operator: delete them first"; \
	    echo "(kubectl delete csj,sj --all-namespaces --all, or make uninstall), or keep them with FORCE=yes"; exit 1; fi >&2
	@$(ASK_SERVER); $(MAKE) --no-print-directory manifests SERVER="$$server" | $(KUBECTL) delete --ignore-not-found -f -

certificate: ## Without cert-manager: issue a new webhook certificate and set the caBundle; DAYS=365
	@KUBECTL='$(KUBECTL)' DAYS='$(DAYS)' certs/self-signed.sh --renew

build-installer: ## Write all manifests into one file, dist/install.yaml; IMG=, OVERLAY=, DEPENDENCY_CHECK=no, REQUESTER_CHECK=no, SERVER=1.20
	@mkdir -p $(dir $(INSTALLER))
	@{ echo '# The SequentialJob operator for Kubernetes $(or $(SERVER),1.30 and newer).'; \
	  { sed $(CRD_EDITS) $(CRD_WITH_RULES); echo ---; cat $(SCHEDULE_CRD_WITH_RULES); } | config/for-server.sh $(SERVER); $(MAKE) --no-print-directory manifests; } > $(INSTALLER)
	@echo $(INSTALLER)

docker-build: ## Build the image IMG with docker, podman or buildah; BUILD_FLAGS= adds flags
	@tool='$(CONTAINER_TOOL)'; : "$${tool:?none of docker, podman and buildah works here}"; \
	  flags='--build-arg SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH)'; \
	  if [ "$${tool%% *}" != docker ]; then flags="$$flags --timestamp $(SOURCE_DATE_EPOCH)"; fi; \
	  set -x; $$tool build $$flags --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) \
	    $(BUILD_FLAGS) --tag $(IMG) .

docker-push: ## Push the image IMG
	@tool='$(CONTAINER_TOOL)'; : "$${tool:?none of docker, podman and buildah works here}"; set -x; $$tool push $(IMG)

helm-package: ## Lint the Helm chart and package it as dist/sequentialjob-<version>.tgz
	@mkdir -p dist
	$(HELM) lint --strict charts/sequentialjob
	$(HELM) package --destination dist charts/sequentialjob

release: ## Check, build, push, sign and attest a release; IMG=, CHART=oci://…, CLI_URL=; docs/release.md
	@IMG='$(IMG)' CHART='$(CHART)' CLI_URL='$(CLI_URL)' VERSION='$(VERSION)' KUBECTL='$(KUBECTL)' HELM='$(HELM)' config/supply-chain/release.sh

build: $(INSTALLED) ## Bundle the program into one file, dist/sequentialjob.mjs
	@node build.mjs

# CLI_URL is the folder in which the archives will be published, for the krew manifest.
CLI_URL ?= https://example.com/sequentialjob/releases/v$(VERSION)
build-cli: $(INSTALLED) ## Build the commands for people as executables that need no Node, dist/cli, with archives and a krew manifest; CLI_URL=
	@SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) node build-cli.mjs --url='$(CLI_URL)' $(ARGS)

clean: ## Remove build output and installed packages
	rm -rf dist coverage node_modules .demo
