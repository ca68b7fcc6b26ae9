libgodb_SRCS := $(addprefix common/godb/, error.c \
	schema.c layout.c evidence.c sort.c \
	encode.c distinct.c shape.c unpack.c decode.c block.c rings.c index.c journal.c \
	journal_rows.c names.c names_used.c digest.c addrindex.c addrbuild.c needles.c \
	aggregate.c pack.c day.c writer.c writer_blocks.c writer_ifaces.c writer_journal.c \
	writer_append.c writer_commit.c writer_replay.c upkeep.c rollup.c \
	estimate.c rollup_due.c rollup_rows.c rollup_make.c addrjob.c reader.c \
	scan.c scan_lists.c \
	scan_journals.c scan_days.c scan_sieve.c scan_rolled.c scan_parts.c cursor.c \
	cursor_large.c cursor_live.c cursor_places.c summary.c gone.c list.c retain.c check.c \
	repair.c wipe.c)
libgodb_SRCS += $(addprefix common/godb/, protonames.c grammar.c \
	cond.c cond_tree.c cond_values.c cond_sets.c cond_words.c \
	filter.c filter_bind.c filter_zones.c keys.c metric.c pool.c table.c \
	spill.c top.c ranges.c grouplayout.c neighbours.c feed.c feed_small.c \
	aside.c cell.c group.c having.c rank.c question.c plan.c result.c query.c \
	query_pieces.c sweep.c prefixes.c seen.c coverage.c)

# Tests of the query engine ask a scan in memory instead of a store.
ARCHIVES += libfakescan
libfakescan_SRCS := tests/lib/fakescan.c
UNIT_TESTS += $(addprefix unit/test_, cond filter group rank query query_run \
	seen coverage)
$(foreach t,cond filter group rank query query_run seen coverage, \
	$(eval TEST_LIBS_test_$(t) := libfakescan libgodb libgpbase))
UNIT_TESTS += $(addprefix unit/test_, godb_table spill neighbours unpack encode sparse \
	block rings aggregate estimate index addrindex journal names store cursor \
	store_names store_damage store_cut needles rollup rollup_making rollup_days rollup_large \
	sweep faults faults_days faults_repair forget meanwhile nomem retain check compat pool threads waits)
# the calls that write, made to fail
ARCHIVES += libfault
libfault_SRCS := tests/lib/fault.c
TEST_LIBS_test_faults := libfault libgodb libgpbase
TEST_LIBS_test_faults_days := libfault libgodb libgpbase
TEST_LIBS_test_faults_repair := libfault libgodb libgpbase
TEST_LDLIBS_test_nomem := $(patsubst %,-Wl$(comma)--wrap=%, \
	malloc calloc realloc reallocarray strdup)
TEST_LDLIBS_test_meanwhile := -Wl,--wrap=gp_fd_opendir_at
# these are run with ThreadSanitizer, too
TSAN_TESTS += unit/test_pool unit/test_threads unit/test_sweep unit/test_needles

# Where queries spend their time: loops worth unrolling.
$(foreach f,unpack decode filter table spill grouplayout neighbours feed feed_small \
	aside group,$(eval CFLAGS_common_godb_$(f) := -O3))

# --- the library for other programs
# Position-independent objects of their own; the archive is one object of
# which only the public names can be seen, so that none of ours meet the
# program's.
GODB_BASE_SRCS := $(addprefix common/base/, addr.c applications.c checksum.c \
	checksum_avx2.c clock.c fd.c hash.c words.c)
GODB_PIC := $(patsubst %.c,$(O)/pic/%.o,$(libgodb_SRCS) $(GODB_BASE_SRCS))
GODB_SONAME := libgodb.so.0
GODB_SHARED := libgodb.so.$(VERSION)
GODB_HEADERS := godb.h godb_write.h
MANPAGES += common/godb/godb.3

$(O)/pic/%.o: %.c
	$(call say,CC,$< (pic))
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS_ALL) $(CFLAGS_$(subst /,_,$*)) \
		-fPIC -MMD -MP -c -o $@ $<
$(O)/lib/$(GODB_SHARED): $(GODB_PIC) common/godb/godb.map
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS) -shared \
		-Wl,-soname,$(GODB_SONAME) \
		-Wl,--version-script=common/godb/godb.map \
		-Wl,-z,relro,-z,now,-z,noexecstack,-z,defs -Wl,--as-needed \
		-o $@ $(GODB_PIC) $(call pkg-libs,liblz4 libxxhash)
$(O)/lib/libgodb.a: $(GODB_PIC)
	$(call say,AR,$@)
	$(Q)mkdir -p $(@D) && rm -f $@ && \
		$(CC) -r -nostdlib -o $(@D)/godb.o $(GODB_PIC) && \
		objcopy --wildcard --keep-global-symbol='godb_*' $(@D)/godb.o && \
		ar rcsD $@ $(@D)/godb.o

.PHONY: libgodb install-libgodb uninstall-libgodb
libgodb: $(O)/lib/$(GODB_SHARED) $(O)/lib/libgodb.a
ifeq ($(SANITIZE),)
install: install-libgodb
endif
install-libgodb: libgodb
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(INCDIR)
	install -m 644 $(O)/lib/$(GODB_SHARED) $(O)/lib/libgodb.a \
		$(DESTDIR)$(LIBDIR)/
	ln -sf $(GODB_SHARED) $(DESTDIR)$(LIBDIR)/$(GODB_SONAME)
	ln -sf $(GODB_SONAME) $(DESTDIR)$(LIBDIR)/libgodb.so
	install -m 644 common/godb/godb.h $(DESTDIR)$(INCDIR)/
	sed 's|"common/godb/godb.h"|<godb.h>|' common/godb/godb_write.h \
		>$(DESTDIR)$(INCDIR)/godb_write.h
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' \
		-e 's|@INCDIR@|$(INCDIR)|' -e 's|@VERSION@|$(VERSION)|' \
		common/godb/godb.pc.in >$(DESTDIR)$(LIBDIR)/pkgconfig/godb.pc
	chmod 644 $(DESTDIR)$(INCDIR)/godb_write.h \
		$(DESTDIR)$(LIBDIR)/pkgconfig/godb.pc
uninstall: uninstall-libgodb
uninstall-libgodb:
	rm -f $(addprefix $(DESTDIR)$(LIBDIR)/,$(GODB_SHARED) $(GODB_SONAME) \
		libgodb.so libgodb.a pkgconfig/godb.pc) \
		$(addprefix $(DESTDIR)$(INCDIR)/,$(GODB_HEADERS))
