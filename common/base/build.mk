libgpbase_SRCS := $(addprefix common/base/, addr.c applications.c checksum.c \
	checksum_avx2.c clock.c conf.c conf_keys.c conf_parse.c fd.c hash.c \
	log.c notify.c sandbox.c status.c usage.c words.c)
UNIT_TESTS += $(addprefix unit/test_, addr applications checksum clock conf \
	hash notify status)

ifeq ($(shell uname -m),x86_64)
CFLAGS_common_base_checksum_avx2 := -mavx2
endif
