libgodb_SRCS := $(addprefix common/godb/, error.c schema.c layout.c sort.c \
	encode.c unpack.c decode.c block.c rings.c index.c journal.c names.c \
	aggregate.c pack.c day.c writer.c reader.c cursor.c summary.c list.c \
	retain.c check.c repair.c wipe.c)
libgodb_SRCS += $(addprefix common/godb/, protonames.c grammar.c cond.c \
	filter.c keys.c metric.c pool.c table.c group.c having.c \
	rank.c query.c seen.c coverage.c)

# Tests of the query engine ask a scan in memory instead of a store.
ARCHIVES += libfakescan
libfakescan_SRCS := tests/lib/fakescan.c
UNIT_TESTS += $(addprefix unit/test_, cond filter group rank query seen \
	coverage)
$(foreach t,cond filter group rank query seen coverage, \
	$(eval TEST_LIBS_test_$(t) := libfakescan libgodb libgpbase))
UNIT_TESTS += $(addprefix unit/test_, godb_table unpack encode block rings aggregate \
	index journal names store faults)

# Where queries spend their time: loops worth unrolling.
$(foreach f,unpack decode filter table group, \
	$(eval CFLAGS_common_godb_$(f) := -O3))
