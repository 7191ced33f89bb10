#pragma once
// The last step of an attempt and of a release: a finished load becomes the table, with cursor and ledger in the same
// transaction.

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "swap/swap.h"
#include "sync/state.h"
#include "sync/stream_run.h"
#include "sync/sync.h"

namespace weir::sync {

// The outcome goes into `report`. After an error that another attempt may mend (Busy, Unavailable, Cancelled) the load
// stays and waits; after others it is dropped. `rows_now`: of the table before, or -1.
Status publish_load(RunContext& context, Worker& worker, swap::Plan const& plan, std::optional<swap::Load>& load,
                    LoadRecord const& record, std::int64_t rows_now, StreamReport& report);

}  // namespace weir::sync
