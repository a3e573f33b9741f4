/* Fault: the switches themselves. Only tests have them: built with TT_TESTING, and empty without. */
#include "fault.h"

#ifdef TT_TESTING
struct tti_faults tti_faults;
#endif
