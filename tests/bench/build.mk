# Benchmarks: `make bench-capture` (tests/bench/capture.py tells what it does).
# BENCH_SCALE=0.1 makes a tenth of the packets, BENCH_ROUNDS=3 repetitions,
# RESULTS=1 appends what was measured to tests/bench/RESULTS.md.
BENCH_SCALE ?= 1
BENCH_ROUNDS ?= 3
BENCH_DIR ?= build/bench
TEST_HELPERS += bench/genpcap bench/send
TEST_LIBS_genpcap := libbench
TEST_LIBS_send := libbench
ARCHIVES += libbench
libbench_SRCS := tests/bench/traffic.c
