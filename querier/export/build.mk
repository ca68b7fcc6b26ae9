# goprobe-export: the only program with libcurl, beside goquery-remote.
ARCHIVES += libgpexport
libgpexport_SRCS := $(addprefix querier/export/, http.c ledger.c rowbinary.c \
	tables.c schema.c ask.c server.c ship.c clean.c hours.c pass.c forecast.c figures.c \
	report.c show.c secret.c profile.c http_profile.c)

PROGRAMS += goprobe-export
goprobe-export_SRCS := $(addprefix querier/export/, main.c options.c loop.c)
goprobe-export_LIBS := libgpexport libgodb libgpbase
goprobe-export_PKGS := libcurl zlib liblz4 libxxhash libseccomp libcap-ng inih
MANPAGES += querier/export/goprobe-export.8
DOCS += querier/export/SIZING.md

# The schemas stand in etc/clickhouse for those who want to read them first;
# `make schemas` writes them anew, a test compares.
SCHEMAS := single sharded replicated modern
.PHONY: schemas
schemas: all
	@for k in $(SCHEMAS); do $(BIN)/goprobe-export -c /dev/null \
		--schema $$k >etc/clickhouse/$$k.sql || exit 1; done

UNIT_TESTS += unit/test_ledger unit/test_rowbinary unit/test_figures
TEST_LIBS_test_figures := libgpexport
TEST_LIBS_test_ledger := libgpexport libgodb libgpbase
TEST_LIBS_test_rowbinary := libgpexport libgodb libgpbase
TEST_PKGS_test_ledger := libcurl zlib
TEST_PKGS_test_rowbinary := libcurl zlib
