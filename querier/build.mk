ARCHIVES += libgpquery
libgpquery_SRCS := $(addprefix querier/, args.c table.c csv.c json.c)

PROGRAMS += goquery
goquery_SRCS := querier/main.c querier/profile.c
goquery_LIBS := libgpquery libgodb libgpbase
goquery_PKGS := liblz4 libxxhash libseccomp libcap-ng inih
