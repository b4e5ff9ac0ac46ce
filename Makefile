# SPDX-License-Identifier: MIT
# Sluice. `make help` lists the targets.
#
# All files in a folder belong to its program: a new file must be named only in the README of its folder.
LIB     = $(wildcard lib/*.c)
POSTGRES = $(wildcard lib/postgres/*.c)
GATEWAY = $(wildcard gateway/*.c gateway/*/*.c)
WORKER  = $(wildcard worker/*.c)
CTL     = $(wildcard ctl/*.c ctl/*/*.c)

# VARIANT selects compiler and instrumentation: gcc (the default), clang, asan, tsan, fuzz.
VARIANT ?= gcc
BUILD    = build/$(VARIANT)
VERSION := $(shell cat VERSION)

CFLAGS   = -std=c11 -O2 -g -pthread -fPIE -fstack-protector-strong
CPPFLAGS = -D_GNU_SOURCE -DSLUICE_VERSION='"$(VERSION)"' -I. -Ilib
WARNINGS = -Wall -Wextra -Wpedantic -Werror -Wshadow -Wvla -Wformat=2 -Wundef -Wwrite-strings \
           -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-qual
LDFLAGS  = -pthread -pie -Wl,-z,relro,-z,now

CC_gcc   = gcc
CC_clang = clang
CC_asan  = gcc
CC_tsan  = gcc
CC_fuzz  = clang
CC       = $(CC_$(VARIANT))
INSTRUMENT_gcc   = -D_FORTIFY_SOURCE=2
INSTRUMENT_clang = -D_FORTIFY_SOURCE=2
INSTRUMENT_asan  = -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
INSTRUMENT_tsan  = -fsanitize=thread
INSTRUMENT_fuzz  = -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS  += $(INSTRUMENT_$(VARIANT))
LDFLAGS += $(filter -fsanitize%,$(INSTRUMENT_$(VARIANT)))

PG_CFLAGS = $(shell pkg-config --cflags libpq)
LIB_LIBS  = -lrabbitmq -lmicrohttpd -lssl -lcrypto
GATEWAY_LIBS = $(LIB_LIBS) -lcivetweb -lcjson -lz
WORKER_LIBS  = $(LIB_LIBS) -lpq
CTL_LIBS     = $(LIB_LIBS) -lcivetweb -lpq -lcurl -lcjson
CPPFLAGS    += $(PG_CFLAGS)

PROGRAMS = $(BUILD)/sluice-gateway $(BUILD)/sluice-worker $(BUILD)/sluice

LIB_OBJ      = $(LIB:%.c=$(BUILD)/%.o)
# What only those programs link that know libpq.
POSTGRES_OBJ = $(POSTGRES:%.c=$(BUILD)/%.o)
GATEWAY_OBJ  = $(GATEWAY:%.c=$(BUILD)/%.o)
WORKER_OBJ   = $(WORKER:%.c=$(BUILD)/%.o) $(POSTGRES_OBJ)
# The sluice command uses the gateway's modules to read routes and sign events; the linker takes those it needs.
GATEWAY_LIB  = $(BUILD)/gateway.a
CTL_OBJ      = $(CTL:%.c=$(BUILD)/%.o) $(POSTGRES_OBJ) $(BUILD)/sql/migrations.o $(BUILD)/ctl/console/assets.o $(GATEWAY_LIB)
MIGRATIONS   = $(sort $(wildcard sql/[0-9]*.sql))

UNIT_SRC     = $(wildcard tests/unit/*/test_*.c tests/unit/*/*/test_*.c)
UNIT         = $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(UNIT_SRC))
BARE         = $(addprefix $(BUILD)/bench/,publish drain open_loop verify metrics)

# For targets that build, then run: they build on all cores unless make was called with a -j.
ALL_CORES = $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))

PYTEST = /usr/bin/python3 -B -m pytest -p no:cacheprovider -q
STACK  = /usr/bin/python3 -B tests/stack/stack.py

.PHONY: all help test build unit integration test-fault test-cluster chaos fuzz check check-helm lint format run psql ctl exam-sdk bench curves bench-programs clean packages
.DELETE_ON_ERROR:
.SECONDARY:

all: $(PROGRAMS)

help:
	@echo 'make               build the three programs into $(BUILD)'
	@echo 'make run           private broker and database, setup, gateway, workers; stop with Ctrl-C'
	@echo '                   (PORT=8080 WORKERS=2 ROUTES=etc/routes.example.json)'
	@echo 'make psql          psql as sluice_reader, while make run is running (SQL="..." for one statement)'
	@echo 'make ctl ARGS=...  the sluice command, while make run is running, e.g. ARGS=status'
	@echo 'make test          build, unit tests, integration tests (CORPUS=file: more webhooks)'
	@echo 'make check         lints, format, both compilers, sanitizer builds'
	@echo 'make test-fault    tests that inject real faults (TESTS="-m quick": the short selection of CI)'
	@echo 'make test-cluster  a broker of three nodes: killed, frozen, partitioned, rolled (TESTS="-m quick": the short selection;'
	@echo '                   RABBITMQ_IMAGE=image: nodes in containers)'
	@echo 'make chaos         random faults (DURATION=600 SEED=n), then a check that nothing was lost'
	@echo 'make fuzz          each fuzzer for DURATION=10 seconds, starting from its corpus'
	@echo 'make exam-sdk      the providers'"'"' own libraries (pip, npm) against a gateway and sluice send'
	@echo 'make bench         benchmarks, as ratios to the limits of this machine (CORPUS=file: real bodies, too)'
	@echo 'make curves        how the cost of an event grows with workers, backlog, table, connections, body; 30 minutes'
	@echo 'make images        broker, database and Prometheus images for docker compose, if they can not be pulled'
	@echo 'make secrets       random secrets for docker compose, into SECRETS_DIR or ./secrets'
	@echo 'make certificates  certificates for deploy/compose.tls.yml, into CERTIFICATES_DIR or ./certificates'
	@echo 'make test-compose  tests of docker-compose.yml; make test-trixie: make test on Debian 13'
	@echo 'make check-helm    the chart in deploy/helm: needs helm, which Debian does not have'
	@echo 'make clean         remove build/ (run/, where make run keeps its data, stays)'

# --- programs ---------------------------------------------------------------

# The libraries that civetweb loads by these names for TLS: see lib/shim/libssl.c.
SHIMS = $(BUILD)/libssl.so $(BUILD)/libcrypto.so

$(BUILD)/sluice-gateway: $(GATEWAY_OBJ) $(LIB_OBJ) $(SHIMS)
	$(CC) $(LDFLAGS) -Wl,-rpath,'$$ORIGIN' -o $@ $(filter %.o,$^) -Wl,--push-state,--no-as-needed $(SHIMS) -Wl,--pop-state $(GATEWAY_LIBS)

$(BUILD)/libssl.so: $(BUILD)/lib/shim/libssl.o
	$(CC) -shared -Wl,-z,relro,-z,now -Wl,-soname,$(@F) -o $@ $< -lssl -lcrypto

$(BUILD)/libcrypto.so:
	@mkdir -p $(@D)
	$(CC) -shared -Wl,-z,relro,-z,now -Wl,-soname,$(@F) -o $@ -Wl,--no-as-needed -lcrypto

$(BUILD)/lib/shim/libssl.o: CFLAGS := -std=c11 -O2 -g -fPIC

$(BUILD)/sluice-worker: $(WORKER_OBJ) $(LIB_OBJ)
	$(CC) $(LDFLAGS) -o $@ $^ $(WORKER_LIBS)

# Without the gateway's own recv and poll.
$(GATEWAY_LIB): $(filter-out %/main.o %/receiver.o,$(GATEWAY_OBJ))
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/sluice: $(CTL_OBJ) $(LIB_OBJ)
	$(CC) $(LDFLAGS) -o $@ $^ $(CTL_LIBS)

$(BUILD)/%.o: %.c Makefile VERSION
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(WARNINGS) -MMD -MP -c -o $@ $<

# The migrations are compiled into the sluice command.
$(BUILD)/sql/migrations.c: sql/embed $(MIGRATIONS) sql/schema.sql sql/roles.sql
	@mkdir -p $(@D)
	sql/embed $(MIGRATIONS) sql/schema.sql sql/roles.sql >$@

$(BUILD)/sql/migrations.o: $(BUILD)/sql/migrations.c ctl/setup/migrate.h
	$(CC) $(CPPFLAGS) $(CFLAGS) $(WARNINGS) -c -o $@ $<

# So are the console's style sheet and script, and the runbook that it shows.
ASSETS = ctl/console/style.css ctl/console/script.js docs/operations.md

$(BUILD)/ctl/console/assets.c: ctl/console/embed $(ASSETS)
	@mkdir -p $(@D)
	ctl/console/embed $(ASSETS) >$@

$(BUILD)/ctl/console/assets.o: $(BUILD)/ctl/console/assets.c ctl/console/asset.h
	$(CC) $(CPPFLAGS) $(CFLAGS) $(WARNINGS) -c -o $@ $<

# --- tests ------------------------------------------------------------------

# A unit test links lib/ and the modules of the program that its folder is named after, without main.
$(BUILD)/tests/unit/lib/%: $(BUILD)/tests/unit/lib/%.o $(LIB_OBJ)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIB_LIBS) -lcmocka
$(BUILD)/tests/unit/gateway/%: $(BUILD)/tests/unit/gateway/%.o $(filter-out %/main.o,$(GATEWAY_OBJ)) $(LIB_OBJ)
	$(CC) $(LDFLAGS) -o $@ $^ $(GATEWAY_LIBS) -lcmocka
$(BUILD)/tests/unit/worker/%: $(BUILD)/tests/unit/worker/%.o $(filter-out %/main.o,$(WORKER_OBJ)) $(LIB_OBJ)
	$(CC) $(LDFLAGS) -o $@ $^ $(WORKER_LIBS) -lcmocka
$(BUILD)/tests/unit/ctl/%: $(BUILD)/tests/unit/ctl/%.o $(filter-out %/main.o,$(CTL_OBJ)) $(LIB_OBJ)
	$(CC) $(LDFLAGS) -o $@ $^ $(CTL_LIBS) -lcmocka
$(BUILD)/bench/verify: $(BUILD)/tests/bench/verify.o $(filter-out %/main.o,$(CTL_OBJ)) $(LIB_OBJ)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(CTL_LIBS)
# Of the gateway and of the worker only what the linker needs.
$(BUILD)/bench/metrics: $(BUILD)/tests/bench/metrics.o $(GATEWAY_LIB) $(addprefix $(BUILD)/worker/,latency.o clock_ahead.o source_events.o event.o batch.o verdict.o) $(LIB_OBJ)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(GATEWAY_LIBS)
$(BUILD)/bench/%: $(BUILD)/tests/bench/%.o $(BUILD)/tests/bench/bare.o
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ -lrabbitmq -lpq

test: packages-build packages-servers packages-test
	$(MAKE) $(ALL_CORES) all $(UNIT)
	$(MAKE) unit integration

unit: $(UNIT)
	tests/unit/run $(UNIT)

# TESTS selects tests: make integration TESTS='-k kill'. The tests mostly wait for servers, so JOBS of them run in
# parallel, each with its own broker and database: by default four for each of two cores.
# BUNDLE_EVENTS=64 runs them, test-fault, test-cluster and chaos with that GATEWAY_BUNDLE_EVENTS.
export SLUICE_BUNDLE_EVENTS = $(BUNDLE_EVENTS)
integration: JOBS ?= 8
integration: $(PROGRAMS)
	SLUICE_BUILD=$(BUILD) $(PYTEST) tests/integration -n $(JOBS) $(TESTS)

# Injects the faults of docs/guarantees.md. -m quick: the tests that every change must pass.
test-fault: JOBS ?= 4
test-fault: packages-build packages-servers packages-test
	@$(MAKE) --no-print-directory $(ALL_CORES) all
	SLUICE_BUILD=$(BUILD) $(PYTEST) tests/fault tests/integration/test_faults.py tests/integration/test_budget.py \
		-n $(JOBS) $(TESTS)

# A broker of three nodes. One after the other: the nodes alone keep two cores busy when they start.
test-cluster: packages-build packages-servers packages-test
	@$(MAKE) --no-print-directory $(ALL_CORES) all
	SLUICE_BUILD=$(BUILD) $(PYTEST) tests/cluster $(TESTS)

DURATION ?= 600
# One libFuzzer program for each tests/fuzz/NAME.c; it starts from tests/fuzz/corpus/NAME.
FUZZERS = $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))

fuzz: DURATION = 10
fuzz: packages-build packages-check
	@$(MAKE) --no-print-directory $(ALL_CORES) VARIANT=fuzz $(addprefix build/fuzz/fuzz/,$(FUZZERS))
	tests/fuzz/run --seconds $(DURATION) $(addprefix build/fuzz/fuzz/,$(FUZZERS))

build/fuzz/fuzz/%: build/fuzz/tests/fuzz/%.o $(filter-out %/main.o,$(GATEWAY_OBJ)) $(LIB_OBJ)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(GATEWAY_LIBS)

chaos: packages-build packages-servers packages-test
	@$(MAKE) --no-print-directory $(ALL_CORES) all
	/usr/bin/python3 -B tests/fault/chaos.py --build $(BUILD) --duration $(DURATION) $(if $(SEED),--seed $(SEED)) $(CHAOS)

# PARTS selects parts of it: make check PARTS='lint tidy'.
check: packages-build packages-servers packages-test packages-check
	tests/lint/check $(PARTS)

# Not part of make check, as helm isn't in Debian.
check-helm: packages-test
	tests/helm/check $(TESTS)

lint:
	tests/lint/lint

format:
	clang-format -i $$(git ls-files '*.c' '*.h')

packages-%:
	@deploy/install-packages $*

# --- running ----------------------------------------------------------------

PORT    ?= 8080
WORKERS ?= 2

run: packages-build packages-servers
	@$(MAKE) --no-print-directory -s $(ALL_CORES) all
	@exec $(STACK) run --build $(BUILD) --port $(PORT) --workers $(WORKERS) $(if $(ROUTES),--routes "$(ROUTES)")

psql:
	@exec $(STACK) psql $(if $(SQL),--sql "$$SQL")
export SQL

ctl:
	@exec $(STACK) ctl --build $(BUILD) -- $(ARGS)

bench-programs: $(BARE)

bench: packages-build packages-servers packages-bench
	@$(MAKE) --no-print-directory $(ALL_CORES) all bench-programs
	/usr/bin/python3 -B tests/bench/bench.py --build $(BUILD) $(if $(CORPUS),--corpus "$(CORPUS)") $(BENCH)

curves: packages-build packages-servers packages-bench
	@$(MAKE) --no-print-directory $(ALL_CORES) all bench-programs
	/usr/bin/python3 -B tests/bench/curves.py --build $(BUILD) $(CURVES)

# Not part of make test: it downloads what tests/exam/requirements.txt and tests/exam/package.json name.
exam-sdk: packages-build packages-servers
	@$(MAKE) --no-print-directory -s $(ALL_CORES) all
	@exec /usr/bin/python3 -B tests/exam/exam.py --build $(BUILD) --folder build/exam $(SDKS)

clean:
	rm -rf build

# --- containers ---------------------------------------------------------------

images:
	@deploy/standin/images

secrets:
	@deploy/secrets $(or $(SECRETS_DIR),./secrets)

certificates:
	@deploy/certificates $(or $(CERTIFICATES_DIR),./certificates)

test-compose: packages-compose images
	$(PYTEST) tests/compose $(TESTS)

test-trixie:
	tests/compose/trixie

.PHONY: images secrets certificates test-compose test-trixie

-include $(shell find build -name '*.d' 2>/dev/null)
