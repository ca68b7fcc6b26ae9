libgodb_SRCS := $(addprefix common/godb/, error.c schema.c layout.c encode.c \
	block.c index.c journal.c names.c aggregate.c writer.c reader.c)
libgodb_SRCS += $(addprefix common/godb/, protonames.c grammar.c cond.c \
	filter.c keys.c group.c rank.c query.c coverage.c)
