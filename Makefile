# Targets that people use. `make test` is what CI runs.

GO      ?= go
FUZZTIME ?= 2s

.PHONY: build test lint race fuzz crash mutants interop browser bench cross parity clean

build: ## the server, static
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w" -o godwit ./cmd/godwit

test: lint race parity fuzz cross interop ## everything

lint:
	@test -z "$$(gofmt -l . | tee /dev/stderr)"
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	./scripts/vulncheck.sh

race:
	$(GO) test -race -timeout 300s ./...

parity: ## which behaviours of the reference have tests
	$(GO) run ./parity

fuzz: ## every fuzz target for $(FUZZTIME)
	./scripts/fuzz.sh $(FUZZTIME)

crash: ## power cuts of the storage: CUTS=100000 LIMIT=3600 (seconds) SEED=...
	./scripts/crash.sh

mutants: ## deliberate bugs of the storage, each of which a test must find
	./scripts/mutants.sh

cross: ## builds for every supported system
	./scripts/cross.sh

interop: ## tests with stock clients and the reference server
	./scripts/browser.sh prepare
	cd interop && $(GO) vet ./... && $(GO) test -race -timeout 300s ./...
	cd interop/legacy && $(GO) vet ./... && $(GO) test -timeout 300s -parallel 8 ./...
	cd interop/store && $(GO) vet ./... && $(GO) test -timeout 300s ./...
	cd bench && $(GO) vet ./... && $(GO) test -timeout 120s ./...

browser: ## the JavaScript client in Node and in headless Chromium, which it installs
	./scripts/browser.sh

bench: ## the comparison table, several minutes
	cd bench && $(GO) run ./cmd/compare

clean:
	rm -f godwit
