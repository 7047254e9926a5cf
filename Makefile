# What CI runs is what you run: `make check`. Figures: `make bench`.
# Long random kill runs: `make soak`.
GO ?= go
FUZZTIME ?= 10s
SOAK ?= 50
# What `concord version` says: the tag, else the revision, and whether files were changed since.
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo development)
export CGO_ENABLED ?= 0

.PHONY: build test check bench soak fuzz lint

build:
	$(GO) build -trimpath -ldflags "-X main.version=$(VERSION)" -o bin/concord ./cmd/concord

test:
	$(GO) test -timeout 30m ./...

lint:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); \
	if [ -n "$$unformatted" ]; then echo "not formatted (run gofmt -w):"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) mod verify >/dev/null
	@git diff --exit-code --stat -- go.mod go.sum

check: lint build test

# CONCORD_BENCH_OBJECTS=1000000,10000000 measures TAXII pages of so many objects
# too, which takes long; CONCORD_BENCH_STORE=SQLite or PostgreSQL leaves the other
# out; CONCORD_OPENTAXII=PYTHON compares reading and adding with OpenTAXII.
bench:
	$(GO) test -run '^$$' -bench . -benchmem -timeout 60m ./...
	cd bench && $(GO) test -bench . .

soak:
	CONCORD_SOAK=$(SOAK) $(GO) test -count=1 -timeout 60m -run 'Soak' ./sim

fuzz:
	@for p in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$p 2>/dev/null | grep '^Fuzz'); do \
	    echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p || exit 1; \
	  done; done
