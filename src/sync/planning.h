#pragma once
// Planning one stream with both sides at hand: for the whole plan, and again for a stream whose plan has aged (another
// attempt, a changed schema, a cursor that moved).

#include "base/result.h"
#include "config/config.h"
#include "pg/session.h"
#include "source/source.h"
#include "sync/plan_stream.h"
#include "sync/state.h"
#include "sync/sync.h"

namespace weir::sync {

// What the pure part could not know: chunks from the source, and how the warehouse's table is published.
// What others have built on the target; nothing where it was not read.
std::optional<std::vector<swap::Dependent>> dependents_of(StreamPlan const& plan);
Status complete_plan(StreamPlan& plan, StreamFacts const& facts, config::Connection const& connection,
                     source::Source& source, pg::Session& session, PlanOptions const& options);

// Discovers the one table again and plans it anew. Config, if the source no longer has it.
Result<StreamPlan> plan_again(std::string const& stream, StreamFacts const& facts, config::Connection const& connection,
                              source::Source& source, pg::Session& session, PlanOptions const& options);

// Errors that end a session, and so concern every stream.
bool concerns_all(ErrorKind kind);

}  // namespace weir::sync
