/* column: a column file that says anything.  Input: which column, then as
 * store.h tells. */
#include "tests/fuzz/store.h"

FUZZ_TARGET(column)
{
	unsigned column = fuzz_byte(&data, &len) % GODB_N_COLUMNS;
	char suffix[32];

	(void)snprintf(suffix, sizeof(suffix), "/%s.gpf",
	    godb_column_name((enum godb_column)column));
	fuzz_store_begin();
	fuzz_store_replace(suffix, data, len);
	fuzz_store_read();
	return 0;
}
