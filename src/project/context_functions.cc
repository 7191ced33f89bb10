#include "project/context_functions.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "base/log.h"
#include "base/text.h"
#include "project/context.h"
#include "project/templates.h"
#include "project/yaml_data.h"

namespace weir::project {
namespace {

using jinja::Arguments;
using jinja::Failure;
using jinja::FailureType;
using jinja::Outcome;
using jinja::State;
using jinja::Value;

class Record final : public jinja::Object {
 public:
  Record(std::string type, Data fields, std::map<std::string, Value, std::less<>> records)
      : type_(std::move(type)), fields_(std::move(fields)), records_(std::move(records)) {}
  std::string type_name() const override { return type_; }
  bool is_true() const override { return true; }
  std::string text() const override { return jinja::to_text(to_value(fields_)); }
  Outcome<Value> attribute(State&, std::string_view name) override {
    if (name == "to_dict")
      return jinja::function(
          "to_dict", [fields = fields_](State&, Arguments const&) -> Outcome<Value> { return to_value(fields); });
    if (auto const found = records_.find(name); found != records_.end()) return found->second;
    auto const* found = fields_.find(name);
    return found == nullptr ? Value::missing() : to_value(*found);
  }

 private:
  std::string type_;
  Data fields_;
  std::map<std::string, Value, std::less<>> records_;
};

// What packages read of dbt's RuntimeConfig.
Value runtime_config(ContextFacts const& facts, ProjectFile const& project, Value packages = {}) {
  auto const& target = facts.target;
  return jinja::make_module("RuntimeConfig", {{"project_name", Value(project.name)},
                                              {"version", Value(project.version)},
                                              {"project_root", Value(project.root.string())},
                                              {"profile_name", Value(target.profile_name)},
                                              {"target_name", Value(target.name)},
                                              {"threads", Value(target.threads)},
                                              {"cli_vars", to_value(Data(facts.cli_vars))},
                                              {"vars", record("VarProvider", project.vars)},
                                              {"dependencies", std::move(packages)}});
}

class FunctionWithConfig final : public jinja::Object {
 public:
  FunctionWithConfig(std::string name, jinja::Function call, ContextFacts const& facts)
      : name_(std::move(name)), call_(std::move(call)), facts_(facts) {}
  std::string type_name() const override { return "function"; }
  bool is_callable() const override { return true; }
  bool is_true() const override { return true; }
  std::string repr() const override { return "<function " + name_ + ">"; }
  Outcome<Value> call(State& state, Arguments const& arguments) override { return call_(state, arguments); }
  Outcome<Value> attribute(State&, std::string_view name) override {
    return name == "config" ? config() : Value::missing();
  }

 private:
  Value config() const {
    std::vector<std::pair<std::string, Value>> packages;
    for (auto const& project : *facts_.projects) packages.emplace_back(project.name, runtime_config(facts_, project));
    return runtime_config(facts_, facts_.root(), jinja::dict_of(std::move(packages)));
  }

  std::string name_;
  jinja::Function call_;
  ContextFacts const& facts_;
};

Value from_json(nlohmann::ordered_json const& json) {
  if (json.is_null()) return {};
  if (json.is_boolean()) return Value(json.get<bool>());
  if (json.is_number_unsigned()) return Value(json.get<std::uint64_t>());
  if (json.is_number_integer()) return Value(json.get<std::int64_t>());
  if (json.is_number_float()) return Value(json.get<double>());
  if (json.is_string()) return Value(json.get<std::string>());
  if (json.is_array()) {
    std::vector<Value> items;
    for (auto const& item : json) items.push_back(from_json(item));
    return jinja::list_of(std::move(items));
  }
  std::vector<std::pair<std::string, Value>> entries;
  for (auto const& [key, value] : json.items()) entries.emplace_back(key, from_json(value));
  return jinja::dict_of(std::move(entries));
}

// json.dumps keeps to ASCII.
std::string ascii_only(std::string const& json) {
  std::string out;
  for (std::size_t at = 0; at < json.size();) {
    auto const first = static_cast<unsigned char>(json[at]);
    std::size_t const length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (length == 1 || at + length > json.size()) {
      out += json[at++];
      continue;
    }
    std::uint32_t code = first & (0xFFU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) code = (code << 6U) | (static_cast<unsigned char>(json[at + i]) & 0x3FU);
    at += length;
    if (code >= 0x10000) {
      out +=
          fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + ((code - 0x10000) >> 10U), 0xDC00 + ((code - 0x10000) & 0x3FFU));
    } else {
      out += fmt::format("\\u{:04x}", code);
    }
  }
  return out;
}

Outcome<Value> call_tojson(State&, Arguments const& arguments) {
  JINJA_TRY(auto bound, arguments.bind("tojson", {"value", "default", "sort_keys"}, 1));
  std::string out;
  append_json(out, to_data(bound[0]),
              !bound[2].is_missing() && jinja::truth(bound[2]) ? KeyOrder::Sorted : KeyOrder::AsIs);
  return Value(ascii_only(out));
}

Outcome<Value> call_fromjson(State&, Arguments const& arguments) {
  JINJA_TRY(auto bound, arguments.bind("fromjson", {"string", "default"}, 1));
  auto const json = nlohmann::ordered_json::parse(jinja::to_text(bound[0]), nullptr, false);
  if (json.is_discarded()) return bound[1].is_missing() ? Value() : bound[1];
  return from_json(json);
}

Outcome<Value> call_fromyaml(State&, Arguments const& arguments) {
  JINJA_TRY(auto bound, arguments.bind("fromyaml", {"value", "default"}, 1));
  auto const root = read_yaml("<fromyaml>", jinja::to_text(bound[0]));
  if (!root.ok()) return bound[1].is_missing() ? Value() : bound[1];
  return to_value(to_data(**root));
}

Outcome<Value> call_toyaml(State&, Arguments const& arguments) {
  JINJA_TRY(auto bound, arguments.bind("toyaml", {"value", "default", "sort_keys"}, 1));
  return Value(to_yaml(bound[0], !bound[2].is_missing() && jinja::truth(bound[2])));
}

Outcome<Value> make_set(State& state, Arguments const& arguments, std::string_view name, bool is_strict) {
  JINJA_TRY(auto bound, arguments.bind(name, {"value", "default"}, 1));
  auto items = state.items(bound[0]);
  if (!items.ok()) {
    if (is_strict) return std::move(items).error();
    return bound[1].is_missing() ? Value() : bound[1];
  }
  auto made = jinja::make<jinja::Set>();
  for (auto& item : *items) {
    JINJA_DO(made->add(std::move(item)));
  }
  return Value(made);
}

Outcome<Value> make_zip(State& state, Arguments const& arguments, bool is_strict) {
  std::vector<std::vector<Value>> columns;
  for (auto const& argument : arguments.positional) {
    auto items = state.items(argument);
    if (!items.ok()) {
      if (is_strict) return std::move(items).error();
      auto const* fallback = arguments.find("default");
      return fallback == nullptr ? Value() : *fallback;
    }
    columns.push_back(std::move(items).value());
  }
  std::size_t rows = columns.empty() ? 0 : columns[0].size();
  for (auto const& column : columns) rows = std::min(rows, column.size());
  std::vector<Value> made;
  for (std::size_t row = 0; row < rows; ++row) {
    std::vector<Value> items;
    for (auto const& column : columns) items.push_back(column[row]);
    made.push_back(jinja::tuple_of(std::move(items)));
  }
  return jinja::list_of(std::move(made));
}

Outcome<Value> call_local_md5(State&, Arguments const& arguments) {
  JINJA_TRY(auto bound, arguments.bind("local_md5", {"value"}, 1));
  return Value(md5_hex(jinja::to_text(bound[0])));
}

// Privileges and grantees that `a` has beyond `b`, letters' case aside.
Outcome<Value> call_diff(State& state, Arguments const& arguments) {
  JINJA_TRY(auto bound, arguments.bind("diff_of_two_dicts", {"dict_a", "dict_b"}, 2));
  if (!bound[0].is_dict() || !bound[1].is_dict())
    return Failure(FailureType::TypeError, "diff_of_two_dicts() takes two dicts");
  auto lowered = [&](Value const& list) -> Outcome<std::vector<std::string>> {
    JINJA_TRY(auto items, state.items(list));
    std::vector<std::string> out;
    for (auto const& item : items) out.push_back(to_lower(jinja::to_text(item)));
    return out;
  };
  std::vector<std::pair<std::string, Value>> diff;
  for (auto const& entry : bound[0].dict()) {
    std::string const key = jinja::to_text(entry.key);
    std::vector<std::string> theirs;
    for (auto const& other : bound[1].dict()) {
      if (!equals_ignoring_case(jinja::to_text(other.key), key)) continue;
      JINJA_TRY(theirs, lowered(other.value));
    }
    JINJA_TRY(auto ours, state.items(entry.value));
    std::vector<Value> left;
    for (auto const& item : ours)
      if (std::find(theirs.begin(), theirs.end(), to_lower(jinja::to_text(item))) == theirs.end()) left.push_back(item);
    if (!left.empty()) diff.emplace_back(key, jinja::list_of(std::move(left)));
  }
  return jinja::dict_of(std::move(diff));
}

Outcome<Value> call_log(State&, Arguments const& arguments) {
  JINJA_TRY(auto bound, arguments.bind("log", {"msg", "info"}, 1));
  std::string const text = jinja::to_text(bound[0]);
  if (!bound[1].is_missing() && jinja::truth(bound[1])) {
    log_info("{}", text);
  } else {
    log_step("{}", text);
  }
  return Value("");
}

Outcome<Value> call_print(State&, Arguments const& arguments) {
  JINJA_TRY(auto bound, arguments.bind("print", {"msg"}, 1));
  log_info("{}", jinja::to_text(bound[0]));
  return Value("");
}

Error template_error(std::string message, std::string_view kind = {}) {
  Error error(ErrorKind::Template, std::move(message));
  if (!kind.empty()) error.cause(std::string(kind));
  return error;
}

// exceptions.NAME(...): how many of the first arguments belong to the message, and how it is made.
Value raising(std::string name, std::function<std::string(std::vector<std::string> const&)> message) {
  return jinja::function(name, [message = std::move(message)](State&, Arguments const& arguments) -> Outcome<Value> {
    std::vector<std::string> texts;
    for (auto const& one : arguments.positional) texts.push_back(jinja::to_text(one));
    if (texts.empty())
      for (auto const& named : arguments.named) texts.push_back(jinja::to_text(named.value));
    texts.resize(std::max<std::size_t>(texts.size(), 4));
    return Failure(template_error(message(texts)));
  });
}

// Columns as a contract and a query have them: {name, data_type, formatted}, by name in lower case.
std::map<std::string, std::pair<std::string, std::string>> columns_by_name(Value const& columns) {
  std::map<std::string, std::pair<std::string, std::string>> out;
  Data const data = to_data(columns);
  for (auto const& column : data.items()) {
    std::string const name = column["name"].str();
    out.emplace(to_lower(name), std::pair(name, column["data_type"].str()));
  }
  return out;
}

// A table of the columns that differ, with dbt's headings and reasons.
std::string contract_differences(Value const& in_contract, Value const& in_query) {
  auto const wanted = columns_by_name(in_contract), given = columns_by_name(in_query);
  std::vector<std::array<std::string, 4>> rows{{"column_name", "definition_type", "contract_type", "mismatch_reason"}};
  for (auto const& [key, column] : given) {
    auto const found = wanted.find(key);
    if (found == wanted.end()) {
      rows.push_back({column.first, column.second, "", "missing in contract"});
    } else if (found->second.second != column.second) {
      rows.push_back({column.first, column.second, found->second.second, "data type mismatch"});
    }
  }
  for (auto const& [key, column] : wanted)
    if (!given.contains(key)) rows.push_back({column.first, "", column.second, "missing in definition"});
  std::sort(rows.begin() + 1, rows.end());
  std::array<std::size_t, 4> widths{};
  for (auto const& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  std::vector<std::string> lines;
  for (auto const& row : rows) {
    std::string line = "|";
    for (std::size_t i = 0; i < row.size(); ++i) line += fmt::format(" {:<{}} |", row[i], widths[i]);
    lines.push_back(std::move(line));
  }
  std::string rule = "|";
  for (auto const width : widths) rule += fmt::format(" {:-<{}} |", "", width);
  lines.insert(lines.begin() + 1, rule);
  return join(lines, "\n");
}

Outcome<Value> call_raise_contract_error(State&, Arguments const& arguments) {
  JINJA_TRY(auto bound, arguments.bind("raise_contract_error", {"yaml_columns", "sql_columns"}, 2));
  if (to_data(bound[0]).items().empty())
    return Failure(template_error("this model has an enforced contract, which says nothing of its columns")
                       .next("list every column with its data_type"));
  return Failure(
      template_error("this model has an enforced contract, and its columns differ\n" +
                     indent(contract_differences(bound[0], bound[1]), 2))
          .next("make names and types of the query's columns those of the contract, or change the contract"));
}

Value make_exceptions() {
  auto const first = [](std::vector<std::string> const& texts) { return texts[0]; };
  std::vector<std::pair<std::string, Value>> members;
  for (auto const* name :
       {"raise_compiler_error", "raise_database_error", "raise_dependency_error", "raise_duplicate_patch_name",
        "raise_duplicate_resource_name", "raise_fail_fast_error", "raise_not_implemented", "raise_parsing_error",
        "raise_ambiguous_alias", "raise_ambiguous_catalog_match", "raise_cache_inconsistent",
        "raise_dataclass_not_dict", "raise_invalid_property_yml_version", "snapshot_timestamp_invalid"})
    members.emplace_back(name, raising(name, first));
  members.emplace_back("missing_config", raising("missing_config", [](auto const& texts) {
                         return fmt::format("model \"{}\" does not say the config \"{}\", which it must", texts[0],
                                            texts[1]);
                       }));
  members.emplace_back("missing_materialization", raising("missing_materialization", [](auto const& texts) {
                         return fmt::format("no materialization \"{}\" was found for {}", texts[1], texts[0]);
                       }));
  members.emplace_back("missing_relation", raising("missing_relation", [](auto const& texts) {
                         return fmt::format("relation {} does not exist", texts[0]);
                       }));
  members.emplace_back("relation_wrong_type", raising("relation_wrong_type", [](auto const& texts) {
                         return fmt::format("relation {} is not a {}", texts[0], texts[1]);
                       }));
  members.emplace_back("raise_contract_error", jinja::function("raise_contract_error", call_raise_contract_error));
  members.emplace_back(
      "column_type_missing", raising("column_type_missing", [](auto const& texts) {
        return fmt::format("an enforced contract needs the data type of every column; it is missing for {}", texts[0]);
      }));
  auto const warn = jinja::function("warn", [](State&, Arguments const& arguments) -> Outcome<Value> {
    JINJA_TRY(auto bound, arguments.bind("warn", {"msg", "node"}, 1));
    log_info("warning: {}", jinja::to_text(bound[0]));
    return Value("");
  });
  members.emplace_back("warn", warn);
  members.emplace_back(
      "warn_snapshot_timestamp_data_types",
      jinja::function("warn_snapshot_timestamp_data_types", [](State&, Arguments const& arguments) -> Outcome<Value> {
        JINJA_TRY(auto bound, arguments.bind("warn_snapshot_timestamp_data_types",
                                             {"snapshot_time_data_type", "updated_at_data_type"}, 2));
        log_info("warning: data type of the snapshot's time column ({}) is not that of updated_at ({})",
                 jinja::to_text(bound[0]), jinja::to_text(bound[1]));
        return Value("");
      }));
  members.emplace_back("CompilationException", raising("CompilationException", first));
  return jinja::make_module("exceptions", std::move(members));
}

Outcome<Value> call_try_or_compiler_error(State& state, Arguments const& arguments) {
  if (arguments.positional.size() < 2)
    return Failure(FailureType::TypeError, "try_or_compiler_error() needs a message and a function");
  Arguments const rest{arguments.positional.subspan(2), arguments.named};
  auto result = state.call(arguments.positional[1], rest);
  if (result.ok() || result.error().type() == FailureType::Return) return result;
  return Failure(template_error(jinja::to_text(arguments.positional[0])));
}

struct Entry {
  std::string_view name;
  Value value;
};

std::vector<Entry> const& entries() {
  static std::vector<Entry> const all = [] {
    auto const strict = [](bool is_strict) {
      return [is_strict](State& state, Arguments const& arguments) { return make_zip(state, arguments, is_strict); };
    };
    return std::vector<Entry>{
        {"tojson", jinja::function("tojson", call_tojson)},
        {"fromjson", jinja::function("fromjson", call_fromjson)},
        {"toyaml", jinja::function("toyaml", call_toyaml)},
        {"fromyaml", jinja::function("fromyaml", call_fromyaml)},
        {"set",
         jinja::function(
             "set", [](State& state, Arguments const& arguments) { return make_set(state, arguments, "set", false); })},
        {"set_strict", jinja::function("set_strict",
                                       [](State& state, Arguments const& arguments) {
                                         return make_set(state, arguments, "set_strict", true);
                                       })},
        {"zip", jinja::function("zip", strict(false))},
        {"zip_strict", jinja::function("zip_strict", strict(true))},
        {"local_md5", jinja::function("local_md5", call_local_md5)},
        {"diff_of_two_dicts", jinja::function("diff_of_two_dicts", call_diff)},
        {"log", jinja::function("log", call_log)},
        {"print", jinja::function("print", call_print)},
        {"return", jinja::return_function()},
        {"exceptions", make_exceptions()},
        {"try_or_compiler_error", jinja::function("try_or_compiler_error", call_try_or_compiler_error)},
    };
  }();
  return all;
}

// ------------------------------------------------------------------------------------------------------------------
// YAML

bool needs_quotes(std::string_view text) {
  if (text.empty() || yaml::resolve_plain(text) != yaml::Kind::String) return true;
  if (text.front() == ' ' || text.back() == ' ' || text.back() == ':') return true;
  if (std::string_view("-?:,[]{}#&*!|>'\"%@`").find(text.front()) != std::string_view::npos &&
      (text.size() == 1 || (text.front() != '-' && text.front() != '?' && text.front() != ':') || text[1] == ' '))
    return true;
  return text.find(": ") != std::string_view::npos || text.find(" #") != std::string_view::npos ||
         text.find('\n') != std::string_view::npos;
}

std::string yaml_scalar(Value const& value) {
  if (value.is_none()) return "null";
  if (value.is_bool()) return value.boolean() ? "true" : "false";
  if (!value.is_string()) return jinja::to_text(value);
  std::string_view const text = value.string();
  if (!needs_quotes(text)) return std::string(text);
  return "'" + replace_all(replace_all(std::string(text), "'", "''"), "\n", "\n\n") + "'";
}

void append_yaml(std::string& out, Value const& value, std::size_t depth, bool sort_keys, bool in_list) {
  std::string const pad(depth * 2, ' ');
  if (value.is_dict() && value.dict().size() > 0) {
    std::vector<std::pair<std::string, Value>> entries;
    for (auto const& entry : value.dict()) entries.emplace_back(yaml_scalar(entry.key), entry.value);
    if (sort_keys)
      std::sort(entries.begin(), entries.end(), [](auto const& a, auto const& b) { return a.first < b.first; });
    bool first = true;
    for (auto const& [key, item] : entries) {
      out += (first && in_list ? "" : pad) + key + ":";
      first = false;
      bool const is_deep = (item.is_dict() && item.dict().size() > 0) || (item.is_list() && !item.list().items.empty());
      out += is_deep ? "\n" : " ";
      append_yaml(out, item, item.is_dict() ? depth + 1 : depth, sort_keys, false);
    }
    return;
  }
  if (value.is_list() && !value.list().items.empty()) {
    bool first = true;
    for (auto const& item : value.list().items) {
      out += (first && in_list ? "" : pad) + "- ";
      first = false;
      append_yaml(out, item, depth + 1, sort_keys, true);
    }
    return;
  }
  if (value.is_dict()) {
    out += "{}\n";
  } else if (value.is_list()) {
    out += "[]\n";
  } else {
    out += yaml_scalar(value) + "\n";
  }
}

}  // namespace

Value common_function(std::string_view name) {
  for (auto const& entry : entries())
    if (entry.name == name) return entry.value;
  return Value::missing();
}

std::vector<std::string> const& common_function_names() {
  static std::vector<std::string> const names = [] {
    std::vector<std::string> all;
    for (auto const& entry : entries()) all.emplace_back(entry.name);
    return all;
  }();
  return names;
}

Value function_with_config(std::string name, jinja::Function call, ContextFacts const& facts) {
  return jinja::make<FunctionWithConfig>(std::move(name), std::move(call), facts);
}

Value record(std::string type, Data fields, std::map<std::string, Value, std::less<>> records) {
  return jinja::make<Record>(std::move(type), std::move(fields), std::move(records));
}

Data custom_environment() {
  constexpr std::string_view kPrefix = "DBT_ENV_CUSTOM_ENV_";
  Data::Dict found;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    std::string_view const line(*entry);
    auto const equals = line.find('=');
    if (!line.starts_with(kPrefix) || equals == std::string_view::npos || equals < kPrefix.size()) continue;
    found.emplace_back(std::string(line.substr(kPrefix.size(), equals - kPrefix.size())),
                       Data(std::string(line.substr(equals + 1))));
  }
  return Data(std::move(found));
}

std::string to_yaml(Value const& value, bool sort_keys) {
  std::string out;
  append_yaml(out, value, 0, sort_keys, false);
  return out;
}

}  // namespace weir::project
