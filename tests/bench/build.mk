# Benchmarks.  BENCH_SCALE=0.1 makes a tenth of the packets or rows,
# BENCH_ROUNDS=3 repetitions, RESULTS=1 appends what was measured to
# tests/bench/RESULTS.md.
#
# `make bench-capture` (tests/bench/capture.py tells what it does):
# BENCH_PARTS=offline, live or pauses does a part of it.  Live runs take 20 s at
# scale 1, less at a smaller one (BENCH_SECONDS says another number):
# BENCH_PARTS=live BENCH_SCALE=0.5 takes some three minutes.  BENCH_WAIT=1 has
# each live run of ours cross the boundary of a block, for which it waits up to
# five minutes.
BENCH_SCALE ?= 1
BENCH_ROUNDS ?= 3
BENCH_DIR ?= build/bench
TEST_HELPERS += bench/genpcap bench/send bench/genflows bench/timed bench/membw \
	bench/asked
TEST_LIBS_genpcap := libbench
TEST_LIBS_send := libbench
TEST_LIBS_genflows := libbench libgodb libgpbase
TEST_LDLIBS_genflows := -lm
TEST_LIBS_timed := libgpbase
TEST_LIBS_asked := libgodb libgpbase
TEST_LIBS_membw := libgpbase
ARCHIVES += libbench
libbench_SRCS := tests/bench/traffic.c

.PHONY: bench-capture bench-deps
bench-capture: bench-deps all $(O)/tests/bench/genpcap $(O)/tests/bench/send
	@python3 tests/bench/capture.py -b $(BIN) -H $(O)/tests/bench \
		-d $(BENCH_DIR) -s $(BENCH_SCALE) -n $(BENCH_ROUNDS) \
		$(if $(BENCH_SECONDS),-l $(BENCH_SECONDS)) \
		$(if $(BENCH_WAIT),-w) \
		$(if $(RESULTS),-m tests/bench/RESULTS.md) $(BENCH_PARTS)

# Questions beside other stores (tests/bench/query.py); BENCH_SCALE=4.32 makes 43 million rows of 10,
# BENCH_V6=80 has four fifths of the pairs talk IPv6, BENCH_IFACES=5 spreads
# the rows over so many interfaces (and takes so many times longer to load: a
# block is a commit).
.PHONY: bench-query
bench-query: bench-deps all $(O)/tests/bench/genflows $(O)/tests/bench/timed \
    $(O)/tests/bench/membw $(O)/tests/bench/asked
	@python3 tests/bench/query.py -b $(BIN) -H $(O)/tests/bench \
		-d $(BENCH_DIR) -s $(BENCH_SCALE) -n $(BENCH_ROUNDS) \
		$(if $(BENCH_V6),-6 $(BENCH_V6)) \
		$(if $(BENCH_IFACES),-i $(BENCH_IFACES)) \
		$(if $(RESULTS),-m tests/bench/RESULTS.md) $(BENCH_QUESTIONS)

# What a block costs the writer (tests/bench/commit.py).
TEST_HELPERS += bench/commit
TEST_LIBS_commit := libbench libgodb libgpbase
.PHONY: bench-commit
bench-commit: deps $(O)/tests/bench/commit
	@python3 tests/bench/commit.py -H $(O)/tests/bench -d $(BENCH_DIR) \
		-s $(BENCH_SCALE) -n $(BENCH_ROUNDS) \
		$(if $(RESULTS),-m tests/bench/RESULTS.md)

# Shipping beside clickhouse-client (tests/bench/export.py).
.PHONY: bench-export
bench-export: bench-deps all $(O)/tests/bench/genflows
	@python3 tests/bench/export.py -b $(BIN) -H $(O)/tests/bench \
		-d $(BENCH_DIR) -s $(BENCH_SCALE) -n $(BENCH_ROUNDS) \
		$(if $(RESULTS),-m tests/bench/RESULTS.md)

# What the sandbox costs (tests/bench/sandbox.py).
.PHONY: bench-sandbox
bench-sandbox: all $(O)/tests/bench/genpcap
	@python3 tests/bench/sandbox.py -b $(BIN) -H $(O)/tests/bench \
		-d $(BENCH_DIR) -s $(BENCH_SCALE) -n $(BENCH_ROUNDS)

# Programs to compare with, installed only for this.
bench-deps: deps
	@$(MAKE) --no-print-directory deps DEPS_BUILD= DEPS_RUN= \
		DEPS_CHECK='$(DEPS_BENCH)'
