# libgpcapture is everything but the two main functions, so that tests and
# fuzzers link the real code.
ARCHIVES += libgpcapture
libgpcapture_SRCS := $(addprefix capture/, source.c decode.c decode_ip.c \
	fragment.c flowtab.c orient.c snapshot.c loop.c \
	loop_file.c loop_live.c ifwait.c)

PROGRAMS += goprobe-capture goprobe
goprobe-capture_SRCS := capture/main.c capture/profile.c
goprobe-capture_LIBS := libgpcapture libgpipc libgpbase
goprobe-capture_PKGS := libpcap libxxhash libseccomp libcap-ng inih
goprobe_SRCS := capture/launcher.c capture/supervise.c \
	capture/status_folder.c
goprobe_LIBS := libgpbase
goprobe_PKGS := libseccomp libcap-ng inih
MANPAGES += capture/goprobe.8 capture/goprobe-capture.8

CAPTURE_TEST_LIBS := libgpcapture libgpipc libgpbase
TEST_HELPERS += lib/flowdump
TEST_LIBS_flowdump := $(CAPTURE_TEST_LIBS)
TEST_PKGS_flowdump := libpcap

CAPTURE_UNIT := decode fragment orient flowtab snapshot loop
UNIT_TESTS += $(CAPTURE_UNIT:%=unit/test_%)
$(foreach t,$(CAPTURE_UNIT),$(eval TEST_LIBS_test_$(t) := $(CAPTURE_TEST_LIBS)))
$(foreach t,$(CAPTURE_UNIT),$(eval TEST_PKGS_test_$(t) := libpcap))
