#include "sync/state.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "swap/fence.h"

namespace weir::sync {
namespace {

using SortedJson = nlohmann::json;

// ---- values in weir.load.detail -------------------------------------------------------------------------------------

SortedJson to_json(std::optional<std::string> const& text) {
  return text ? SortedJson(*text) : SortedJson();
}

std::optional<std::string> text_of(SortedJson const& object, char const* name) {
  auto const found = object.find(name);
  if (found == object.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

SortedJson to_json(source::Chunk const& chunk) {
  return {{"number", chunk.number},      {"column", chunk.column},     {"low", to_json(chunk.low)},
          {"high", to_json(chunk.high)}, {"null_key", chunk.null_key}, {"rows", chunk.estimated_rows}};
}

source::Chunk chunk_of(SortedJson const& json) {
  source::Chunk chunk;
  chunk.number = json.value("number", 0);
  chunk.column = json.value("column", "");
  chunk.low = text_of(json, "low");
  chunk.high = text_of(json, "high");
  chunk.null_key = json.value("null_key", false);
  chunk.estimated_rows = json.value("rows", std::int64_t{-1});
  return chunk;
}

SortedJson to_json(swap::Request const& request) {
  SortedJson columns = SortedJson::array();
  for (auto const& column : request.columns)
    columns.push_back({{"name", column.name}, {"type", column.type}, {"not_null", column.not_null}});
  return {{"schema", request.target.schema},
          {"name", request.target.name},
          {"operation", static_cast<int>(request.operation)},
          {"columns", columns},
          {"key", request.key},
          {"loaded_before", request.loaded_before ? SortedJson(*request.loaded_before) : SortedJson()},
          {"dedup_order", request.dedup_order},
          {"method", swap::method_name(request.method)},
          {"dropped", static_cast<int>(request.dropped)},
          {"retyped", static_cast<int>(request.retyped)},
          {"delete_missing", request.delete_missing},
          {"read_fingerprint", request.read_fingerprint},
          {"expected_rows", request.expected_rows},
          {"merge_below_rows", request.merge_below_rows}};
}

swap::Request request_of(SortedJson const& json) {
  swap::Request request;
  request.target = {json.value("schema", ""), json.value("name", "")};
  request.operation = static_cast<swap::Operation>(json.value("operation", 0));
  for (SortedJson const& column : json.value("columns", SortedJson::array()))
    request.columns.push_back({column.value("name", ""), column.value("type", ""), column.value("not_null", false)});
  request.key = json.value("key", std::vector<std::string>{});
  if (auto const before = json.find("loaded_before"); before != json.end() && before->is_array())
    request.loaded_before = before->get<std::vector<std::string>>();
  request.dedup_order = json.value("dedup_order", "");
  request.method = swap::method_from(json.value("method", "auto")).value_or(swap::Method::Auto);
  request.dropped = static_cast<swap::ColumnPolicy>(json.value("dropped", 0));
  request.retyped = static_cast<swap::ColumnPolicy>(json.value("retyped", 0));
  request.delete_missing = json.value("delete_missing", false);
  request.read_fingerprint = json.value("read_fingerprint", "");
  request.expected_rows = json.value("expected_rows", std::int64_t{-1});
  request.merge_below_rows = json.value("merge_below_rows", request.merge_below_rows);
  return request;
}

SortedJson detail_of(LoadRecord const& load) {
  SortedJson chunks = SortedJson::array();
  for (auto const& chunk : load.chunks) chunks.push_back(to_json(chunk));
  return {{"mode", load.mode},
          {"reads_all", load.reads_all},
          {"frozen", load.frozen},
          {"generation", load.generation},
          {"cursor_column", load.cursor_column},
          {"cursor_low", to_json(load.cursor_low)},
          {"cursor_high", to_json(load.cursor_high)},
          {"reason", load.reason},
          {"chunks", chunks},
          {"request", to_json(load.request)}};
}

void fill_from_detail(LoadRecord& load, std::string_view text) {
  SortedJson const json = SortedJson::parse(text, nullptr, false);
  if (!json.is_object()) return;
  load.mode = json.value("mode", "");
  load.reads_all = json.value("reads_all", true);
  load.frozen = json.value("frozen", true);
  load.generation = json.value("generation", std::int64_t{0});
  load.cursor_column = json.value("cursor_column", "");
  load.cursor_low = text_of(json, "cursor_low");
  load.cursor_high = text_of(json, "cursor_high");
  load.reason = json.value("reason", "");
  for (SortedJson const& chunk : json.value("chunks", SortedJson::array())) load.chunks.push_back(chunk_of(chunk));
  load.request = request_of(json.value("request", SortedJson::object()));
}

std::string dump(SortedJson const& json) {
  return json.dump(-1, ' ', false, SortedJson::error_handler_t::replace);
}

// ---- facts
// -----------------------------------------------------------------------------------------------------------

constexpr std::string_view kFacts = R"(
SELECT scope, s.outcome, s.generation, s.rows, s.columns, c.value, c.detail ->> 'column' AS cursor_column,
       coalesce(s.connection, l.connection), coalesce(s.stream, l.stream), l.relation, l.token, l.job, l.state,
       l.fingerprint, l.rows, l.detail,
       (extract(epoch FROM clock_timestamp() - coalesce(l.finished_at, l.began_at)) * 1000000)::bigint AS age,
       s.target_schema, s.target_name
FROM weir.stream s FULL JOIN weir.cursor c USING (scope) FULL JOIN weir.load l USING (scope)
WHERE )";

StreamFacts facts_of(pg::Rows const& rows, std::size_t row) {
  StreamFacts facts;
  facts.known = !rows.is_null(row, 1);
  facts.outcome = rows.text(row, 1);
  facts.generation = rows.integer(row, 2);
  facts.rows = rows.is_null(row, 3) ? -1 : rows.integer(row, 3);
  if (!rows.is_null(row, 4)) facts.columns = rows.array(row, 4);
  facts.target = {std::string(rows.text(row, 17)), std::string(rows.text(row, 18))};
  facts.cursor = rows.optional_text(row, 5);
  facts.cursor_column = rows.text(row, 6);
  if (rows.is_null(row, 9)) return facts;
  LoadRecord load;
  load.scope = rows.text(row, 0);
  load.connection = rows.text(row, 7);
  load.stream = rows.text(row, 8);
  load.relation = rows.text(row, 9);
  load.token = rows.integer(row, 10);
  load.job = rows.integer(row, 11);
  load.state = rows.text(row, 12);
  load.fingerprint = rows.text(row, 13);
  if (!rows.is_null(row, 14)) load.rows = static_cast<std::uint64_t>(rows.integer(row, 14));
  fill_from_detail(load, rows.text(row, 15));
  load.age = Duration(rows.integer(row, 16));
  facts.load = std::move(load);
  return facts;
}

// ---- the lock
// ----------------------------------------------------------------------------------------------------------

std::string session_name(std::string const& instance, std::int64_t job, std::string const& scope) {
  return fmt::format("weir/{}/{}/{}", instance, job, scope).substr(0, 63);
}

struct Holder {
  std::int64_t pid = 0;
  std::string application, user, since;
};

Result<std::optional<Holder>> holder_of(pg::Session& session, std::int64_t key) {
  WEIR_TRY(auto rows, session.query(R"(
SELECT a.pid, a.application_name, a.usename, to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"')
FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.pid <> pg_backend_pid()
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND ((l.classid::bigint << 32) | l.objid::bigint) = $1::bigint)",
                                    {std::to_string(key)}));
  if (rows.size() == 0) return std::optional<Holder>();
  return std::optional(Holder{rows.integer(0, 0), std::string(rows.text(0, 1)), std::string(rows.text(0, 2)),
                              std::string(rows.text(0, 3))});
}

// A session that this run lost: the server has not noticed yet that nobody is at its other end.
Status end_lost_session(pg::Session& session, Holder const& holder) {
  return session.query("SELECT pg_terminate_backend($1::int)", {std::to_string(holder.pid)}).ok()
             ? Status()
             : Status(Error(ErrorKind::Busy, fmt::format("could not end weir's own lost session, pid {}", holder.pid)));
}

Error busy(sql::QualifiedName const& target, std::optional<Holder> const& holder) {
  auto error = Error(ErrorKind::Busy, fmt::format("table {} is being loaded by somebody else", target.text()))
                   .object(target.text())
                   .state("nothing was read; the other load goes on");
  if (holder)
    error.cause(fmt::format("pid {}, \"{}\" as role \"{}\", connected since {}", holder->pid, holder->application,
                            holder->user, holder->since));
  error.next("wait for it to finish, then run again");
  return error;
}

}  // namespace

Result<bool> has_state(pg::Session& session) {
  WEIR_TRY(auto rows, session.query("SELECT to_regclass('weir.load') IS NOT NULL"));
  return rows.boolean(0, 0);
}

Result<std::map<std::string, StreamFacts>> read_facts(pg::Session& session, std::string const& connection) {
  std::map<std::string, StreamFacts> facts;
  WEIR_TRY(auto rows, session.query(std::string(kFacts) + "starts_with(scope, $1)", {connection + "/"}));
  for (std::size_t row = 0; row < rows.size(); ++row) facts.emplace(rows.text(row, 0), facts_of(rows, row));
  return facts;
}

Result<StreamFacts> read_facts_of(pg::Session& session, std::string const& scope) {
  WEIR_TRY(auto rows, session.query(std::string(kFacts) + "scope = $1", {scope}));
  if (rows.size() == 0) return StreamFacts{};
  return facts_of(rows, 0);
}

Result<std::int64_t> lock_target(pg::Session& session, sql::QualifiedName const& target, std::string const& scope,
                                 std::string const& instance, std::int64_t job) {
  WEIR_DO(swap::hold_job_fence(session));
  auto const key = static_cast<std::int64_t>(sql::stable_hash("weir loads " + target.quoted()));
  std::optional<Holder> holder;
  for (int tries = 0; tries < 100; ++tries) {
    WEIR_TRY(auto rows,
             session.query("SELECT set_config('application_name', $1, false), pg_try_advisory_lock($2::bigint), "
                           "nextval('weir.token')",
                           {session_name(instance, job, scope), std::to_string(key)}));
    if (rows.boolean(0, 1)) return rows.integer(0, 2);
    WEIR_TRY(holder, holder_of(session, key));
    if (!holder) continue;  // gone in between
    if (!holder->application.starts_with(fmt::format("weir/{}/", instance))) break;
    WEIR_DO(end_lost_session(session, *holder));
    WEIR_TRY(auto waited, session.query("SELECT pg_sleep(0.05)"));
  }
  return busy(target, holder);
}

Status unlock_targets(pg::Session& session) {
  WEIR_TRY(auto rows, session.query("SELECT pg_advisory_unlock_all()"));
  return {};
}

Result<std::int64_t> next_job(pg::Session& session) {
  WEIR_TRY(auto rows, session.query("SELECT nextval('weir.job')"));
  return rows.integer(0, 0);
}

Status raise_fence(pg::Session& session, std::string const& scope, std::int64_t token) {
  // Losing this commit in a crash of the server is harmless: every older attempt's session dies with it.
  auto raised = session.execute("SET LOCAL lock_timeout = '10s'; SET LOCAL synchronous_commit = off; " +
                                swap::raise_statement(sql::literal_pg(scope), std::to_string(token)));
  if (!raised.ok()) return std::move(raised).error().context("taking the fence of \"" + scope + "\"");
  if (raised->size() == 1) return {};
  return Error(ErrorKind::Refused, fmt::format("\"{}\" was taken over by a later attempt", scope)).object(scope);
}

Status hold_fence(pg::Session& session, std::string const& scope, std::int64_t token) {
  WEIR_TRY(auto rows, session.query("SELECT token FROM weir.fence WHERE scope = $1 FOR SHARE", {scope}));
  if (rows.size() == 1 && rows.integer(0, 0) == token) return {};
  return Error(ErrorKind::Refused, fmt::format("\"{}\" was taken over by a later attempt", scope))
      .object(scope)
      .cause(fmt::format("this attempt has token {}, the warehouse has seen {}", token,
                         rows.size() == 1 ? std::string(rows.text(0, 0)) : "none"))
      .state("nothing of this attempt is stored; the later one goes on")
      .next("nothing to do: the later attempt finishes the work");
}

Status write_load(pg::Session& session, LoadRecord const& load) {
  WEIR_TRY(auto rows, session.query(R"(
INSERT INTO weir.load (scope, connection, stream, relation, token, job, state, fingerprint, rows, detail, finished_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::jsonb, CASE WHEN $7 <> 'loading' THEN clock_timestamp() END)
ON CONFLICT (scope) DO UPDATE SET relation = EXCLUDED.relation, token = EXCLUDED.token, job = EXCLUDED.job,
  state = EXCLUDED.state, fingerprint = EXCLUDED.fingerprint, rows = EXCLUDED.rows, detail = EXCLUDED.detail,
  began_at = CASE WHEN weir.load.relation = EXCLUDED.relation THEN weir.load.began_at ELSE clock_timestamp() END,
  finished_at = EXCLUDED.finished_at)",
                                    {load.scope, load.connection, load.stream, load.relation,
                                     std::to_string(load.token), std::to_string(load.job), load.state, load.fingerprint,
                                     load.rows ? pg::Parameter(std::to_string(*load.rows)) : std::nullopt,
                                     dump(detail_of(load))}));
  return {};
}

Status forget_load(pg::Session& session, std::string const& scope) {
  WEIR_TRY(auto rows, session.query("WITH gone AS (DELETE FROM weir.load WHERE scope = $1) "
                                    "DELETE FROM weir.ledger WHERE scope = $1 AND kind = 'chunk'",
                                    {scope}));
  return {};
}

Status keep_load(pg::Session& session, LoadRecord const& load, std::int64_t token) {
  WEIR_TRY(auto rows,
           session.query("WITH kept AS (UPDATE weir.generation SET token = $3 WHERE scope = $1 AND token = $2) "
                         "UPDATE weir.load SET token = $3 WHERE scope = $1",
                         {load.scope, std::to_string(load.token), std::to_string(token)}));
  return {};
}

Status write_chunk(pg::Session& session, LoadRecord const& load, source::Chunk const& chunk, std::uint64_t rows,
                   std::uint64_t bytes) {
  WEIR_TRY(
      auto done,
      session.query("INSERT INTO weir.ledger (run, scope, stream, chunk, kind, token, rows, bytes, generation, detail) "
                    "VALUES ($1, $2, $3, $4, 'chunk', $5, $6, $7, $1, $8::jsonb)",
                    {load.relation, load.scope, load.stream, std::to_string(chunk.number), std::to_string(load.token),
                     std::to_string(rows), std::to_string(bytes), dump(to_json(chunk))}));
  return {};
}

Result<std::map<int, DoneChunk>> done_chunks(pg::Session& session, LoadRecord const& load) {
  WEIR_TRY(auto rows, session.query("SELECT chunk, rows, bytes FROM weir.ledger WHERE run = $1 AND scope = $2 AND "
                                    "stream = $3 AND kind = 'chunk'",
                                    {load.relation, load.scope, load.stream}));
  std::map<int, DoneChunk> done;
  for (std::size_t row = 0; row < rows.size(); ++row)
    done[static_cast<int>(rows.integer(row, 0))] = {static_cast<std::uint64_t>(rows.integer(row, 1)),
                                                    static_cast<std::uint64_t>(rows.integer(row, 2))};
  return done;
}

Status write_publish(pg::Session& session, LoadRecord const& load, std::string const& method, std::int64_t rows_after,
                     std::vector<std::string> const& columns) {
  bool const sets_cursor = !load.cursor_column.empty() && (load.cursor_high || load.reads_all);
  pg::Parameter const rows = rows_after >= 0 ? pg::Parameter(std::to_string(rows_after)) : std::nullopt;
  WEIR_TRY(auto done, session.query(R"(
WITH entry AS (
  INSERT INTO weir.ledger (run, scope, stream, chunk, kind, token, rows, generation, detail)
  VALUES ('job ' || $4 || ' token ' || $5, $1, $3, 0, 'publish', $5::bigint, $6::bigint, $7, $8::jsonb)
), old_entries AS (
  DELETE FROM weir.ledger WHERE scope = $1 AND (kind = 'chunk' OR token <= (
    SELECT token FROM weir.ledger WHERE scope = $1 AND kind = 'publish' ORDER BY token DESC OFFSET 200 LIMIT 1))
), waiting AS (
  DELETE FROM weir.load WHERE scope = $1
), no_cursor AS (
  DELETE FROM weir.cursor WHERE scope = $1 AND $9::boolean AND $10::text IS NULL
), new_cursor AS (
  INSERT INTO weir.cursor (scope, stream, value, bound, generation, detail)
  SELECT $1, $3, $10, $10, $11::bigint, jsonb_build_object('column', $12::text) WHERE $9::boolean AND $10::text IS NOT NULL
  ON CONFLICT (scope, stream) DO UPDATE SET value = EXCLUDED.value, bound = EXCLUDED.bound,
    generation = EXCLUDED.generation, detail = EXCLUDED.detail, updated_at = clock_timestamp()
)
INSERT INTO weir.stream AS s (scope, connection, stream, target_schema, target_name, mode, method, outcome, job, rows,
                              generation, columns, published_at)
SELECT $1, $2, $3, $13, $14, $15, $16, 'published', $4::bigint, $17::bigint, $11::bigint,
       ARRAY(SELECT jsonb_array_elements_text($18::jsonb)), clock_timestamp()
ON CONFLICT (scope) DO UPDATE SET target_schema = EXCLUDED.target_schema, target_name = EXCLUDED.target_name,
  mode = EXCLUDED.mode, method = EXCLUDED.method, outcome = EXCLUDED.outcome, job = EXCLUDED.job, rows = EXCLUDED.rows,
  generation = EXCLUDED.generation, columns = EXCLUDED.columns, error = '', finished_at = clock_timestamp(),
  published_at = EXCLUDED.published_at)",
                                    {load.scope, load.connection, load.stream, std::to_string(load.job),
                                     std::to_string(load.token), std::to_string(load.rows.value_or(0)), load.relation,
                                     dump(SortedJson{{"mode", load.mode},
                                                     {"method", method},
                                                     {"reads_all", load.reads_all},
                                                     {"cursor_low", to_json(load.cursor_low)},
                                                     {"cursor_high", to_json(load.cursor_high)}}),
                                     sets_cursor ? "true" : "false", load.cursor_high, std::to_string(load.generation),
                                     load.cursor_column, load.request.target.schema, load.request.target.name,
                                     load.mode, method, rows, dump(SortedJson(columns))}));
  return {};
}

Result<bool> was_published(pg::Session& session, LoadRecord const& load) {
  // The lock on the fence's row is held by a publishing transaction until its end: behind it, the ledger knows.
  auto const scope = sql::literal_pg(load.scope);
  WEIR_TRY(auto rows,
           session.execute("SET LOCAL lock_timeout = '60s'; SELECT 1 FROM weir.fence WHERE scope = " + scope +
                           " FOR UPDATE; SELECT EXISTS (SELECT 1 FROM weir.ledger WHERE scope = " + scope +
                           " AND kind = 'publish' AND token = " + std::to_string(load.token) + ")"));
  return rows.boolean(0, 0);
}

Status write_outcome(pg::Session& session, LoadRecord const& load, std::string const& outcome,
                     std::string const& error) {
  WEIR_TRY(auto rows, session.query(R"(
INSERT INTO weir.stream (scope, connection, stream, target_schema, target_name, mode, outcome, job, error)
SELECT $1, $2, $3, $4, $5, $6, $7, $8::bigint, $9
WHERE EXISTS (SELECT 1 FROM weir.fence WHERE scope = $1 AND token = $10::bigint)
ON CONFLICT (scope) DO UPDATE SET target_schema = EXCLUDED.target_schema, target_name = EXCLUDED.target_name,
  mode = EXCLUDED.mode, outcome = EXCLUDED.outcome, job = EXCLUDED.job, error = EXCLUDED.error,
  finished_at = clock_timestamp())",
                                    {load.scope, load.connection, load.stream, load.request.target.schema,
                                     load.request.target.name, load.mode, outcome, std::to_string(load.job), error,
                                     std::to_string(load.token)}));
  return {};
}

Status hold_generation(pg::Session& session, std::string const& scope, std::int64_t token) {
  WEIR_TRY(auto rows, session.query("UPDATE weir.generation SET state = 'held' WHERE scope = $1 AND token = $2 AND "
                                    "state = 'ready'",
                                    {scope, std::to_string(token)}));
  return {};
}

Status write_rows(pg::Session& session, std::string const& scope, std::int64_t count) {
  WEIR_TRY(auto rows,
           session.query("UPDATE weir.stream SET rows = $2 WHERE scope = $1", {scope, std::to_string(count)}));
  return {};
}

Status forget_cursor(pg::Session& session, std::string const& scope) {
  WEIR_TRY(auto rows, session.query("DELETE FROM weir.cursor WHERE scope = $1", {scope}));
  return {};
}

Result<pg::Rows> read_streams(pg::Session& session, std::string const& connection) {
  return session.query(R"(
SELECT scope, coalesce(s.stream, l.stream, c.stream), s.target_schema, s.target_name, s.mode, s.method, s.outcome, s.job,
       s.rows, to_char(s.finished_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
       to_char(s.published_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
       c.detail ->> 'column', c.value, l.state, s.error
FROM weir.stream s FULL JOIN weir.cursor c USING (scope) FULL JOIN weir.load l USING (scope)
WHERE starts_with(scope, $1) ORDER BY 2)",
                       {connection + "/"});
}

}  // namespace weir::sync
