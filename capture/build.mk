# libgpcapture is everything but the two main functions, so that tests and
# fuzzers link the real code.
ARCHIVES += libgpcapture
libgpcapture_SRCS := $(addprefix capture/, source.c source_live.c \
	source_files.c filter.c filebuf.c pcapfile.c pcapng.c fanout.c decode.c \
	decode_link.c decode_ip.c fragment.c flowtab.c orient.c snapshot.c loop.c \
	loop_file.c loop_live.c ifwait.c pause.c labels.c arena.c stage.c \
	flowtab_label.c deaths.c profile.c)
libgpcapture_SRCS += $(if $(NDPI),capture/dpi.c,capture/dpi_none.c)
CAPTURE_PKGS := libpcap $(if $(NDPI),libndpi)
# its headers are not written for our warnings
CFLAGS_capture_dpi = $(subst -I,-isystem ,$(call pkg-cflags,libndpi))

PROGRAMS += goprobe-capture goprobe
goprobe-capture_SRCS := $(addprefix capture/, main.c options.c meeting.c)
# what main.c runs and says in the end, apart for the tests
ARCHIVES += libgpworkers
libgpworkers_SRCS := capture/workers.c capture/report.c
goprobe-capture_LIBS := libgpworkers libgpcapture libgpipc libgpbase
goprobe-capture_PKGS := $(CAPTURE_PKGS) libxxhash libseccomp libcap-ng inih
goprobe_SRCS := $(addprefix capture/, launcher.c launcher_options.c \
	launcher_store.c launcher_walk.c launcher_live.c launcher_replay.c \
	status_folder.c)
goprobe_LIBS := libgpsupervise libgpbase
ARCHIVES += libgpsupervise
libgpsupervise_SRCS := capture/supervise.c
goprobe_PKGS := libseccomp libcap-ng inih
MANPAGES += capture/goprobe.8 capture/goprobe-capture.8

CAPTURE_TEST_LIBS := libgpcapture libgpipc libgpbase
TEST_HELPERS += lib/flowdump
TEST_LIBS_flowdump := $(CAPTURE_TEST_LIBS)
TEST_PKGS_flowdump := $(CAPTURE_PKGS)

CAPTURE_UNIT := arena deaths $(if $(NDPI),dpi dpi_sandbox flowtab_label) \
	stage fanout pcapfile pcapng pcapng_lost source_pcapng decode decode_ip \
	decode_link fragment orient flowtab snapshot pause loop
UNIT_TESTS += $(CAPTURE_UNIT:%=unit/test_%)
$(foreach t,$(CAPTURE_UNIT),$(eval TEST_LIBS_test_$(t) := $(CAPTURE_TEST_LIBS)))
$(foreach t,$(CAPTURE_UNIT),$(eval TEST_PKGS_test_$(t) := $(CAPTURE_PKGS)))
UNIT_TESTS += unit/test_workers unit/test_report
TEST_LIBS_test_workers := libgpworkers $(CAPTURE_TEST_LIBS)
TEST_PKGS_test_workers = $(CAPTURE_PKGS)
TEST_LDLIBS_test_workers := -Wl,--wrap=loop_run -Wl,--wrap=mallopt
TEST_LIBS_test_report := libgpworkers $(CAPTURE_TEST_LIBS)
TEST_PKGS_test_report = $(CAPTURE_PKGS)
TEST_LDLIBS_test_report := -Wl,--wrap=source_error
UNIT_TESTS += unit/test_supervise
TEST_LIBS_test_supervise := libgpsupervise libgpbase
TEST_LDLIBS_test_supervise := -Wl,--wrap=waitpid
TEST_HELPERS += lib/l7dump
TEST_LIBS_l7dump := $(CAPTURE_TEST_LIBS)
TEST_PKGS_l7dump := $(CAPTURE_PKGS)
LONG_TESTS += $(if $(NDPI),$(O)/tests/unit/test_dpi_sandbox)
