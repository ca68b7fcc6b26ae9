# goprobe-export: the only program with libcurl, beside goquery-remote.
ARCHIVES += libgpexport
libgpexport_SRCS := $(addprefix querier/export/, http.c ledger.c rowbinary.c \
	tables.c schema.c ship.c pass.c report.c profile.c)

PROGRAMS += goprobe-export
goprobe-export_SRCS := querier/export/main.c
goprobe-export_LIBS := libgpexport libgodb libgpbase
goprobe-export_PKGS := libcurl zlib liblz4 libxxhash libseccomp libcap-ng inih
