/* Memory for what is large. */
#ifndef NX_COMMON_MEMORY_H
#define NX_COMMON_MEMORY_H

#include <stddef.h>

/* What was allocated will be filled, all of it: it is to be had in large pages,
 * where the kernel has them for those who ask (100,000 rows in small ones cost
 * as much as what is written into them). Of what is small nothing changes. */
void nx_memory_large(void *bytes, size_t len);

#endif
