/* index: an index of blocks that says anything (store.h tells the input's form), to the
 * readers and to the writer that goes on with it. */
#include "tests/fuzz/store.h"

FUZZ_TARGET(index)
{
	fuzz_store_begin();
	fuzz_store_replace("/blocks.idx", data, len);
	fuzz_store_read();
	fuzz_store_write();
	fuzz_store_read();
	return 0;
}
