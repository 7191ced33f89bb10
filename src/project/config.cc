#include "project/config.h"

#include <algorithm>
#include <array>
#include <functional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace weir::project {
namespace {

enum class Merge { Replace, Append, Update, AppendByKey };

Merge merge_of(NodeKind kind, std::string_view key) {
  bool const is_node = kind != NodeKind::Test && kind != NodeKind::Source && kind != NodeKind::Exposure &&
                       kind != NodeKind::Metric && kind != NodeKind::SemanticModel && kind != NodeKind::SavedQuery &&
                       kind != NodeKind::UnitTest;
  if (key == "tags")
    return is_node || kind == NodeKind::Test || kind == NodeKind::UnitTest ? Merge::Append : Merge::Replace;
  if (key == "meta") return kind == NodeKind::Exposure ? Merge::Replace : Merge::Update;
  if (!is_node) return Merge::Replace;
  if (key == "pre-hook" || key == "post-hook" || key == "packages") return Merge::Append;
  if (key == "quoting" || key == "column_types" || key == "docs" || key == "contract") return Merge::Update;
  if (key == "grants") return Merge::AppendByKey;
  return Merge::Replace;
}

Data::Dict node_defaults(std::string_view materialized) {
  return {{"enabled", true},
          {"alias", {}},
          {"schema", {}},
          {"database", {}},
          {"tags", Data::List{}},
          {"meta", Data::Dict{}},
          {"group", {}},
          {"static_analysis", {}},
          {"materialized", materialized},
          {"incremental_strategy", {}},
          {"batch_size", {}},
          {"lookback", 1},
          {"begin", {}},
          {"persist_docs", Data::Dict{}},
          {"post-hook", Data::List{}},
          {"pre-hook", Data::List{}},
          {"quoting", Data::Dict{}},
          {"column_types", Data::Dict{}},
          {"full_refresh", {}},
          {"unique_key", {}},
          {"on_schema_change", "ignore"},
          {"on_configuration_change", "apply"},
          {"grants", Data::Dict{}},
          {"packages", Data::List{}},
          {"docs", Data::Dict{{"show", true}, {"node_color", {}}}},
          {"contract", Data::Dict{{"enforced", false}, {"alias_types", true}}},
          {"event_time", {}},
          {"concurrent_batches", {}}};
}

Data::Dict defaults(NodeKind kind) {
  auto with = [](Data::Dict base, Data::Dict const& more) {
    base.insert(base.end(), more.begin(), more.end());
    return base;
  };
  Data const no_time = Data::Dict{{"count", {}}, {"period", {}}};
  switch (kind) {
    case NodeKind::Model:
      return with(node_defaults("view"), {{"access", "protected"}, {"freshness", {}}});
    case NodeKind::Seed:
      return with(node_defaults("seed"), {{"delimiter", ","}, {"quote_columns", {}}});
    case NodeKind::Snapshot:
      return with(node_defaults("snapshot"), {{"strategy", {}},
                                              {"target_schema", {}},
                                              {"target_database", {}},
                                              {"updated_at", {}},
                                              {"check_cols", {}},
                                              {"snapshot_meta_column_names", Data::Dict{{"dbt_valid_to", {}},
                                                                                        {"dbt_valid_from", {}},
                                                                                        {"dbt_scd_id", {}},
                                                                                        {"dbt_updated_at", {}},
                                                                                        {"dbt_is_deleted", {}}}},
                                              {"dbt_valid_to_current", {}}});
    case NodeKind::Function:
      return with(node_defaults("function"),
                  {{"type", "scalar"}, {"volatility", {}}, {"runtime_version", {}}, {"entry_point", {}}});
    case NodeKind::Test:
      return {{"enabled", true},     {"alias", {}},           {"schema", "dbt_test__audit"},
              {"database", {}},      {"tags", Data::List{}},  {"meta", Data::Dict{}},
              {"group", {}},         {"static_analysis", {}}, {"materialized", "test"},
              {"severity", "ERROR"}, {"store_failures", {}},  {"store_failures_as", {}},
              {"where", {}},         {"limit", {}},           {"fail_calc", "count(*)"},
              {"warn_if", "!= 0"},   {"error_if", "!= 0"}};
    case NodeKind::Source:
      return {{"enabled", true},
              {"event_time", {}},
              {"freshness", Data::Dict{{"warn_after", no_time}, {"error_after", no_time}, {"filter", {}}}},
              {"loaded_at_field", {}},
              {"loaded_at_query", {}},
              {"meta", Data::Dict{}},
              {"tags", Data::List{}},
              {"static_analysis", {}}};
    case NodeKind::Exposure:
      return {{"enabled", true}, {"tags", Data::List{}}, {"meta", Data::Dict{}}};
    case NodeKind::Metric:
    case NodeKind::SemanticModel:
      return {{"enabled", true}, {"group", {}}, {"meta", Data::Dict{}}};
    case NodeKind::SavedQuery:
      return {{"enabled", true}, {"group", {}},  {"meta", Data::Dict{}},
              {"export_as", {}}, {"schema", {}}, {"cache", Data::Dict{{"enabled", false}}}};
    case NodeKind::UnitTest:
      return {{"tags", Data::List{}}, {"meta", Data::Dict{}}, {"enabled", true}, {"static_analysis", {}}};
    default:
      return node_defaults("view");
  }
}

Data::List listed(Data const& value) {
  if (value.is_list()) return value.items();
  return {value};
}

Data appended(Data const& a, Data const& b) {
  Data::List items = listed(a);
  for (auto const& item : listed(b)) items.push_back(item);
  return items;
}

Data updated(Data const& a, Data const& b) {
  Data::Dict pairs = a.pairs();
  update(pairs, b.pairs());
  return pairs;
}

// Grants: a privilege's list replaces the one before, unless its key begins with +. In calls that are collected the +
// stays.
Data appended_by_key(Data const& a, Data const& b, bool keeps_plus) {
  Data::Dict pairs;
  for (auto const& [key, value] : a.pairs()) pairs.emplace_back(key, listed(value));
  for (auto const& [key, value] : b.pairs()) {
    bool const extends = key.starts_with('+');
    std::string const name = extends && !keeps_plus ? key.substr(key.find_first_not_of('+')) : key;
    auto* there = find(pairs, name);
    if (there != nullptr && extends) {
      *there = appended(*there, value);
    } else {
      set(pairs, name, listed(value));
    }
  }
  return pairs;
}

// Names that the warehouse has two of, and the two spellings of hooks.
std::string_view translated(std::string_view key) {
  if (key == "dbname") return "database";
  if (key == "pass") return "password";
  if (key == "pre_hook") return "pre-hook";
  if (key == "post_hook") return "post-hook";
  return key;
}

Result<Data> merged(NodeKind kind, std::string_view key, Data const& before, Data const& value) {
  Merge const merge = merge_of(kind, key);
  if ((merge == Merge::Update || merge == Merge::AppendByKey) && !value.is_dict())
    return Error(ErrorKind::Config, fmt::format("config \"{}\" is a mapping, not {}", key, value.repr()));
  switch (merge) {
    case Merge::Append:
      return appended(before, value);
    case Merge::Update:
      return updated(before, value);
    case Merge::AppendByKey:
      return appended_by_key(before, value, false);
    case Merge::Replace:
      return value;
  }
  return value;
}

Status apply(NodeKind kind, Data::Dict& config, Data::Dict const& more) {
  for (auto const& [raw_key, value] : more) {
    std::string_view const key = translated(trim(raw_key));
    auto const* before = find(config, key);
    if (before == nullptr) {
      set(config, key, value);
      continue;
    }
    WEIR_TRY(Data one, merged(kind, key, *before, value));
    set(config, key, std::move(one));
  }
  return {};
}

// One level of dbt_project.yml: what begins with + and what is no mapping.
Data::Dict level_config(Data const& level) {
  Data::Dict config;
  for (auto const& [key, value] : level.pairs()) {
    if (key.starts_with('+')) {
      set(config, trim(std::string_view(key).substr(1)), value);
    } else if (!value.is_dict()) {
      set(config, key, value);
    }
  }
  return config;
}

void for_each_level(Data const& configs, std::vector<std::string> const& fqn,
                    std::function<void(Data::Dict)> const& visit) {
  Data level = configs;
  visit(level_config(level));
  for (auto const& name : fqn) {
    auto const* below = level.find(name);
    if (below == nullptr || !below->is_dict()) return;
    level = Data(*below);
    visit(level_config(level));
  }
}

Status apply_levels(NodeKind kind, Data::Dict& config, Data const& configs, std::vector<std::string> const& fqn) {
  Status status;
  for_each_level(configs, fqn, [&](Data::Dict level) {
    if (status.ok()) status = apply(kind, config, level);
  });
  return status;
}

Hook hook_of(Data const& value) {
  Hook hook;
  if (value.is_dict()) {
    hook.sql = value["sql"].str();
    hook.transaction = value["transaction"].is_none() || value["transaction"].truth();
    if (value["index"].kind() == Data::Kind::Int) hook.index = value["index"].integer();
    return hook;
  }
  hook.sql = value.str();
  // before_begin() and after_commit() give a text of JSON.
  if (trim(hook.sql).starts_with('{')) {
    auto const parsed = nlohmann::json::parse(hook.sql, nullptr, false);
    if (parsed.is_object() && parsed.contains("sql") && parsed["sql"].is_string()) {
      hook.sql = parsed["sql"].get<std::string>();
      hook.transaction = !parsed.contains("transaction") || parsed["transaction"] != false;
      if (parsed.contains("index") && parsed["index"].is_number_integer())
        hook.index = parsed["index"].get<std::int64_t>();
    }
  }
  return hook;
}

Data hook_data(Hook const& hook) {
  return Data::Dict{
      {"sql", hook.sql}, {"transaction", hook.transaction}, {"index", hook.index ? Data(*hook.index) : Data()}};
}

// What dbt makes of a value after all was merged.
Status finish(NodeKind kind, Data::Dict& config) {
  for (std::string_view const key : {"pre-hook", "post-hook"}) {
    auto* value = find(config, key);
    if (value == nullptr || merge_of(kind, key) != Merge::Append) continue;
    Data::List hooks;
    for (auto const& hook : hooks_of(*value)) hooks.push_back(hook_data(hook));
    *value = std::move(hooks);
  }
  if (auto* tags = find(config, "tags"); tags != nullptr && tags->is_string() && kind == NodeKind::Source)
    *tags = Data::List{*tags};
  if (auto* docs = find(config, "docs"); docs != nullptr && docs->is_dict()) {
    Data::Dict pairs{{"show", true}, {"node_color", {}}};
    update(pairs, docs->pairs());
    *docs = std::move(pairs);
  }
  if (auto* contract = find(config, "contract"); contract != nullptr && contract->is_dict()) {
    Data::Dict pairs{{"enforced", false}, {"alias_types", true}};
    update(pairs, contract->pairs());
    *contract = std::move(pairs);
  }
  if (auto* names = find(config, "snapshot_meta_column_names");
      names != nullptr && names->is_dict() && kind == NodeKind::Snapshot) {
    Data::Dict pairs = find(default_config(kind), "snapshot_meta_column_names")->pairs();
    update(pairs, names->pairs());
    *names = std::move(pairs);
  }
  if (kind == NodeKind::Test) {
    auto* as = find(config, "store_failures_as");
    auto* store = find(config, "store_failures");
    if (as->is_none()) {
      if (!store->is_none()) *as = Data(store->truth() ? "table" : "ephemeral");
    } else {
      *store = Data(as->text() != "ephemeral");
    }
    std::string const severity = to_lower(find(config, "severity")->str());
    if (severity != "warn" && severity != "error")
      return Error(ErrorKind::Config,
                   fmt::format("severity is warn or error, not \"{}\"", find(config, "severity")->str()));
  }
  if (kind == NodeKind::Model) {
    if (auto* freshness = find(config, "freshness"); freshness != nullptr && !(*freshness)["build_after"].is_dict())
      *freshness = Data();
    auto const* contract = find(config, "contract");
    auto const change = find(config, "on_schema_change")->str();
    if ((*contract)["enforced"].truth() && find(config, "materialized")->str() == "incremental" &&
        change != "append_new_columns" && change != "fail")
      return Error(ErrorKind::Config, fmt::format("on_schema_change is \"{}\"", change))
          .cause("an incremental model with an enforced contract needs append_new_columns or fail")
          .next("set on_schema_change: append_new_columns, or fail");
  }
  return {};
}

}  // namespace

Data::Dict const& default_config(NodeKind kind) {
  static std::array<Data::Dict, 13> const all = [] {
    std::array<Data::Dict, 13> made;
    for (std::size_t i = 0; i < made.size(); ++i) made[i] = defaults(static_cast<NodeKind>(i));
    return made;
  }();
  return all[static_cast<std::size_t>(kind)];
}

void merge_config_call(Data::Dict& calls, Data::Dict const& more) {
  if (calls.empty()) {
    for (auto const& [key, value] : more) set(calls, key, value);
    return;
  }
  for (auto const& [key, value] : more) {
    auto const* before = find(calls, key);
    if (key == "pre-hook" || key == "pre_hook" || key == "post-hook" || key == "post_hook" || key == "tags" ||
        key == "packages") {
      set(calls, key, before == nullptr ? Data(listed(value)) : appended(*before, value));
    } else if (before != nullptr && before->is_dict() && value.is_dict() &&
               (key == "quoting" || key == "column_types" || key == "meta" || key == "docs" || key == "contract" ||
                key == "snapshot_meta_column_names")) {
      set(calls, key, updated(*before, value));
    } else if (key == "grants" && value.is_dict()) {
      set(calls, key, appended_by_key(before == nullptr ? Data(Data::Dict{}) : *before, value, true));
    } else {
      set(calls, key, value);
    }
  }
}

Result<Data::Dict> node_config(ConfigInputs const& inputs) {
  Data::Dict config = default_config(inputs.kind);
  WEIR_DO(apply_levels(inputs.kind, config, inputs.own.configs(inputs.kind), inputs.fqn));
  WEIR_DO(apply(inputs.kind, config, inputs.patch));
  WEIR_DO(apply(inputs.kind, config, inputs.calls));
  if (inputs.own.name != inputs.root.name) {
    WEIR_DO(apply_levels(inputs.kind, config, inputs.root.configs(inputs.kind), inputs.fqn));
  }
  WEIR_DO(finish(inputs.kind, config));
  return config;
}

Data::Dict unrendered_config(ConfigInputs const& inputs) {
  Data::Dict config;
  auto const add = [&](Data::Dict const& more) {
    for (auto const& [key, value] : more)
      set(config, key == "dbname" ? "database" : key == "pass" ? "password" : std::string_view(key), value);
  };
  for_each_level(inputs.own.unrendered_configs(inputs.kind), inputs.fqn, add);
  add(inputs.patch);
  add(inputs.calls);
  if (inputs.own.name != inputs.root.name) for_each_level(inputs.root.unrendered_configs(inputs.kind), inputs.fqn, add);
  return config;
}

std::vector<Hook> hooks_of(Data const& value) {
  std::vector<Hook> hooks;
  if (value.is_none()) return hooks;
  for (auto const& one : listed(value)) hooks.push_back(hook_of(one));
  return hooks;
}

Data deep_merge(Data const& a, Data const& b) {
  if (!a.is_dict() || !b.is_dict()) return b;
  Data::Dict pairs = a.pairs();
  for (auto const& [key, value] : b.pairs()) {
    auto const* there = find(pairs, key);
    set(pairs, key, there == nullptr ? value : deep_merge(*there, value));
  }
  return pairs;
}

}  // namespace weir::project
