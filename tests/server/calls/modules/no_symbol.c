/** No symbol: a shared object, but no module. */
#include <tothread/status.h>

TT_EXPORT int no_module(void);
int no_module(void) {
    return 1;
}
