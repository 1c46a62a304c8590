# What people and CI run. Everything works in a clean clone, with an empty HOME, and twice in a row.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test test-systemd check deny bench schemas failpoints install dist

TARGET := $(or $(CARGO_TARGET_DIR),target)
CARGO := source scripts/environment && cargo
# Programs for other machines ask for no newer glibc than Debian 11 and Ubuntu 20.04 have.
DIST_GLIBC := 2.31
DIST_TARGET := $(shell uname -m)-unknown-linux-gnu
ZIGBUILD := PATH="$(abspath $(TARGET))/tools/zigbuild/bin:$$PATH"; $(CARGO) zigbuild --target $(DIST_TARGET).$(DIST_GLIBC)

help: ## Lists these goals
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18

demo: ## Publishes, promotes, installs and rolls back real projects in a temporary folder
	@scripts/setup demo
	@$(CARGO) build --workspace --bins
	@TARGET="$(TARGET)" scripts/demo

test: failpoints ## Installs what is missing and runs every test
	$(CARGO) build --workspace --bins
	$(CARGO) test --workspace

test-systemd: ## Boots servers with a real systemd and lives through a bad day there
	@scripts/setup systemd
	$(CARGO) build --workspace --bins
	if [[ -d "$(TARGET)/tools/zigbuild" ]]; then $(ZIGBUILD) --workspace --bin bulla-installer; fi
	BULLA_TEST_SYSTEMD=1; export BULLA_TEST_SYSTEMD; $(CARGO) test --workspace --test system -- systemd::

# The crash tests need programs that die on demand. They are built first and copied away, so that
# no program in target/debug ever is one of them.
failpoints:
	@scripts/setup test
	$(CARGO) build --workspace --bins --features bulla-installer/failpoints,bulla-registry/failpoints
	@install -D -t "$(TARGET)/failpoints" "$(TARGET)/debug/bulla-installer" "$(TARGET)/debug/bulla-registry"

check: ## Format, lints and dependencies
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	@if $(CARGO) deny --version >/dev/null 2>&1; then $(MAKE) --no-print-directory deny; \
	else echo "skip: cargo-deny is not installed (cargo install --locked cargo-deny)"; fi

deny: ## Licences, banned crates, sources and known vulnerabilities of the dependencies
	$(CARGO) deny check

install: ## Programs, man pages and completions below DESTDIR/PREFIX (/usr/local)
	$(CARGO) build --release --workspace --bins
	@scripts/install "$(TARGET)/release" "$(DESTDIR)$(or $(PREFIX),/usr/local)"

dist: ## A tarball and Debian packages below target/dist
	@scripts/setup dist
	$(ZIGBUILD) --release --workspace --bins
	@version=$$($(CARGO) pkgid --package bulla-installer | sed 's/.*[@#]//'); \
	scripts/dist "$(TARGET)/$(DIST_TARGET)/release" "$$version" "$(TARGET)/dist" $(DIST_GLIBC)

bench: ## Times the programs on a tree of about 20,000 files
	@scripts/setup bench
	$(CARGO) build --release --workspace --bins
	$(CARGO) bench --workspace --bench benches

schemas: ## Writes schemas/json/ anew from the types
	UPDATE_SCHEMAS=1; export UPDATE_SCHEMAS; $(CARGO) test --quiet --package bulla-schemas --test documents
