ARCHIVES += libgpquery
libgpquery_SRCS := $(addprefix querier/, session.c question.c out.c when.c \
	zone.c args.c args_values.c ifsel.c answer.c table.c csv.c json.c list.c html.c chart.c missing.c units.c \
	status.c status_print.c profile.c names.c sets.c help.c ptr.c explain.c \
	seen.c indicators.c newcomers.c look.c)

# its helper, which alone may use the network and knows MMDB files
PROGRAMS += goquery-resolve
goquery-resolve_SRCS := querier/resolve.c querier/geo.c
goquery-resolve_LIBS := libgpquery libgpbase
goquery-resolve_PKGS := libmaxminddb libseccomp libcap-ng

PROGRAMS += goquery
goquery_SRCS := querier/main.c querier/store.c querier/remote.c
goquery_LIBS := libgpquery libgodb libgpbase
goquery_PKGS := liblz4 libxxhash libseccomp libcap-ng inih

# the same questions, answered by ClickHouse: godb.h's reading half is another
PROGRAMS += goquery-remote
ARCHIVES += libgpremote
libgpremote_SRCS := $(addprefix querier/remote/, sql.c text.c compact.c \
	profile.c)
goquery-remote_SRCS := $(addprefix querier/remote/, main.c server.c settings.c \
	blocks.c rows.c statement.c labels.c shipped.c result.c sight.c list.c \
	explain.c)
goquery-remote_LIBS := libgpremote libgpquery libgpexport libgodb libgpbase
MANPAGES += querier/remote/goquery-remote.1
goquery-remote_PKGS := libcurl zlib liblz4 libxxhash libseccomp libcap-ng inih

UNIT_TESTS += unit/test_compact unit/test_sql
TEST_LIBS_test_compact := libgpremote libgpbase
TEST_LIBS_test_sql := libgpremote libgpquery libgodb libgpbase
UNIT_TESTS += $(addprefix unit/test_, args when out ifsel table ptr)
TEST_LIBS_test_args := libgpquery libgodb libgpbase
TEST_LIBS_test_when := libgpquery libgpbase
TEST_LIBS_test_out := libgpquery libgpbase
TEST_LIBS_test_ifsel := libgpquery libgpbase
TEST_LIBS_test_ptr := libgpquery libgpbase
TEST_LIBS_test_table := libgpquery libfakescan libgodb libgpbase
TEST_LDLIBS_test_table := -Wl,--wrap=godb_query_run
MANPAGES += querier/goquery.1

# the words of conditions in goquery.1, from the grammar's table
.PHONY: man-words
man-words: all
	$(Q)$(BIN)/goquery --words mdoc >$(O)/words.mdoc
	$(Q)sed -i -e '/^\.\\" words begin/,/^\.\\" words end/{//!d}' \
		-e '/^\.\\" words begin/r $(O)/words.mdoc' querier/goquery.1

# tests write their rows down and make a store of them
TEST_HELPERS += lib/rows2store
TEST_LIBS_rows2store := libgodb libgpbase
