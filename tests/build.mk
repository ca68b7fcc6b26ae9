# Every test is a program that prints TAP; C ones link the archives they need.
# A component's build.mk adds to UNIT_TESTS (names below tests/unit or
# tests/component) and sets TEST_LIBS_<name> where the default is too little.

TEST_LIBS_DEFAULT := libgpipc libgodb libgpbase
TEST_PKGS_DEFAULT := liblz4 libxxhash libseccomp libcap-ng inih

# The sandboxes tried from inside.
ARCHIVES += libattack
libattack_SRCS := $(addprefix tests/lib/, attack.c attack_everywhere.c \
	attack_store.c attack_net.c)
TEST_HELPERS += lib/inside lib/deny
UNIT_TESTS += $(addprefix component/attack_, \
	capture writer querier export remote)
TEST_LIBS_attack_capture := libattack libgpcapture libgpipc libgpbase
TEST_PKGS_attack_capture = $(CAPTURE_PKGS)
TEST_LIBS_attack_writer := libattack libgpwriter libgpipc libgodb libgpbase
TEST_LIBS_attack_querier := libattack libgpquery libgpbase
TEST_LIBS_attack_export := libattack libgpexport libgpbase
TEST_LIBS_attack_remote := libattack libgpremote libgpexport libgpbase

# The loop live; over files it is one of capture's own.
UNIT_TESTS += unit/test_loop_live
TEST_LIBS_test_loop_live := libgpcapture libgpipc libgpbase
TEST_PKGS_test_loop_live = $(CAPTURE_PKGS)
UNIT_TESTS += unit/test_loop_clock
TEST_LIBS_test_loop_clock := libgpcapture libgpipc libgpbase
TEST_PKGS_test_loop_clock = $(CAPTURE_PKGS)
TEST_LDLIBS_test_loop_clock := -Wl,--wrap=ring_push
UNIT_TESTS += unit/test_honest
TEST_LIBS_test_honest := libgpcapture libgpwriter libgpipc libgodb libgpbase
TEST_PKGS_test_honest = $(CAPTURE_PKGS) liblz4 libxxhash

# A real writer among captures that lie; it runs the programs of its own build.
ARCHIVES += libfakecapture
libfakecapture_SRCS := tests/lib/fakecapture.c
UNIT_TESTS += $(addprefix component/, hostile double_fetch flips many \
	succession failing)
TEST_LIBS_many := libfakecapture libgpipc libgpbase
TEST_LIBS_hostile := libfakecapture libgpipc libgpbase
TEST_LIBS_double_fetch := libfakecapture libgpipc libgpbase
TEST_LIBS_succession := libfakecapture libgpipc libgpbase
TEST_LIBS_failing := libfakecapture libgpipc libgpbase
$(O)/tests/component/hostile $(O)/tests/component/succession \
    $(O)/tests/component/failing: \
    $(O)/bin/goprobe-writer $(O)/bin/goquery
$(O)/tests/component/flips: $(O)/bin/goquery
$(O)/tests/component/many: $(O)/bin/goprobe-writer $(O)/bin/goquery

define test_program
$(O)/tests/$(1): $(O)/tests/$(1).o \
    $(patsubst %,$(O)/%.a,$(or $(TEST_LIBS_$(notdir $(1))),$(TEST_LIBS_DEFAULT)))
	$$(call say,LD,$$@)
	$(Q)$$(CC) $$(LDFLAGS_ALL) -o $$@ $$(filter %.o %.a,$$^) \
		$$(call pkg-libs,$(TEST_PKGS_DEFAULT) $(TEST_PKGS_$(notdir $(1)))) \
		$(TEST_LDLIBS_$(notdir $(1)))
endef
TEST_HELPERS += lib/powercut lib/manydays
TEST_LIBS_powercut := libgodb libgpbase
TEST_LIBS_manydays := libgodb libgpbase
# TEST_HELPERS: programs that tests run, built alike
$(foreach t,$(UNIT_TESTS) $(TEST_HELPERS),$(eval $(call test_program,$(t))))
TEST_PROGRAMS := $(addprefix $(O)/tests/,$(UNIT_TESTS))

.PHONY: check-unit tests list-tests
tests: $(TEST_PROGRAMS) $(addprefix $(O)/tests/,$(TEST_HELPERS))
check-unit: tests
	@prove -e '' $(TEST_PROGRAMS)

SYSTEM_TESTS := $(patsubst %,tests/system/%.t, \
	tree \
	offline \
	format \
	goquery \
	query \
	oracle \
	names \
	missing \
	seen \
	needle \
	manners \
	export \
	pipes \
	remote \
	live \
	interfaces \
	tunnels \
	clocksteps \
	workers \
	status \
	truth \
	captures \
	install \
	l7 \
	dpi \
	library \
	maintain \
	faults \
	powercut \
	units \
	service \
	quickstart \
	readme \
	storm \
	kills \
	livekills \
	programs \
	holds \
	perms \
	security \
	closed)

# Where tests find programs and helpers.
TEST_ENV = BIN='$(CURDIR)/$(BIN)' TESTS_DIR='$(CURDIR)/$(O)/tests' \
	MAKE=$(MAKE) CC=$(CC)

# What a test is listed as, for the one that looks for those that are not.
list-tests:
	@printf '%s\n' $(UNIT_TESTS) $(LONG_TESTS:$(O)/tests/%=%) \
		$(SYSTEM_TESTS:tests/%.t=%) system/other-compiler system/qemu

# Everything that CI runs.  The other compiler's programs replay and capture as
# well; the sanitizers watch every unit test.
OTHER_CC := $(if $(findstring clang,$(CC)),gcc,clang)
# The filters hold in what either compiler makes of libc's calls.
OTHER_TESTS := $(addprefix build/$(OTHER_CC)/tests/component/attack_, \
	capture writer querier export remote)
LONG_TESTS += $(addprefix $(O)/tests/component/, hostile double_fetch)
.PHONY: check-system variants tsan
tsan: $(TSAN_TESTS:%=$(O)/tests/%)
variants:
	@$(MAKE) $(JOBS) --no-print-directory all tests libgodb
	@$(MAKE) $(JOBS) --no-print-directory CC=$(OTHER_CC) \
		BIN=build/other/bin all $(OTHER_TESTS)
	@$(MAKE) $(JOBS) --no-print-directory SANITIZE=address,undefined tests
	@$(MAKE) $(JOBS) --no-print-directory SANITIZE=thread tsan
check: deps
	@$(MAKE) --no-print-directory variants
	@$(TEST_ENV) sh tests/check.sh $(TEST_PROGRAMS) \
		$(subst $(O)/,$(O)-address-undefined/,$(TEST_PROGRAMS)) \
		$(TSAN_TESTS:%=$(O)-thread/tests/%) \
		$(OTHER_TESTS) $(SYSTEM_TESTS) tests/system/other-compiler.t
check-system: all tests
	@$(TEST_ENV) prove -e sh $(SYSTEM_TESTS)

# Campaigns, which take minutes to hours: the same tests with LONG=1, which
# makes them longer, and others.  Components add to LONG_TESTS.
LONG_TESTS += $(addprefix tests/system/,export.t remote.t powercut.t maintain.t \
	faults.t storm.t kills.t livekills.t) $(O)/tests/unit/test_nomem
# and what a sanitizer has no time for in `make check`
LONG_SANITIZED = $(addprefix $(O)-address-undefined/tests/unit/, \
	test_faults test_faults_days test_sweep test_rollup test_sql \
	test_query test_aggregate test_filter) \
	$(O)-thread/tests/unit/test_sweep
.PHONY: check-long
check-long: deps
	@$(MAKE) --no-print-directory deps DEPS_CHECK='$(DEPS_LONG)'
	@$(MAKE) $(JOBS) --no-print-directory all tests
	@$(MAKE) $(JOBS) --no-print-directory SANITIZE=address,undefined tests
	@$(MAKE) $(JOBS) --no-print-directory SANITIZE=thread tsan
	@LONG=1 $(TEST_ENV) sh tests/check.sh $(LONG_TESTS) $(LONG_SANITIZED)

# On Debian 12's own kernel, without acceleration: minutes.
.PHONY: check-qemu
check-qemu: deps
	@$(MAKE) --no-print-directory deps DEPS_CHECK='$(DEPS_QEMU)'
	@$(MAKE) $(JOBS) --no-print-directory all tests
	@LONG=1 $(TEST_ENV) sh tests/check.sh tests/system/qemu.t
