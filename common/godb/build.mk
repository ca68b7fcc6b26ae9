libgodb_SRCS := $(addprefix common/godb/, error.c schema.c layout.c sort.c \
	encode.c decode.c block.c rings.c index.c journal.c names.c \
	aggregate.c day.c writer.c reader.c cursor.c)
