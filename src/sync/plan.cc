#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "sync/planning.h"
#include "sync/sync.h"

namespace weir::sync {
namespace {

std::vector<source::Chunk> one_chunk(source::Table const& table) {
  source::Chunk whole;
  whole.number = 1;
  whole.estimated_rows = table.estimated_rows;
  return {whole};
}

// An append must not read a row twice: its first run ends at the bound that becomes the cursor, and takes the rows
// without a cursor value beside it.
bool is_bounded_full(StreamPlan const& plan) {
  return plan.read == ReadKind::Full && plan.mode == config::Mode::IncrementalAppend;
}

void add_null_chunk(StreamPlan& plan) {
  auto const* column = plan.table.column(plan.cursor);
  if (column == nullptr || !column->nullable) return;
  source::Chunk chunk;
  chunk.number = static_cast<int>(plan.chunks.size()) + 1;
  chunk.column = plan.cursor;
  chunk.null_key = true;
  plan.chunks.push_back(chunk);
}

Status choose_chunks(StreamPlan& plan, config::Connection const& connection, source::Source& source,
                     PlanOptions const& options) {
  bool const large = plan.table.estimated_rows > static_cast<std::int64_t>(connection.chunk_rows);
  plan.chunks = one_chunk(plan.table);
  if (plan.read == ReadKind::Full && large) {
    WEIR_TRY(plan.chunks, source.plan_chunks(plan.table, connection.chunk_rows));
    if (plan.chunks.empty()) plan.chunks = one_chunk(plan.table);
  }
  plan.resumable = plan.chunks.size() > options.resumable_above_chunks;
  if (is_bounded_full(plan)) add_null_chunk(plan);
  return {};
}

// Airbyte's generation goes on counting in a table that Airbyte made.
Status continue_generation(StreamPlan& plan, StreamFacts const& facts, pg::Session& session) {
  bool const fresh = facts.generation == 0 && !plan.publish.creates_table;
  if (!fresh || plan.options.metadata != config::Metadata::Airbyte) return {};
  WEIR_TRY(auto there, session.query("SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass($1) AND attname = "
                                     "'_airbyte_generation_id' AND NOT attisdropped",
                                     {plan.target.quoted()}));
  if (there.size() == 0) return {};
  WEIR_TRY(auto rows,
           session.query("SELECT coalesce(max(_airbyte_generation_id), 0)::bigint FROM " + plan.target.quoted()));
  plan.generation = rows.integer(0, 0) + 1;
  return {};
}

Status choose_publishing(StreamPlan& plan, StreamFacts const& facts, pg::Session& session) {
  WEIR_TRY(auto capture, swap::capture(session, plan.target));
  plan.publish.capture = capture;  // also where it is refused
  WEIR_TRY(plan.publish, swap::plan(capture, request_of(plan)));
  if (plan.read == ReadKind::Window && plan.publish.creates_table) {
    read_everything(plan, facts, "the table is not in the warehouse any more");
    WEIR_TRY(plan.publish, swap::plan(capture, request_of(plan)));
  }
  return continue_generation(plan, facts, session);
}

StreamFacts const& facts_for(std::map<std::string, StreamFacts> const& facts, std::string const& scope) {
  static StreamFacts const nothing;
  auto const found = facts.find(scope);
  return found == facts.end() ? nothing : found->second;
}

Error collision(StreamPlan const& plan, std::vector<std::string> const& others) {
  return Error(ErrorKind::Config, fmt::format("streams \"{}\" and \"{}\" would be loaded into one table, {}",
                                              plan.stream, join(others, "\", \""), plan.target.text()))
      .object(plan.stream)
      .next("give one of them another `target_name`, or use {schema} in `into`");
}

// The pure part for every selected table; what cannot be planned becomes a refusal.
std::vector<StreamPlan> plan_streams(config::Connection const& connection, Selected const& selected,
                                     std::map<std::string, StreamFacts> const& facts, bool full_refresh,
                                     SyncPlan& whole) {
  std::vector<StreamPlan> plans;
  for (SelectedTable const& one : selected.tables) {
    auto plan = plan_stream(connection, one, facts_for(facts, connection.name + "/" + one.table->text()), full_refresh);
    if (plan.ok())
      plans.push_back(std::move(plan).value());
    else
      whole.refusals.push_back({one.table->text(), std::move(plan).error()});
  }
  auto const others = colliding(plans);
  std::vector<StreamPlan> kept;
  for (std::size_t i = 0; i < plans.size(); ++i) {
    if (others[i].empty())
      kept.push_back(std::move(plans[i]));
    else
      whole.refusals.push_back({plans[i].stream, collision(plans[i], others[i])});
  }
  return kept;
}

// Names that exist nowhere get their hint from the source's whole list, which is asked for only then.
Result<Selected> select(config::Connection const& connection, source::Source& source,
                        source::DiscoveredCatalog& catalog, Selection const& selection) {
  auto selected = select_tables(connection, catalog, selection);
  bool const complete = selected.ok() ? selected->refusals.empty() : false;
  if (complete) return selected;
  auto all = source.discover({});
  if (!all.ok()) return selected;
  catalog = std::move(all).value();
  return select_tables(connection, catalog, selection);
}

struct Ends {
  std::unique_ptr<source::Source> source;
  std::unique_ptr<pg::Session> session;
};

Result<SyncPlan> plan_with(config::Connection const& connection, Ends& ends, PlanOptions const& options) {
  SyncPlan whole;
  whole.connection = connection.name;
  whole.source = ends.source->text();
  whole.options = options;
  WEIR_TRY(auto catalog, ends.source->discover(discover_request(connection)));
  WEIR_TRY(auto selected, select(connection, *ends.source, catalog, options.selection));
  whole.warnings = catalog.warnings;
  whole.warnings.insert(whole.warnings.end(), selected.warnings.begin(), selected.warnings.end());
  whole.refusals = std::move(selected.refusals);
  WEIR_TRY(whole.is_prepared, has_state(*ends.session));
  std::map<std::string, StreamFacts> facts;
  if (whole.is_prepared) {
    WEIR_TRY(facts, read_facts(*ends.session, connection.name));
  }
  for (StreamPlan& plan : plan_streams(connection, selected, facts, options.full_refresh, whole)) {
    Status done = complete_plan(plan, facts_for(facts, plan.scope), connection, *ends.source, *ends.session, options);
    if (done.ok())
      whole.streams.push_back(std::move(plan));
    else if (concerns_all(done.error().kind()))
      return std::move(done).error().context("planning stream \"" + plan.stream + "\"");
    else
      whole.refusals.push_back({plan.stream, std::move(done).error(), plan.target, dependents_of(plan)});
  }
  return whole;
}

}  // namespace

std::optional<std::vector<swap::Dependent>> dependents_of(StreamPlan const& plan) {
  if (!plan.publish.capture) return std::nullopt;
  return warehouse::built_by_others(swap::dependents(*plan.publish.capture));
}

bool concerns_all(ErrorKind kind) {
  return kind == ErrorKind::Unavailable || kind == ErrorKind::Cancelled || kind == ErrorKind::Internal;
}

Status complete_plan(StreamPlan& plan, StreamFacts const& facts, config::Connection const& connection,
                     source::Source& source, pg::Session& session, PlanOptions const& options) {
  WEIR_DO(choose_publishing(plan, facts, session));
  return choose_chunks(plan, connection, source, options);
}

Result<StreamPlan> plan_again(std::string const& stream, StreamFacts const& facts, config::Connection const& connection,
                              source::Source& source, pg::Session& session, PlanOptions const& options) {
  source::DiscoverRequest request;
  request.tables = {stream};
  WEIR_TRY(auto catalog, source.discover(request));
  WEIR_TRY(auto selected, select_tables(connection, catalog, {}));
  auto const at = std::ranges::find_if(selected.tables, [&](auto const& one) { return one.table->text() == stream; });
  if (at == selected.tables.end())
    return Error(ErrorKind::Config, fmt::format("table \"{}\" is no longer at the source", stream))
        .object(stream)
        .state("the table in the warehouse is as it was")
        .next("take it out of the configuration, or give the source's user the right to see it");
  WEIR_TRY(auto plan, plan_stream(connection, *at, facts, options.full_refresh));
  WEIR_DO(complete_plan(plan, facts, connection, source, session, options));
  return plan;
}

Result<SyncPlan> plan(config::Connection const& connection, Endpoints& endpoints, PlanOptions const& options) {
  WEIR_TRY(auto source, endpoints.take_source());
  WEIR_TRY(auto session, endpoints.take_warehouse());
  Ends ends{std::move(source), std::move(session)};
  auto whole = plan_with(connection, ends, options);
  if (whole.ok()) endpoints.give_back(std::move(ends.source));
  endpoints.give_back(std::move(ends.session));
  return whole;
}

}  // namespace weir::sync
