# Fuzz targets (tests/fuzz/fuzz.h).  With plain compilers they are linked into
# `replay`, which runs the committed inputs; with libFuzzer each is a program.

FUZZ_TARGETS := decode dpi pcapfile frame ring hello conf cond queryargs index \
	journal column addresses rollups compact arrays
FUZZ_LIBS := libgpcapture libgpipc libgpremote libgpquery libgodb libgpbase
FUZZ_PKGS := $(CAPTURE_PKGS) liblz4 libxxhash libseccomp libcap-ng inih
ARCHIVES += libfuzz
libfuzz_SRCS := tests/fuzz/store.c $(FUZZ_TARGETS:%=tests/fuzz/%.c)
UNIT_TESTS += fuzz/replay
TEST_LIBS_replay := libfuzz $(FUZZ_LIBS)
TEST_PKGS_replay := $(CAPTURE_PKGS)

# `make fuzz` builds with clang and libFuzzer's coverage, then gives every
# target FUZZ_TIME seconds, one after the other.  What it finds lies in FUZZ_DIR;
# `make fuzz-merge` puts what is worth keeping into the committed corpora.
FUZZ_TIME ?= 60
FUZZ_DIR ?= build/fuzz
FUZZ_ONLY ?= $(FUZZ_TARGETS)
FUZZ_MAKE = $(MAKE) --no-print-directory CC=clang \
	SANITIZE=fuzzer-no-link,address,undefined
FUZZ_BIN := build/clang-fuzzer-no-link-address-undefined/tests/fuzz

ifneq ($(findstring fuzzer,$(SANITIZE)),)
$(foreach t,$(FUZZ_TARGETS),$(eval \
	CFLAGS_tests_fuzz_$(t) := -DFUZZ_LIBFUZZER))
define fuzz_program
$(O)/tests/fuzz/$(1): $(O)/tests/fuzz/$(1).o $(O)/tests/fuzz/store.o \
    $(FUZZ_LIBS:%=$(O)/%.a)
	$$(call say,LD,$$@)
	$(Q)$$(CC) $$(LDFLAGS_ALL) -fsanitize=fuzzer -o $$@ $$^ \
		$$(call pkg-libs,$(FUZZ_PKGS))
endef
$(foreach t,$(FUZZ_TARGETS),$(eval $(call fuzz_program,$(t))))
endif

.PHONY: fuzz fuzz-programs fuzz-merge
fuzz-programs: $(FUZZ_TARGETS:%=$(O)/tests/fuzz/%)
fuzz: deps
	@$(FUZZ_MAKE) fuzz-programs
	@sh tests/fuzz/run.sh $(FUZZ_BIN) $(FUZZ_DIR) $(FUZZ_TIME) $(FUZZ_ONLY)
fuzz-merge:
	@$(FUZZ_MAKE) fuzz-programs
	@sh tests/fuzz/merge.sh $(FUZZ_BIN) $(FUZZ_DIR) $(FUZZ_ONLY)
