ARCHIVES += libgpquery
libgpquery_SRCS := $(addprefix querier/, out.c when.c args.c ifsel.c answer.c \
	table.c csv.c json.c list.c units.c status.c status_print.c profile.c)

PROGRAMS += goquery
goquery_SRCS := querier/main.c
goquery_LIBS := libgpquery libgodb libgpbase
goquery_PKGS := liblz4 libxxhash libseccomp libcap-ng inih

UNIT_TESTS += $(addprefix unit/test_, args when out ifsel table \
	profile)
TEST_LIBS_test_args := libgpquery libgodb libgpbase
TEST_LIBS_test_when := libgpquery libgpbase
TEST_LIBS_test_out := libgpquery libgpbase
TEST_LIBS_test_ifsel := libgpquery libgpbase
TEST_LIBS_test_profile := libgpquery libgpbase
TEST_LIBS_test_table := libgpquery libfakescan libgodb libgpbase
MANPAGES += querier/goquery.1
