// Generic tests: a name and arguments in a properties file become a node by the macro of that name.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/digest.h"
#include "base/text.h"
#include "project/loading.h"
#include "project/parse_context.h"
#include "project/templates.h"

namespace weir::project {
namespace {

using jinja::Value;

constexpr std::string_view kConfigKeys[] = {"severity", "tags",     "enabled",   "where",          "limit",
                                            "warn_if",  "error_if", "fail_calc", "store_failures", "store_failures_as",
                                            "meta",     "database", "schema",    "alias"};

// A test taken apart.
struct Definition {
  std::string name;
  std::optional<std::string> namespace_;
  Data::Dict args;  // without config, name and description; `model` included
  Data::Dict config;
  std::string description, compiled_name, fqn_name;
};

Error in_test(Error error, TestRequest const& request) {
  if (error.where().empty() || error.where().starts_with("<"))
    error.where(request.mark.text()).excerpt(request.mark.excerpt());
  return std::move(error.context(
      fmt::format("reading a test of \"{}\"",
                  request.table_name.empty() ? request.target_name : request.target_name + "." + request.table_name)));
}

struct NameAndArguments {
  std::string name;
  Data::Dict args;
};

Result<NameAndArguments> take_apart(Draft const& draft, TestRequest const& request) {
  Data const& said = request.definition;
  NameAndArguments made;
  if (said.is_string()) {
    made.name = said.text();
  } else if (!said.is_dict()) {
    return Error(ErrorKind::Config, fmt::format("a test is a name, or a name with arguments, not {}", said.repr()));
  } else if (said.contains("test_name")) {
    made.args = said.pairs();
    made.name = said["test_name"].str();
    project::erase(made.args, "test_name");
  } else if (said.pairs().size() != 1) {
    std::vector<std::string> keys;
    for (auto const& [key, value] : said.pairs()) keys.push_back(key);
    return Error(ErrorKind::Config,
                 fmt::format("a test has one name, and {} stand here: {}", keys.size(), join(keys, ", ")))
        .next("indent the arguments below the test's name");
  } else {
    made.name = said.pairs()[0].first;
    auto const& args = said.pairs()[0].second;
    if (!args.is_dict() && !args.is_none())
      return Error(ErrorKind::Config,
                   fmt::format("the arguments of test \"{}\" are a mapping, not {}", made.name, args.repr()))
          .next("name each argument");
    made.args = args.pairs();
  }
  if (request.column_name) set(made.args, "column_name", Data(*request.column_name));
  if (draft.flag("require_generic_test_arguments_property", true)) {
    auto const* arguments = find(static_cast<Data::Dict const&>(made.args), "arguments");
    if (arguments != nullptr) {
      Data const kept = *arguments;
      project::erase(made.args, "arguments");
      update(made.args, kept.pairs());
    }
  }
  return made;
}

// What stands in braces, and nothing where it becomes none.
Result<Data::Dict> rendered_values(Draft const& draft, TestRequest const& request, Data::Dict const& values) {
  YamlContext context(draft.facts, true, YamlContext::Secrets::Refused, request.package);
  Data::Dict out;
  for (auto const& [key, value] : values) {
    Data one = value;
    if (value.is_string() && has_template(value.text())) {
      WEIR_TRY(one, render_value(value.text(), context));
    }
    if (!one.is_none()) set(out, key, std::move(one));
  }
  return out;
}

std::string model_argument(TestRequest const& request) {
  std::string target = fmt::format("ref('{}')", request.target_name);
  if (!request.table_name.empty()) {
    target = fmt::format("source('{}', '{}')", request.target_name, request.table_name);
  } else if (request.version.truth()) {
    target = fmt::format("ref('{}', version='{}')", request.target_name, request.version.str());
  }
  return "{{ get_where_subquery(" + target + ") }}";
}

std::string clean(std::string const& text) {
  std::string out;
  bool gap = false;
  for (char const c : text) {
    bool const plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    if (!plain && !gap) out += '_';
    gap = !plain;
    if (plain) out += c;
  }
  return out;
}

// Lengths of names are in characters.
std::size_t length_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string first_characters(std::string_view text, std::size_t most) {
  std::size_t end = 0, seen = 0;
  while (end < text.size() && seen < most) {
    do ++end;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80);
    ++seen;
  }
  return std::string(text.substr(0, end));
}

void make_names(TestRequest const& request, Definition& made) {
  std::string type = made.name;
  if (!request.table_name.empty()) type = "source_" + type;
  if (made.namespace_) type = *made.namespace_ + "_" + type;
  std::string target =
      request.table_name.empty() ? request.target_name : request.target_name + "_" + request.table_name;
  if (request.version.truth()) target += "_v" + request.version.str();
  std::vector<Data::Pair> sorted = made.args;
  std::sort(sorted.begin(), sorted.end(), [](auto const& a, auto const& b) { return a.first < b.first; });
  std::vector<std::string> parts;
  for (auto const& [key, value] : sorted) {
    if (key == "model") continue;
    if (value.is_dict()) {
      for (auto const& [inner, one] : value.pairs()) parts.push_back(clean(one.str()));
    } else if (value.is_list()) {
      for (auto const& one : value.items()) parts.push_back(clean(one.str()));
    } else {
      parts.push_back(clean(value.str()));
    }
  }
  std::string const identifier = type + "_" + target;
  made.fqn_name = identifier + "_" + join(parts, "__");
  made.compiled_name =
      length_of(made.fqn_name) >= 64 ? first_characters(identifier, 30) + "_" + md5_hex(made.fqn_name) : made.fqn_name;
  if (made.compiled_name != made.fqn_name && find(static_cast<Data::Dict const&>(made.config), "alias") == nullptr)
    set(made.config, "alias", Data(made.compiled_name));
}

Result<Definition> read_definition(Draft const& draft, TestRequest const& request) {
  WEIR_TRY(auto parts, take_apart(draft, request));
  Definition made;
  made.args = std::move(parts.args);
  if (find(static_cast<Data::Dict const&>(made.args), "model") != nullptr)
    return Error(ErrorKind::Config,
                 fmt::format("test \"{}\" has an argument \"model\", which dbt gives itself", parts.name))
        .next("remove it");
  set(made.args, "model", Data(model_argument(request)));
  auto const dot = parts.name.find('.');
  made.name = dot == std::string::npos ? parts.name : parts.name.substr(dot + 1);
  if (dot != std::string::npos) made.namespace_ = parts.name.substr(0, dot);
  // Config stands beside the arguments (older) or below `config`.
  auto const* below = find(static_cast<Data::Dict const&>(made.args), "config");
  if (below != nullptr && !below->is_dict() && !below->is_none())
    return Error(ErrorKind::Config,
                 fmt::format("config of test \"{}\" is a mapping, not {}", made.name, below->repr()));
  Data::Dict nested = below == nullptr ? Data::Dict{} : below->pairs(), beside;
  project::erase(made.args, "config");
  for (auto const key : kConfigKeys) {
    auto const* value = find(static_cast<Data::Dict const&>(made.args), key);
    Data said = value == nullptr ? Data() : *value;
    project::erase(made.args, key);
    auto const* inner = find(static_cast<Data::Dict const&>(nested), key);
    if (said.truth() && inner != nullptr)
      return Error(ErrorKind::Config, fmt::format("test \"{}\" says \"{}\" in config: and beside it", made.name, key))
          .next("keep the one in config:");
    if (!said.truth() && inner != nullptr) {
      said = *inner;
      project::erase(nested, key);
    }
    if (!said.is_none()) set(beside, key, said);
  }
  WEIR_TRY(made.config, rendered_values(draft, request, beside));
  WEIR_TRY(auto const rest, rendered_values(draft, request, nested));
  update(made.config, rest);
  if (auto const* text = find(static_cast<Data::Dict const&>(made.args), "description")) {
    made.description = text->str();
    project::erase(made.args, "description");
  }
  if (auto const* name = find(static_cast<Data::Dict const&>(made.args), "name")) {
    made.compiled_name = made.fqn_name = name->str();
    project::erase(made.args, "name");
  } else {
    make_names(request, made);
  }
  return made;
}

std::string raw_code(Definition const& made) {
  std::string calls;
  for (auto const& [key, value] : made.config) {
    if (!calls.empty()) calls += ",";
    calls += key + "=" + (value.is_string() ? "\"" + replace_all(value.text(), "\"", "\\\"") + "\"" : value.str());
  }
  return fmt::format("{{{{ {}test_{}(**_dbt_generic_test_kwargs) }}}}{}", made.namespace_ ? *made.namespace_ + "." : "",
                     made.name, calls.empty() ? "" : "{{ config(" + calls + ") }}");
}

// repr() of the metadata with sorted keys and every value as text.
std::string hashable(Data const& data) {
  if (data.is_dict()) {
    std::vector<Data::Pair> sorted = data.pairs();
    std::sort(sorted.begin(), sorted.end(), [](auto const& a, auto const& b) { return a.first < b.first; });
    std::string out = "{";
    for (auto const& [key, value] : sorted)
      out += (out.size() > 1 ? ", " : "") + text_repr(key) + ": " + hashable(value);
    return out + "}";
  }
  if (data.is_list()) {
    std::string out = "[";
    for (auto const& item : data.items()) out += (out.size() > 1 ? ", " : "") + hashable(item);
    return out + "]";
  }
  return text_repr(data.str());
}

std::optional<std::string> attached_node(Draft& draft, TestRequest const& request, Node& test) {
  if (!request.table_name.empty()) return std::nullopt;
  auto ids = draft.refs.find(request.target_name, request.package, request.version);
  if (!ids.empty()) {
    if (auto const* node = draft.nodes.find(ids[0])) test.group = node->group;
    return ids[0];
  }
  for (auto const& node : draft.disabled) {
    if (node.name != request.target_name) continue;
    test.group = node.group;
    return node.unique_id;
  }
  return std::nullopt;
}

Status render_test(Draft const& draft, TestRequest const& request, Definition const& made, Node& node) {
  Data::Dict calls;
  merge_config_call(calls, made.config);
  auto const* macro = draft.facts.library->find_anywhere(node.package_name, "test_" + made.name);
  if (macro == nullptr) {
    std::vector<std::string> known;
    for (auto const& name : draft.facts.library->names())
      if (name.starts_with("test_")) known.push_back(name.substr(5));
    std::string next = did_you_mean(made.name, known);
    if (next.empty() && made.namespace_ && draft.project(*made.namespace_) == nullptr)
      next = fmt::format("package \"{}\" is not in dbt_packages: run dbt deps", *made.namespace_);
    return Error(ErrorKind::Config,
                 fmt::format("test \"{}{}\" does not exist", made.namespace_ ? *made.namespace_ + "." : "", made.name))
        .next(next.empty() ? "define it: {% test " + made.name + "(model, column_name) %}" : next);
  }
  node.depends_on.macros.push_back(macro->unique_id);
  if (macro->unique_id == "macro.dbt.test_not_null" || macro->unique_id == "macro.dbt.test_unique") {
    if (request.table_name.empty()) {
      node.refs.push_back({request.target_name, "", request.version});
    } else {
      node.sources.push_back({request.target_name, request.table_name});
    }
    node.config_call = Data(std::move(calls));
    return configure(draft, node, {}, {});
  }
  ParseContext context(draft.facts, node, calls);
  auto kwargs = jinja::make<jinja::Dict>();
  for (auto const& [key, value] : made.args) {
    WEIR_TRY(auto one, render_argument(value, key == "column_name", context, ParseContext::render_options()));
    kwargs->set(std::string_view(key), std::move(one));
  }
  context.set("_dbt_generic_test_kwargs", Value(kwargs));
  WEIR_TRY(auto const tmpl, parse_template(request.original_file_path, node.raw_code));
  auto rendered = tmpl->render(context, ParseContext::render_options());
  if (!rendered.ok()) {
    Error error = std::move(rendered).error().to_error();
    if (error.where().starts_with(request.original_file_path))
      error.where(request.mark.text()).excerpt(request.mark.excerpt());
    return error;
  }
  for (auto const& id : context.called_macros())
    if (std::find(node.depends_on.macros.begin(), node.depends_on.macros.end(), id) == node.depends_on.macros.end())
      node.depends_on.macros.push_back(id);
  node.config_call = Data(std::move(calls));
  return configure(draft, node, {}, {});
}

Result<Node> make_test(Draft& draft, TestRequest const& request) {
  WEIR_TRY(auto const made, read_definition(draft, request));
  Node node;
  node.kind = NodeKind::Test;
  node.package_name = request.package;
  node.name = node.alias = made.fqn_name;
  node.original_file_path = request.original_file_path;
  node.path = made.compiled_name + ".sql";
  node.database = draft.target.database;
  node.schema = draft.target.schema;
  node.created_at = draft.now;
  auto const slash = request.original_file_path.find('/');
  node.fqn = fqn_of(request.package, request.original_file_path.substr(slash == std::string::npos ? 0 : slash + 1));
  node.fqn.push_back(made.fqn_name);
  GenericTest facts;
  facts.name = made.name;
  facts.namespace_ = made.namespace_;
  facts.kwargs = Data(made.args);
  facts.column_name = request.column_name;
  facts.file_key_name = request.yaml_key + "." + request.target_name;
  Data const metadata = Data::Dict{
      {"namespace", made.namespace_ ? Data(*made.namespace_) : Data()}, {"name", made.name}, {"kwargs", facts.kwargs}};
  node.unique_id =
      fmt::format("test.{}.{}.{}", request.package, node.name, md5_hex(node.name + hashable(metadata)).substr(22));
  node.raw_code = raw_code(made);
  node.description = made.description;
  std::set<std::string> tags(request.tags.begin(), request.tags.end());
  for (auto const& [key, value] : made.config)
    if (key == "tags")
      for (auto const& tag : value.texts()) tags.insert(tag);
  node.tags = {tags.begin(), tags.end()};
  ConfigInputs const inputs{draft.root(), *draft.project(node.package_name), node.kind, node.fqn, {}, made.config};
  WEIR_TRY(auto base, node_config(inputs));
  node.config = Data(std::move(base));
  node.generic_test = std::move(facts);
  WEIR_DO(render_test(draft, request, made, node));
  node.generic_test->attached_node = attached_node(draft, request, node);
  return node;
}

}  // namespace

Status build_generic_tests(Draft& draft) {
  std::vector<Node> nodes(draft.tests.size());
  WEIR_DO(in_parallel(draft.tests.size(), [&](std::size_t i) -> Status {
    auto made = make_test(draft, draft.tests[i]);
    if (!made.ok()) return in_test(std::move(made).error(), draft.tests[i]);
    nodes[i] = std::move(made).value();
    return {};
  }));
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    draft.places[nodes[i].unique_id] = draft.tests[i].mark;
    Status added = draft.add_node(std::move(nodes[i]));
    if (!added.ok()) return in_test(std::move(added).error(), draft.tests[i]);
  }
  return {};
}

}  // namespace weir::project
