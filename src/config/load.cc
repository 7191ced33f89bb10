#include "config/config.h"

#include <algorithm>
#include <cstdlib>
#include <optional>

#include <fmt/format.h>

#include "base/file.h"
#include "base/text.h"
#include "base/words.h"
#include "config/alerts.h"
#include "config/check.h"
#include "config/keys.h"
#include "config/reader.h"
#include "sql/name.h"
#include "yaml/node.h"

namespace weir::config {
namespace {

using yaml::Kind;
using yaml::Node;

void read_fresh(Reader const& from, StreamOptions& to) {
  from.object("fresh", [&](Reader const& fresh) {
    fresh.duration("warn", to.fresh_warn);
    fresh.duration("error", to.fresh_error);
  });
}

void read_stream(Reader const& from, StreamOptions& to) {
  choice(from, "mode",
         {{"full_refresh_overwrite", Mode::FullRefreshOverwrite},
          {"full_refresh_append", Mode::FullRefreshAppend},
          {"full_refresh_overwrite_dedup", Mode::FullRefreshOverwriteDedup},
          {"incremental_append", Mode::IncrementalAppend},
          {"incremental_append_dedup", Mode::IncrementalAppendDedup}},
         to.mode);
  choice(from, "metadata", {{"none", Metadata::None}, {"weir", Metadata::Weir}, {"airbyte", Metadata::Airbyte}},
         to.metadata);
  from.text("cursor", to.cursor);
  from.names("key", to.key);
  from.duration("lag", to.lag);
  from.text("method", to.method);
  from.object("schema_changes", [&](Reader const& changes) {
    changes.text("dropped", to.dropped_column);
    changes.text("retyped", to.retyped_column);
  });
  from.object("guard", [&](Reader const& guard) {
    guard.percent("shrink", to.shrink_guard);
    guard.count("min_rows", to.guard_min_rows);
    guard.boolean("empty_ok", to.empty_ok);
  });
  from.boolean("detect_deletes", to.detect_deletes);
  from.names("columns", to.columns);
  from.names("exclude_columns", to.exclude_columns);
  from.text("as", to.target_name);
  from.object("text", [&](Reader const& text) {
    text.text("nul", to.nul);
    text.text("surrogate", to.surrogate);
    text.text("code_page", to.code_page);
    text.boolean("trim_char", to.trim_char);
  });
  from.object("time", [&](Reader const& time) {
    time.boolean("keep_offset", to.keep_offset);
    std::string truncated;
    time.text("truncated", truncated);
    if (!truncated.empty()) to.fail_on_truncated_time = truncated == "fail";
  });
  read_fresh(from, to);
}

void read_tables(Reader const& from, StreamOptions const& defaults, std::vector<StreamPattern>& to) {
  auto add = [&](Node const& name, bool enabled) -> StreamPattern& {
    to.push_back(StreamPattern{name.text, defaults, enabled, place_of(name.mark)});
    return to.back();
  };
  if (auto const* tables = from.at("tables"); tables != nullptr) {
    if (tables->is_scalar() && tables->kind != Kind::Null) add(*tables, true);
    for (auto const& item : tables->items) add(*item, true);
    for (auto const& entry : tables->entries) {
      auto& pattern = add(*entry.key, entry.value->kind != Kind::Bool || entry.value->boolean());
      if (entry.value->kind == Kind::Mapping) read_stream(Reader{*entry.value}, pattern.options);
    }
  }
  if (auto const* exclude = from.at("exclude"); exclude != nullptr) {
    if (exclude->is_scalar() && exclude->kind != Kind::Null) add(*exclude, false);
    for (auto const& item : exclude->items) add(*item, false);
  }
}

Connection read_connection(std::string name, Node const& node) {
  Reader const from{node};
  Connection to;
  to.name = std::move(name);
  to.place = place_of(node.mark);
  from.text("from", to.from);
  from.text("warehouse", to.to);
  from.text("to", to.to);
  from.text("into", to.into);
  from.text("prefix", to.table_prefix);
  StreamOptions defaults;
  read_fresh(from, defaults);
  from.object("defaults", [&](Reader const& node_defaults) { read_stream(node_defaults, defaults); });
  read_tables(from, defaults, to.tables);
  from.count("attempts", to.attempts);
  from.object("retry", [&](Reader const& retry) { retry.duration("first", to.retry_first); });
  from.count("workers", to.workers);
  from.count("chunk_rows", to.chunk_rows);
  from.text("isolation", to.isolation);
  from.duration("publish_window", to.publish_window);
  return to;
}

JobSchedule read_schedule(Reader const& from, Place place) {
  JobSchedule to;
  to.place = std::move(place);
  from.text("cron", to.cron);
  from.text("zone", to.zone);
  from.duration("every", to.every);
  from.text("missed", to.missed);
  if (from.at("window") != nullptr) from.duration("window", to.window.emplace());
  from.duration("jitter", to.jitter);
  return to;
}

Job read_job(std::string name, Node const& node) {
  Reader const from{node};
  Job to;
  to.name = std::move(name);
  to.place = place_of(node.mark);
  if (auto const* steps = from.at("steps"); steps != nullptr)
    for (auto const& item : steps->items)
      for (auto const kind : {JobStep::Kind::Sync, JobStep::Kind::Dbt, JobStep::Kind::Verify})
        if (auto const* value = item->find(step_kind_name(kind)); value != nullptr && value->is_scalar())
          to.steps.push_back(JobStep{kind, value->text, place_of(value->mark)});
  if (auto const* when = from.at("when"); when != nullptr) to.when = read_schedule(Reader{*when}, place_of(when->mark));
  from.count("attempts", to.attempts);
  from.object("retry", [&](Reader const& retry) {
    retry.duration("first", to.retry_first);
    retry.count("factor", to.retry_factor);
    retry.duration("most", to.retry_most);
  });
  from.object("timeouts", [&](Reader const& timeouts) {
    timeouts.duration("queue", to.queue_timeout);
    timeouts.duration("attempt", to.attempt_timeout);
    timeouts.duration("job", to.job_timeout);
    timeouts.duration("silence", to.silence_timeout);
  });
  from.text("stale_sources", to.stale_sources);
  from.boolean("rebuild_stale", to.rebuilds_stale);
  return to;
}

Endpoint read_endpoint(std::string name, Node const& node, bool is_warehouse) {
  Reader const from{node};
  Endpoint to;
  to.name = std::move(name);
  to.is_warehouse = is_warehouse;
  to.place = place_of(node.mark);
  choice(from, "kind",
         {{"postgres", EndpointKind::Postgres}, {"sqlserver", EndpointKind::SqlServer}, {"odbc", EndpointKind::Odbc}},
         to.kind);
  from.boolean("protected", to.is_protected);
  for (auto const& entry : node.entries) {
    Key const* key = find_endpoint_key(entry.key->text);
    if (key == nullptr || key->name == "kind" || key->name == "protected" || !entry.value->is_scalar()) continue;
    to.settings[std::string(key->name)] = entry.value->text;
    to.places[std::string(key->name)] = place_of(entry.value->mark);
  }
  return to;
}

// What the key table cannot say.
class Semantics {
 public:
  Semantics(Config& config, Checker& checker) : config_(config), checker_(checker) {}

  void endpoints(Node const& root) {
    for (std::string_view const group : {"warehouses", "sources"}) {
      Node const* list = root.find(group);
      if (list == nullptr) continue;
      for (auto const& entry : list->entries)
        if (entry.value->kind == Kind::Mapping) endpoint(*entry.key, *entry.value, group == "warehouses");
    }
  }

  void connections(Node const& root) {
    if (Node const* warehouse = root.find("warehouse"); warehouse != nullptr && warehouse->is_scalar())
      config_.warehouse = warehouse->text, check_warehouse(config_.warehouse, warehouse->mark);
    if (config_.warehouse.empty()) config_.warehouse = only_warehouse();
    Node const* list = root.find("connections");
    if (list == nullptr) return;
    for (auto const& entry : list->entries)
      if (entry.value->kind == Kind::Mapping) connection(*entry.key, *entry.value);
  }

  // Where the state is.
  void state(Node const& root) {
    Node const* state = root.find("state");
    if (state == nullptr || state->kind != Kind::Mapping) return;
    Reader{*state}.text("postgres", config_.state_endpoint);
    Reader{*state}.text("schema", config_.state_schema);
    if (config_.state_endpoint.empty()) return;
    auto const& mark = state->find("postgres")->mark;
    auto const found = config_.endpoints.find(config_.state_endpoint);
    if (found == config_.endpoints.end()) return no_endpoint(mark, config_.state_endpoint, false);
    if (found->second.kind != EndpointKind::Postgres)
      checker_.add(mark, fmt::format("endpoint \"{}\" is no PostgreSQL", config_.state_endpoint),
                   "name one of kind postgres, or none: the state is a file then");
  }

  // After connections() and read_alerts().
  void jobs(Node const& root) {
    Node const* list = root.find("jobs");
    if (list == nullptr) return;
    for (auto const& entry : list->entries)
      if (entry.value->kind == Kind::Mapping) job(*entry.key, *entry.value);
  }

 private:
  void job(Node const& name, Node const& node) {
    auto made = read_job(name.text, node);
    if (made.attempts < 1) checker_.add(node.find("attempts")->mark, "\"attempts\" must be at least 1");
    if (made.retry_factor < 1) checker_.add(node.find("retry")->find("factor")->mark, "\"factor\" must be at least 1");
    if (Node const* when = node.find("when"); when != nullptr && when->kind == Kind::Mapping) {
      if (made.when.cron.empty() == (made.when.every.count() == 0))
        checker_.add(when->mark, "\"when\" takes either \"cron\" or \"every\"",
                     R"(write cron: "0 3 * * *" or every: 6h; a job without when: runs by hand)");
    }
    made.alert = alert_of_job(node, config_, checker_);
    Node const* steps = node.find("steps");
    if (steps != nullptr)
      for (auto const& item : steps->items) check_step(*item);
    for (auto& step : made.steps) step.endpoints = endpoints_of(step);
    config_.jobs.emplace(name.text, std::move(made));
  }

  std::vector<std::string> endpoints_of(JobStep const& step) const {
    if (step.kind == JobStep::Kind::Dbt)
      return config_.warehouse.empty() ? std::vector<std::string>() : std::vector{config_.warehouse};
    auto const connection = config_.connections.find(step.text);
    if (connection == config_.connections.end()) return {};
    auto const& [from, to] = std::pair(connection->second.from, connection->second.to);
    return from == to ? std::vector{from} : std::vector{from, to};
  }

  void check_step(Node const& step) {
    for (auto const kind : {JobStep::Kind::Sync, JobStep::Kind::Verify})
      if (Node const* value = step.find(step_kind_name(kind));
          value != nullptr && value->is_scalar() && !config_.connections.contains(value->text)) {
        std::vector<std::string> names;
        for (auto const& [known, connection] : config_.connections) names.push_back(known);
        checker_.add_missing(value->mark, "connection", value->text, names, "add it under connections:");
      }
    if (Node const* value = step.find("dbt"); value != nullptr && value->is_scalar()) {
      auto const words = split_words(value->text);
      if (!words.ok()) {
        checker_.add(value->mark, words.error().message());
      } else if (words->empty()) {
        checker_.add(value->mark, "\"dbt\" names no command", "dbt: build");
      }
    }
  }

  void endpoint(Node const& name, Node const& node, bool is_warehouse) {
    Node const* kind = node.find("kind");
    if (is_warehouse && kind != nullptr && kind->text != "postgres" && kind->is_scalar())
      checker_.add(kind->mark, fmt::format("a warehouse is of kind postgres, not \"{}\"", kind->text));
    if (!is_warehouse && kind == nullptr)
      checker_.add(name.mark, fmt::format("key \"kind\" is missing in source \"{}\"", name.text),
                   "add kind: sqlserver, postgres or odbc");
    auto made = read_endpoint(name.text, node, is_warehouse);
    if (auto missing = missing_address(made); !missing.empty() && (is_warehouse || kind != nullptr))
      checker_.add(name.mark, missing);
    auto const [at, is_new] = config_.endpoints.emplace(name.text, std::move(made));
    if (!is_new)
      checker_.add(name.mark,
                   fmt::format("\"{}\" is both a warehouse and a source: line {} has it already", name.text,
                               at->second.place.line),
                   "give one of them another name");
  }

  static std::string missing_address(Endpoint const& endpoint) {
    auto has = [&](char const* key) { return endpoint.settings.contains(key); };
    switch (endpoint.kind) {
      case EndpointKind::Postgres:
        if (has("uri") || has("service") || has("dbt_profile") || has("host") || has("database")) return {};
        return fmt::format("\"{}\" has no address: give uri, service, dbt_profile, or host and database",
                           endpoint.name);
      case EndpointKind::SqlServer:
        if (has("host")) return {};
        return fmt::format("\"{}\" has no address: give host and database", endpoint.name);
      case EndpointKind::Odbc:
        if (has("dsn") || has("driver")) return {};
        return fmt::format("\"{}\" has no address: give dsn, or driver and connection", endpoint.name);
    }
    return {};
  }

  std::string only_warehouse() const {
    std::string name;
    for (auto const& [key, endpoint] : config_.endpoints) {
      if (!endpoint.is_warehouse) continue;
      if (!name.empty()) return {};
      name = key;
    }
    return name;
  }

  std::vector<std::string> endpoint_names(bool warehouses_only) const {
    std::vector<std::string> names;
    for (auto const& [name, endpoint] : config_.endpoints)
      if (!warehouses_only || endpoint.is_warehouse) names.push_back(name);
    return names;
  }

  void no_endpoint(yaml::Mark const& mark, std::string const& name, bool warehouses_only) {
    auto const names = endpoint_names(warehouses_only);
    std::string next = did_you_mean(name, names);
    if (next.empty())
      next = names.empty() ? "add it to endpoints.yml" : fmt::format("endpoints.yml has: {}", join(names, ", "));
    checker_.add(mark, fmt::format("{} \"{}\" does not exist", warehouses_only ? "warehouse" : "endpoint", name),
                 std::move(next));
  }

  void check_warehouse(std::string const& name, yaml::Mark const& mark) {
    auto const found = config_.endpoints.find(name);
    if (found == config_.endpoints.end() || !found->second.is_warehouse) no_endpoint(mark, name, true);
  }

  void connection(Node const& name, Node const& node) {
    auto made = read_connection(name.text, node);
    if (Node const* from = node.find("from"); from != nullptr && !config_.endpoints.contains(made.from))
      no_endpoint(from->mark, made.from, false);
    if (!made.to.empty()) {
      check_warehouse(made.to, (node.find("to") != nullptr ? node.find("to") : node.find("warehouse"))->mark);
    } else if (!config_.warehouse.empty()) {
      made.to = config_.warehouse;
    } else {
      checker_.add(name.mark, fmt::format("connection \"{}\" has no warehouse", name.text),
                   endpoint_names(true).empty() ? "add one under warehouses: in endpoints.yml"
                                                : fmt::format("add warehouse: {}", endpoint_names(true).front()));
    }
    if (!made.from.empty() && made.from == made.to)
      checker_.add(name.mark, fmt::format("connection \"{}\" reads from the warehouse that it loads into", name.text));
    check_target_schema(node, made);
    check_tables(node, name, made);
    if (made.attempts < 1 || made.workers < 1 || made.chunk_rows < 1) {
      for (std::string_view const key : {"attempts", "workers", "chunk_rows"})
        if (Node const* value = node.find(key); value != nullptr && value->integer() == 0)
          checker_.add(value->mark, fmt::format("\"{}\" must be at least 1", key));
    }
    config_.connections.emplace(name.text, std::move(made));
  }

  void check_target_schema(Node const& node, Connection const& made) {
    Node const* into = node.find("into");
    if (into == nullptr || !into->is_scalar()) return;
    std::string const& schema = made.into;
    bool const taken =
        schema == "weir" || schema == "weir_data" || schema == "information_schema" || schema.starts_with("pg_");
    if (taken)
      checker_.add(into->mark, fmt::format("schema \"{}\" is not for tables of yours", schema), "name another schema");
    if (schema.size() > sql::kMaxIdentifierBytes)
      checker_.add(into->mark, fmt::format("schema \"{}\" is longer than the 63 bytes that PostgreSQL allows", schema));
  }

  void check_tables(Node const& node, Node const& name, Connection const& made) {
    Node const* tables = node.find("tables");
    if (tables != nullptr && made.tables.empty() && (tables->kind == Kind::Sequence || tables->kind == Kind::Mapping))
      checker_.add(name.mark, fmt::format("connection \"{}\" names no table", name.text), "tables: [\"*\"] means all");
    std::map<std::string, int> seen;
    for (auto const& pattern : made.tables) {
      yaml::Mark const mark{name.mark.source, pattern.place.line, pattern.place.column,
                            static_cast<int>(pattern.pattern.size())};
      auto const [at, is_new] = seen.emplace((pattern.enabled ? "+" : "-") + pattern.pattern, pattern.place.line);
      if (!is_new)
        checker_.add(mark, fmt::format("table \"{}\" is named twice in connection \"{}\"", pattern.pattern, name.text),
                     "remove one of the two");
      if (!pattern.options.columns.empty() && !pattern.options.exclude_columns.empty())
        checker_.add(mark, fmt::format("table \"{}\" has both columns and exclude_columns", pattern.pattern),
                     "keep the one that says it");
      if (!pattern.options.target_name.empty() && has_wildcard(pattern.pattern))
        checker_.add(mark,
                     fmt::format("pattern \"{}\" would give several tables the name \"{}\"", pattern.pattern,
                                 pattern.options.target_name),
                     "use \"as\" with a name without wildcard only");
    }
  }

 public:
  static bool has_wildcard(std::string_view pattern) { return pattern.find_first_of("*?") != std::string_view::npos; }

 private:
  Config& config_;
  Checker& checker_;
};

Result<std::filesystem::path> find_root(std::filesystem::path const& start) {
  std::error_code failed;
  auto folder = std::filesystem::absolute(start, failed);
  if (failed) folder = start;
  folder = (folder / "x").lexically_normal().parent_path();  // without a slash at the end
  for (auto at = folder;; at = at.parent_path()) {
    if (std::filesystem::exists(at / kWeirFile, failed)) return at;
    if (at == at.parent_path() || at.empty()) break;
  }
  return Error(ErrorKind::Config, fmt::format("no {} in \"{}\" or a folder above it", kWeirFile, folder.string()))
      .next("weir init writes one, weir -C DIR names another folder, weir demo needs none");
}

Result<yaml::NodePtr> read_yaml(std::filesystem::path const& root, char const* name, bool quote_lines) {
  WEIR_TRY(std::string text, read_file(root / name));
  yaml::Options options;
  options.quote_lines = quote_lines;
  return yaml::parse(name, std::move(text), options);
}

std::filesystem::path state_folder_of(Node const& weir, std::filesystem::path const& root) {
  std::string folder = ".weir";
  Reader{weir}.object("state", [&](Reader const& state) { state.text("folder", folder); });
  if (char const* from_environment = std::getenv("WEIR_STATE_DIR");
      from_environment != nullptr && *from_environment != 0)
    return std::filesystem::absolute(from_environment);
  return (root / folder).lexically_normal();
}

}  // namespace

std::string_view step_kind_name(JobStep::Kind kind) {
  switch (kind) {
    case JobStep::Kind::Sync:
      return "sync";
    case JobStep::Kind::Dbt:
      return "dbt";
    case JobStep::Kind::Verify:
      return "verify";
  }
  return "";
}

std::string Place::text() const {
  return fmt::format("{}:{}:{}", file, line, column);
}

StreamPattern const* pattern_for(Connection const& connection, std::string_view table) {
  StreamPattern const* best = nullptr;
  for (auto const& pattern : connection.tables) {
    bool const exact = !Semantics::has_wildcard(pattern.pattern);
    if (exact ? pattern.pattern != table : !matches_glob(pattern.pattern, table)) continue;
    if (!pattern.enabled) return nullptr;
    if (best == nullptr || exact || Semantics::has_wildcard(best->pattern)) best = &pattern;
  }
  return best;
}

Result<Config> load(std::filesystem::path const& start) {
  Config config;
  WEIR_TRY(config.root, find_root(start));
  std::error_code failed;
  Checker endpoints_checker(true), weir_checker(false);
  Semantics endpoints_semantics(config, endpoints_checker), weir_semantics(config, weir_checker);
  if (std::filesystem::exists(config.root / kEndpointsFile, failed)) {
    WEIR_TRY(auto endpoints, read_yaml(config.root, kEndpointsFile, false));
    endpoints_checker.check(*endpoints, endpoints_keys());
    endpoints_semantics.endpoints(*endpoints);
    read_channels(*endpoints, config, endpoints_checker);
  } else {
    config.warnings.push_back(fmt::format("there is no {} beside {}: no database is known", kEndpointsFile, kWeirFile));
  }
  if (!endpoints_checker.problems().empty()) return endpoints_checker.error(kEndpointsFile);
  WEIR_TRY(auto weir, read_yaml(config.root, kWeirFile, true));
  weir_checker.check(*weir, weir_keys());
  weir_semantics.connections(*weir);
  read_alerts(*weir, config, weir_checker);
  read_heartbeat(*weir, config, weir_checker);
  weir_semantics.jobs(*weir);
  config.state_folder = state_folder_of(*weir, config.root);
  weir_semantics.state(*weir);
  if (!weir_checker.problems().empty()) return weir_checker.error(kWeirFile);
  config.settings = weir_checker.take_settings();
  auto more = endpoints_checker.take_settings();
  config.settings.insert(config.settings.end(), std::make_move_iterator(more.begin()),
                         std::make_move_iterator(more.end()));
  return config;
}

}  // namespace weir::config
