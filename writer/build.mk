# libgpwriter is everything but main, so that tests link the real code.
ARCHIVES += libgpwriter
libgpwriter_SRCS := $(addprefix writer/, options.c loop.c peers.c succession.c \
	drain.c ingest.c trouble.c stats.c metrics.c profile.c prune.c \
	maintain.c)

PROGRAMS += goprobe-writer
goprobe-writer_SRCS := writer/main.c
goprobe-writer_LIBS := libgpwriter libgpipc libgodb libgpbase
goprobe-writer_PKGS := liblz4 libxxhash libseccomp libcap-ng inih
MANPAGES += writer/goprobe-writer.8

UNIT_TESTS += unit/test_stats unit/test_turns unit/test_orphans unit/test_frames
UNIT_TESTS += unit/test_peers unit/test_prune unit/test_maintain
UNIT_TESTS += unit/test_writer_loop
TEST_LIBS_test_stats := libgpwriter libgpipc libgodb libgpbase
TEST_LIBS_test_turns := libgpwriter libgpipc libgodb libgpbase
TEST_LIBS_test_orphans := $(TEST_LIBS_test_turns)
TEST_LIBS_test_frames := $(TEST_LIBS_test_turns)
TEST_LIBS_test_prune := $(TEST_LIBS_test_turns)
TEST_LIBS_test_maintain := $(TEST_LIBS_test_turns)
TEST_LIBS_test_peers := libfakecapture $(TEST_LIBS_test_turns)
TEST_LIBS_test_writer_loop := $(TEST_LIBS_test_peers)
