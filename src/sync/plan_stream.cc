#include "sync/plan_stream.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/text.h"

namespace weir::sync {
namespace {

constexpr std::size_t kMaxColumns = 1600;  // MaxHeapAttributeNumber: PostgreSQL docs, appendix K "PostgreSQL Limits"

std::vector<std::string> column_names(source::Table const& table) {
  std::vector<std::string> names;
  for (auto const& column : table.columns) names.push_back(column.name);
  return names;
}

std::string quoted_list(std::vector<std::string> const& names) {
  std::vector<std::string> quoted;
  for (auto const& name : names) quoted.push_back('"' + name + '"');
  return join(quoted, ", ");
}

bool contains(std::vector<std::string> const& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

// ---- columns --------------------------------------------------------------------------------------------------------

Status check_names(source::Table const& table, std::vector<std::string> const& wanted, std::string_view option) {
  std::vector<std::string> missing;
  for (auto const& name : wanted)
    if (table.column(name) == nullptr) missing.push_back(name);
  if (missing.empty()) return {};
  auto error =
      Error(ErrorKind::Config, fmt::format("{} of stream \"{}\" names {} that the source's table does not have", option,
                                           table.text(), quoted_list(missing)))
          .object(table.text());
  auto const hint = did_you_mean(missing.front(), column_names(table));
  error.next(hint.empty() ? "look at the table's columns: weir endpoint discover" : hint);
  return error;
}

Result<source::Table> chosen_columns(source::Table table, config::StreamOptions const& options) {
  WEIR_DO(check_names(table, options.columns, "`columns`"));
  WEIR_DO(check_names(table, options.exclude_columns, "`exclude_columns`"));
  std::erase_if(table.columns, [&](source::Column const& column) {
    return (!options.columns.empty() && !contains(options.columns, column.name)) ||
           contains(options.exclude_columns, column.name);
  });
  if (table.columns.empty())
    return Error(ErrorKind::Config, fmt::format("no column of stream \"{}\" is left to load", table.text()))
        .object(table.text());
  return table;
}

Status check_loadable(source::Table const& table) {
  std::vector<std::string> names, reasons;
  for (auto const& column : table.columns) {
    if (column.refusal.empty()) continue;
    names.push_back(column.name);
    reasons.push_back(fmt::format("\"{}\" ({}): {}", column.name, column.source_type, column.refusal));
  }
  if (names.empty()) return {};
  return Error(ErrorKind::Refused,
               fmt::format("{} of \"{}\" cannot be loaded", plural(names.size(), "column"), table.text()))
      .object(table.text())
      .cause(join(reasons, "; "))
      .state("nothing was read; the table in the warehouse is as it was")
      .next(fmt::format("leave out what is not needed: exclude_columns: [{}]", join(names, ", ")));
}

Result<std::vector<std::string>> target_names(source::Table const& table,
                                              std::vector<source::ExtraColumn> const& extra) {
  std::vector<std::string> names;
  std::set<std::string> seen;
  for (auto const& column : extra) seen.insert(column.name);
  for (auto const& column : table.columns) {
    names.push_back(sql::fit_identifier(column.name));
    if (seen.insert(names.back()).second) continue;
    return Error(ErrorKind::Refused,
                 fmt::format("column name \"{}\" would stand twice in the warehouse table of \"{}\"", names.back(),
                             table.text()))
        .object(table.text())
        .cause("a metadata column or another column has the same name")
        .next(fmt::format("exclude_columns: [{}], or choose other metadata", column.name));
  }
  if (seen.size() <= kMaxColumns) return names;
  return Error(ErrorKind::Refused, fmt::format("\"{}\" has {} columns, a PostgreSQL table holds {}", table.text(),
                                               seen.size(), kMaxColumns))
      .object(table.text())
      .next("choose the columns that are needed: columns: [...]");
}

// ---- policies -------------------------------------------------------------------------------------------------------

Result<source::BadText> bad_text(std::string const& value, std::string_view option, std::string const& stream) {
  if (value == "strip") return source::BadText::Strip;
  if (value == "replace") return source::BadText::Replace;
  if (value == "fail") return source::BadText::Fail;
  return Error(ErrorKind::Config,
               fmt::format("{}: {} of stream \"{}\" is none of strip, replace, fail", option, value, stream))
      .object(stream);
}

Result<source::TypePolicies> policies_of(config::StreamOptions const& options, std::string const& stream) {
  source::TypePolicies policies;
  WEIR_TRY(policies.nul, bad_text(options.nul, "nul", stream));
  WEIR_TRY(policies.surrogate, bad_text(options.surrogate, "surrogate", stream));
  WEIR_TRY(policies.code_page, bad_text(options.code_page, "code_page", stream));
  policies.trim_char = options.trim_char;
  policies.keep_offset = options.keep_offset;
  policies.fail_on_truncated_time = options.fail_on_truncated_time;
  return policies;
}

std::optional<swap::ColumnPolicy> column_policy(std::string_view value) {
  if (value == "keep") return swap::ColumnPolicy::Keep;
  if (value == "shadow") return swap::ColumnPolicy::Shadow;
  if (value == "upgrade") return swap::ColumnPolicy::Upgrade;
  if (value == "hold") return swap::ColumnPolicy::Hold;
  return std::nullopt;
}

Status check_publishing_options(config::StreamOptions const& options, std::string const& stream) {
  for (std::string const& policy : {options.dropped_column, options.retyped_column})
    if (!column_policy(policy))
      return Error(ErrorKind::Config, fmt::format("\"{}\" is no policy for changed columns", policy))
          .object(stream)
          .next("one of keep, shadow, upgrade, hold");
  if (swap::method_from(options.method)) return {};
  return Error(ErrorKind::Config, fmt::format("\"{}\" is no method of publishing", options.method))
      .object(stream)
      .next("one of auto, shell, merge, view, truncate");
}

// ---- key and cursor -------------------------------------------------------------------------------------------------

// The configured key, else the primary key, else a unique key without NULLs. In source names; may be empty.
std::vector<std::string> key_of(source::Table const& table, config::StreamOptions const& options) {
  if (!options.key.empty()) return options.key;
  if (auto const* primary = table.primary_key()) return primary->columns;
  for (auto const& key : table.keys) {
    bool const solid = key.is_unique && !key.columns.empty() && std::ranges::all_of(key.columns, [&](auto const& name) {
                         auto const* column = table.column(name);
                         return column != nullptr && !column->nullable;
                       });
    if (solid) return key.columns;
  }
  return {};
}

// Whether the source itself vouches that the key is unique and never NULL.
bool is_source_key(source::Table const& table, std::vector<std::string> const& wanted) {
  std::set<std::string> const columns(wanted.begin(), wanted.end());
  return std::ranges::any_of(table.keys, [&](source::Key const& key) {
    return (key.is_primary || key.is_unique) &&
           std::set<std::string>(key.columns.begin(), key.columns.end()) == columns &&
           std::ranges::all_of(key.columns, [&](auto const& name) {
             auto const* column = table.column(name);
             return column != nullptr && !column->nullable;
           });
  });
}

Status choose_key(StreamPlan& plan, source::Table const& whole) {
  bool const keeps_history =
      plan.mode == config::Mode::FullRefreshAppend || plan.mode == config::Mode::IncrementalAppend;
  if (keeps_history) return {};  // the same key comes again and again
  auto const key = key_of(whole, plan.options);
  WEIR_DO(check_names(whole, key, "`key`"));
  bool const needed = is_deduped(plan.mode);
  if (key.empty() && needed)
    return Error(ErrorKind::Config, fmt::format("stream \"{}\" has no key to remove duplicates by", plan.stream))
        .object(plan.stream)
        .next("set `key: [...]`, or choose a mode without dedup");
  if (!needed && !is_source_key(whole, key)) return {};
  std::vector<std::string> names;
  for (auto const& name : key) {
    auto const at = std::ranges::find(plan.table.columns, name, &source::Column::name);
    if (at == plan.table.columns.end()) {
      if (!needed) return {};
      return Error(ErrorKind::Config, fmt::format("key column \"{}\" of stream \"{}\" is left out", name, plan.stream))
          .object(plan.stream)
          .next("load it, or set another `key: [...]`");
    }
    names.push_back(plan.target_columns[static_cast<std::size_t>(at - plan.table.columns.begin())]);
  }
  plan.key = std::move(names);
  return {};
}

Status choose_cursor(StreamPlan& plan, source::Table const& whole) {
  plan.cursor = plan.options.cursor;
  if (plan.cursor.empty() && is_incremental(plan.mode)) {
    auto const version = std::ranges::find_if(whole.columns, &source::Column::is_rowversion);
    if (version == whole.columns.end())
      return Error(ErrorKind::Config, fmt::format("stream \"{}\" has no cursor to read changes by", plan.stream))
          .object(plan.stream)
          .next("set `cursor: COLUMN` (a column that grows with every change), or choose a full refresh mode");
    plan.cursor = version->name;
  }
  if (plan.cursor.empty()) return {};
  WEIR_DO(check_names(whole, {plan.cursor}, "`cursor`"));
  auto const* column = plan.table.column(plan.cursor);
  if (column == nullptr)
    return Error(ErrorKind::Config, fmt::format("cursor \"{}\" of stream \"{}\" is left out", plan.cursor, plan.stream))
        .object(plan.stream)
        .next("load it, or set another `cursor`");
  plan.cursor_is_rowversion = column->is_rowversion;
  if (is_incremental(plan.mode) && !plan.cursor_is_rowversion && plan.options.lag.count() == 0)
    plan.warnings.push_back(
        fmt::format("rows that are committed late with a \"{}\" at or below the last one read are missed: "
                    "set `lag` to the longest transaction of the source",
                    plan.cursor));
  return {};
}

void choose_read(StreamPlan& plan, StreamFacts const& facts, bool full_refresh) {
  if (!is_incremental(plan.mode)) return read_everything(plan, facts, "full refresh");
  if (full_refresh) return read_everything(plan, facts, "a full refresh was asked for");
  if (!facts.cursor) return read_everything(plan, facts, "no cursor is stored yet");
  if (facts.cursor_column != plan.cursor)
    return read_everything(plan, facts, fmt::format("the stored cursor is one of column \"{}\"", facts.cursor_column));
  plan.read = ReadKind::Window;
  plan.why_read = "changes since the stored cursor";
  plan.cursor_low = facts.cursor;
  plan.generation = facts.generation;
}

std::string text_of(source::TypePolicies const& policies) {
  return fmt::format("{} {} {} {} {} {}", static_cast<int>(policies.nul), static_cast<int>(policies.surrogate),
                     static_cast<int>(policies.code_page), policies.trim_char, policies.keep_offset,
                     policies.fail_on_truncated_time);
}

std::string hex(std::uint64_t hash) {
  return fmt::format("{:016x}", hash);
}

// What a load's rows depend on. Not on the window: that stands beside it, in the load's record.
std::string fingerprint_of(StreamPlan const& plan) {
  std::string text = fmt::format("{}\n{}\n{}\n{}\n{}\n", plan.stream, plan.target.quoted(), mode_name(plan.mode),
                                 plan.cursor, text_of(plan.policies));
  for (std::size_t i = 0; i < plan.table.columns.size(); ++i) {
    auto const& column = plan.table.columns[i];
    text += fmt::format("{}\n{}\n{}\n{}\n", column.name, plan.target_columns[i], column.source_type, column.pg_type);
  }
  for (auto const& extra : metadata_columns(plan.options.metadata, {})) text += extra.name + '\n';
  for (auto const& name : plan.key) text += name + '\n';
  return hex(sql::stable_hash(text));
}

void collect_warnings(StreamPlan& plan) {
  for (auto const& warning : plan.table.warnings) plan.warnings.push_back(warning);
  for (auto const& column : plan.table.columns)
    if (!column.loss.empty()) plan.warnings.push_back(fmt::format("column \"{}\": {}", column.name, column.loss));
}

// ---- metadata columns -----------------------------------------------------------------------------------------------

std::string big_endian(std::int64_t value) {
  std::string bytes(8, '\0');
  auto rest = static_cast<std::uint64_t>(value);
  for (std::size_t i = 8; i-- > 0; rest >>= 8) bytes[i] = static_cast<char>(rest & 0xff);
  return bytes;
}

source::ExtraColumn bigint_column(std::string name, std::int64_t value) {
  return {source::ExtraColumn::Kind::Constant, std::move(name), "bigint", big_endian(value),
          fmt::format("'{}'::bigint", value)};
}

source::ExtraColumn timestamptz_column(std::string name, Instant when) {
  constexpr std::int64_t kSeconds1970To2000 = 946'684'800;
  auto const us = when.time_since_epoch().count();
  return {source::ExtraColumn::Kind::Constant, std::move(name), "timestamp with time zone",
          big_endian(us - kSeconds1970To2000 * 1'000'000), fmt::format("to_timestamp({}::numeric / 1000000)", us)};
}

}  // namespace

std::vector<source::ExtraColumn> metadata_columns(config::Metadata metadata, LoadStamp const& stamp) {
  switch (metadata) {
    case config::Metadata::None:
      return {};
    case config::Metadata::Weir:
      return {timestamptz_column("_weir_loaded_at", stamp.loaded_at), bigint_column("_weir_job", stamp.job)};
    case config::Metadata::Airbyte:
      break;
  }
  auto const meta = fmt::format("{{\"sync_id\":{},\"changes\":[]}}", stamp.job);
  return {{source::ExtraColumn::Kind::RowUuid, "_airbyte_raw_id", "character varying", "", ""},
          timestamptz_column("_airbyte_extracted_at", stamp.loaded_at),
          {source::ExtraColumn::Kind::Constant, "_airbyte_meta", "jsonb", "\1" + meta, "'" + meta + "'::jsonb"},
          bigint_column("_airbyte_generation_id", stamp.generation)};
}

bool is_incremental(config::Mode mode) {
  return mode == config::Mode::IncrementalAppend || mode == config::Mode::IncrementalAppendDedup;
}

bool is_deduped(config::Mode mode) {
  return mode == config::Mode::FullRefreshOverwriteDedup || mode == config::Mode::IncrementalAppendDedup;
}

std::string_view mode_name(config::Mode mode) {
  switch (mode) {
    case config::Mode::FullRefreshOverwrite:
      return "full refresh overwrite";
    case config::Mode::FullRefreshAppend:
      return "full refresh append";
    case config::Mode::FullRefreshOverwriteDedup:
      return "full refresh overwrite + dedup";
    case config::Mode::IncrementalAppend:
      return "incremental append";
    case config::Mode::IncrementalAppendDedup:
      return "incremental append + dedup";
  }
  return "";
}

void read_everything(StreamPlan& plan, StreamFacts const& facts, std::string why) {
  plan.read = ReadKind::Full;
  plan.why_read = std::move(why);
  plan.cursor_low.reset();
  plan.generation = facts.generation + 1;
}

std::string schema_fingerprint(source::Table const& table) {
  std::string text;
  for (auto const& column : table.columns)
    text += fmt::format("{}\n{}\n{}\n{}\n", column.name, column.source_type, column.pg_type, column.nullable);
  return hex(sql::stable_hash(text));
}

swap::Request request_of(StreamPlan const& plan) {
  swap::Request request;
  request.target = plan.target;
  if (plan.read == ReadKind::Window)
    request.operation = is_deduped(plan.mode) ? swap::Operation::Upsert : swap::Operation::Append;
  else
    request.operation =
        plan.mode == config::Mode::FullRefreshAppend ? swap::Operation::Append : swap::Operation::Replace;
  for (std::size_t i = 0; i < plan.table.columns.size(); ++i)
    request.columns.push_back({plan.target_columns[i], plan.table.columns[i].pg_type, !plan.table.columns[i].nullable});
  for (auto const& extra : metadata_columns(plan.options.metadata, {}))
    request.columns.push_back({extra.name, extra.pg_type, false});
  request.key = plan.key;
  request.loaded_before = plan.loaded_before;
  if (auto const at = std::ranges::find(plan.table.columns, plan.cursor, &source::Column::name);
      is_deduped(plan.mode) && at != plan.table.columns.end())
    request.dedup_order = plan.target_columns[static_cast<std::size_t>(at - plan.table.columns.begin())];
  request.method = swap::method_from(plan.options.method).value_or(swap::Method::Auto);
  request.dropped = column_policy(plan.options.dropped_column).value_or(swap::ColumnPolicy::Keep);
  request.retyped = column_policy(plan.options.retyped_column).value_or(swap::ColumnPolicy::Shadow);
  request.delete_missing = plan.options.detect_deletes && plan.read == ReadKind::Window;
  request.read_fingerprint = plan.fingerprint;
  request.expected_rows = plan.read == ReadKind::Full ? plan.table.estimated_rows : -1;
  return request;
}

Result<StreamPlan> plan_stream(config::Connection const& connection, SelectedTable const& selected,
                               StreamFacts const& facts, bool full_refresh) {
  source::Table const& whole = *selected.table;
  StreamPlan plan;
  plan.stream = whole.text();
  plan.scope = connection.name + "/" + plan.stream;
  plan.options = selected.pattern->options;
  plan.mode = plan.options.mode;
  plan.schema_fingerprint = schema_fingerprint(whole);
  plan.target.schema = sql::fit_identifier(replace_all(connection.into, "{schema}", whole.schema));
  plan.target.name = sql::fit_identifier(connection.table_prefix +
                                         (plan.options.target_name.empty() ? whole.name : plan.options.target_name));
  WEIR_TRY(plan.policies, policies_of(plan.options, plan.stream));
  WEIR_TRY(source::Table chosen, chosen_columns(whole, plan.options));
  plan.table = source::with_companions(std::move(chosen), plan.policies);
  WEIR_DO(check_loadable(plan.table));
  WEIR_TRY(plan.target_columns, target_names(plan.table, metadata_columns(plan.options.metadata, {})));
  WEIR_DO(check_publishing_options(plan.options, plan.stream));
  WEIR_DO(choose_key(plan, whole));
  WEIR_DO(choose_cursor(plan, whole));
  if (plan.options.detect_deletes && plan.mode != config::Mode::IncrementalAppendDedup)
    return Error(ErrorKind::Config,
                 fmt::format("detect_deletes of stream \"{}\" needs mode incremental append + dedup", plan.stream))
        .object(plan.stream)
        .next("leave it out: a full refresh shows deletes by itself, an append keeps history");
  if (facts.target == plan.target) plan.loaded_before = facts.columns;
  choose_read(plan, facts, full_refresh);
  plan.rows_before = facts.rows;
  plan.fingerprint = fingerprint_of(plan);
  collect_warnings(plan);
  return plan;
}

std::vector<std::vector<std::string>> colliding(std::vector<StreamPlan> const& plans) {
  std::map<sql::QualifiedName, std::vector<std::size_t>> by_target;
  for (std::size_t i = 0; i < plans.size(); ++i) by_target[plans[i].target].push_back(i);
  std::vector<std::vector<std::string>> others(plans.size());
  for (auto const& [target, indexes] : by_target)
    for (std::size_t const one : indexes)
      for (std::size_t const other : indexes)
        if (one != other) others[one].push_back(plans[other].stream);
  return others;
}

}  // namespace weir::sync
