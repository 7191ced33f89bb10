#pragma once
// Lets system_clock() be ahead of the machine's clock; monotonic() and waiting are not changed. The steps of a job go
// by the clock of the program that runs it (ADR 0025); beyond that only `weir demo` moves its own. Any thread.

#include "base/clock.h"

namespace weir {

void set_clock_lead(Duration ahead);
Duration clock_lead();

}  // namespace weir
