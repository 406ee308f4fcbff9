# make test   everything that a change must pass; installs what it needs (as root, by apt-get)
# make check  format, vet, staticcheck, who may import whom
# make bench  the figures that we hold, both sides in one run
# make soak   long runs, before a release
# make build  bin/isekai
# make web    the console, which the program embeds when it is built after that; takes npm

GO ?= go
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
VERSION ?= 0.1.0-dev
export CGO_ENABLED = 0
# SQLite itself is C that was translated: it is no use to look for races in it, and takes most of a test's time. What
# calls it is looked at.
RACE = -race -gcflags=modernc.org/sqlite/lib=-race=false

.PHONY: build test quick check bench soak fuzz setup web web-types

build:
	$(GO) build -trimpath -ldflags "-s -w -X github.com/isekai-run/isekai/internal/platform.BuildVersion=$(VERSION)" -o bin/isekai ./cmd/isekai

web:
	@scripts/web build

# The console's types of the API, after a change of that.
web-types:
	@scripts/web types

setup:
	@scripts/setup

test: setup check web
	CGO_ENABLED=1 $(GO) test $(RACE) -vet=off -count=1 -timeout 40m ./... # the program under test is no input that the cache knows; check has vetted it

# The real Kafka that tests and benchmarks run against; prints its folder.
.PHONY: kafka
test bench soak: kafka
kafka:
	@scripts/kafka

# The real models that tests run against (ADR 17); prints their folder.
.PHONY: real-model
test soak: real-model
real-model:
	@scripts/real-model

# Others' clients of models' APIs, which tests run unmodified; prints their folder.
.PHONY: clients
test soak: clients
clients:
	@scripts/clients

# A real Gitea, at which tests open pull requests; prints its folder.
.PHONY: gitea
test soak: gitea
gitea:
	@scripts/gitea

# What needs neither a browser nor another user.
quick:
	$(GO) test -short -count=1 ./...

check:
	@test -z "$$(gofmt -l . | tee /dev/stderr)" || { echo "not gofmt-clean: the files above" >&2; exit 1; }
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...
	$(GO) test ./internal/archtest
	@scripts/web check

bench: setup web build
	$(GO) run ./bench/start -isekai bin/isekai
	$(GO) run ./bench/sandbox
	$(GO) run ./bench/append
	$(GO) run ./bench/relay
	$(GO) run ./bench/replay
	$(GO) run ./bench/auth
	$(GO) run ./bench/task
	$(GO) run ./bench/agent
	$(GO) run ./bench/ledger
	$(GO) run ./bench/recall
	$(GO) run ./bench/gateway -isekai bin/isekai
	$(GO) run ./bench/mcp

soak: setup web build
	CGO_ENABLED=1 $(GO) test $(RACE) -timeout 60m -count=5 ./internal/agent ./internal/sandbox/... ./internal/store/... ./e2e
	ISEKAI_SOAK=1 CGO_ENABLED=1 $(GO) test $(RACE) -timeout 30m -count=1 -run BrokerFaults -v ./internal/relay # the broker is down for a minute, three times
	ISEKAI_SOAK=1 CGO_ENABLED=1 $(GO) test $(RACE) -timeout 60m -count=1 -run 'TasksOutlive|KeepsItsLease|KilledAtEvery|TestSchema' -v ./e2e/... # a thousand tasks over eight nodes; calls of 10 and 15 minutes; kills at each write; requests at random
	@scripts/fuzz $(SOAKFUZZTIME)

SOAKFUZZTIME ?= 2m
FUZZTIME ?= 20s
fuzz:
	@scripts/fuzz $(FUZZTIME)
