#pragma once
// The pure part of planning: one table of the source, its options and what the warehouse remembers -> a StreamPlan,
// without chunks and without the publishing plan (both need to look at one of the two sides).

#include <string>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "source/source.h"
#include "sync/select.h"
#include "sync/state.h"
#include "sync/sync.h"

namespace weir::sync {

bool is_incremental(config::Mode mode);
bool is_deduped(config::Mode mode);

// Error: Config or Refused, naming every reason at once where there are several of a kind.
Result<StreamPlan> plan_stream(config::Connection const& connection, SelectedTable const& selected,
                               StreamFacts const& facts, bool full_refresh);
// Makes a windowed plan read everything after all: `why` for people.
void read_everything(StreamPlan& plan, StreamFacts const& facts, std::string why);

// Streams that would be loaded into one relation. By index into `plans`: the names of the others.
std::vector<std::vector<std::string>> colliding(std::vector<StreamPlan> const& plans);

// Names, types and nullability of all columns, in order.
std::string schema_fingerprint(source::Table const& table);
// What publishing is asked for. Depends on `read`.
swap::Request request_of(StreamPlan const& plan);

// The values of the metadata columns for one load.
struct LoadStamp {
  Instant loaded_at{};
  std::int64_t job = 0, generation = 0;
};
std::vector<source::ExtraColumn> metadata_columns(config::Metadata metadata, LoadStamp const& stamp);

}  // namespace weir::sync
