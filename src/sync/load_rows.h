#pragma once
// The part of an attempt that brings rows into the private table and proves them: bounds, chunks, counts, duplicates,
// the schema that must not have changed meanwhile, and the keys that a delete detection compares.

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/result.h"
#include "pg/session.h"
#include "source/source.h"
#include "swap/swap.h"
#include "sync/copy.h"
#include "sync/plan_stream.h"
#include "sync/state.h"
#include "sync/sync.h"

namespace weir::sync {

// The upper bound of an incremental read; nothing where the mode has no cursor or the source no value. Fixed before the
// rows' snapshot begins: whatever is at or below it is then visible to the read.
Result<std::optional<std::string>> fix_bound(StreamPlan const& plan, source::Source& source);
// False if the window is empty, so that nothing need be read.
bool has_window(StreamPlan const& plan, std::optional<std::string> const& high);

struct Loaded {
  std::uint64_t rows_read = 0, bytes = 0, rows_taken_up = 0;
  std::map<std::string, source::ColumnLoss> losses;
  bool moved = false;  // chunks were committed
};
// Reads the record's chunks that are not `done` into `load`. `loaded` is filled as far as it came, also on error.
Status load_chunks(StreamPlan const& plan, LoadRecord const& record, std::map<int, DoneChunk> const& done,
                   std::vector<source::ExtraColumn> const& extra, source::Source& source, pg::Session& session,
                   swap::Load const& load, CopyOptions const& options, Loaded& loaded);

// Data, if the columns that the source has now are not those that were planned with.
Status check_schema(StreamPlan const& plan, source::Source& source);

// Null and future-dated cursors of a full read, into the report.
Status count_cursors(StreamPlan const& plan, LoadRecord const& record, pg::Session& session, swap::Load const& load,
                     StreamReport& report);
// Data, if a key that rows are told apart by is NULL somewhere.
Status check_keys(StreamPlan const& plan, pg::Session& session, swap::Load const& load);
// Removes all but the newest row of each key; how many rows went.
Result<std::uint64_t> remove_duplicates(StreamPlan const& plan, pg::Session& session, swap::Load const& load);

// All keys that the source has now, into the load's keys table: how many.
Result<std::uint64_t> load_keys(StreamPlan const& plan, source::Source& source, pg::Session& session,
                                swap::Load const& load, CopyOptions const& options);

}  // namespace weir::sync
