# libgpcapture is everything but the two main functions, so that tests and
# fuzzers link the real code.
ARCHIVES += libgpcapture
libgpcapture_SRCS := $(addprefix capture/, source.c decode.c fragment.c \
	flowtab.c orient.c snapshot.c loop.c)

PROGRAMS += goprobe-capture goprobe
goprobe-capture_SRCS := capture/main.c capture/profile.c
goprobe-capture_LIBS := libgpcapture libgpipc libgpbase
goprobe-capture_PKGS := libpcap libxxhash libseccomp libcap-ng inih
goprobe_SRCS := capture/launcher.c capture/supervise.c
goprobe_LIBS := libgpbase
goprobe_PKGS := libseccomp libcap-ng inih
MANPAGES += capture/goprobe.8 capture/goprobe-capture.8
