libgpipc_SRCS := $(addprefix common/ipc/, frame.c hello.c ring.c)
