libgpbase_SRCS := $(addprefix common/base/, addr.c applications.c clock.c conf.c \
	fd.c hash.c log.c notify.c sandbox.c status.c words.c)
UNIT_TESTS += $(addprefix unit/test_, addr applications clock conf hash status)
