# Every test is a program that prints TAP; C ones link the archives they need.
# A component's build.mk adds to UNIT_TESTS (names below tests/unit or
# tests/component) and sets TEST_LIBS_<name> where the default is too little.

TEST_LIBS_DEFAULT := libgpipc libgodb libgpbase
TEST_PKGS_DEFAULT := liblz4 libxxhash libseccomp libcap-ng inih

define test_program
$(O)/tests/$(1): $(O)/tests/$(1).o \
    $(patsubst %,$(O)/%.a,$(or $(TEST_LIBS_$(notdir $(1))),$(TEST_LIBS_DEFAULT)))
	$$(call say,LD,$$@)
	$(Q)$$(CC) $$(LDFLAGS_ALL) -o $$@ $$^ \
		$$(call pkg-libs,$(TEST_PKGS_DEFAULT) $(TEST_PKGS_$(notdir $(1))))
endef
$(foreach t,$(UNIT_TESTS),$(eval $(call test_program,$(t))))
TEST_PROGRAMS := $(addprefix $(O)/tests/,$(UNIT_TESTS))

.PHONY: check-unit tests
tests: $(TEST_PROGRAMS)
check-unit: tests
	@prove -e '' $(TEST_PROGRAMS)

SYSTEM_TESTS := $(addprefix tests/system/,offline.t live.t truth.t install.t \
	programs.t)

.PHONY: check-system check-tree
check: deps
	@$(MAKE) --no-print-directory all tests
	@BIN=$(CURDIR)/$(BIN) MAKE=$(MAKE) sh tests/check.sh $(TEST_PROGRAMS) -- \
		$(SYSTEM_TESTS)
check-system: all
	@BIN=$(CURDIR)/$(BIN) prove -e sh $(SYSTEM_TESTS)
