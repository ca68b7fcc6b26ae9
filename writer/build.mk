PROGRAMS += goprobe-writer
goprobe-writer_SRCS := $(addprefix writer/, main.c peers.c drain.c ingest.c \
	profile.c)
goprobe-writer_LIBS := libgpipc libgodb libgpbase
goprobe-writer_PKGS := liblz4 libxxhash libseccomp libcap-ng inih
MANPAGES += writer/goprobe-writer.8
