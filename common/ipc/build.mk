libgpipc_SRCS := $(addprefix common/ipc/, frame.c hello.c ring.c)
UNIT_TESTS += $(addprefix unit/test_, ring hello)
