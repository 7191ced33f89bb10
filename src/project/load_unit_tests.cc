// Unit tests: rows in, rows expected, for one model or for its versions.
#include <algorithm>

#include <fmt/format.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/text.h"
#include "project/csv.h"
#include "project/loading.h"
#include "project/templates.h"

namespace weir::project {
namespace {

Error wrong(yaml::Mark const& mark, std::string const& test, std::string message) {
  return yaml::error_at(mark, std::move(message)).context(fmt::format("reading unit test \"{}\"", test));
}

// The first row without a null comes first: types are taken from it.
Data full_row_first(Data rows) {
  Data::List items = rows.items();
  auto const is_full = [](Data const& row) {
    return std::none_of(row.pairs().begin(), row.pairs().end(), [](auto const& pair) { return pair.second.is_none(); });
  };
  auto const at = std::find_if(items.begin(), items.end(), is_full);
  if (at != items.end()) std::iter_swap(items.begin(), at);
  return items;
}

Data nulls_for_empty(Data const& rows) {
  Data::List items;
  for (auto const& row : rows.items()) {
    Data::Dict pairs;
    for (auto const& [key, value] : row.pairs())
      pairs.emplace_back(key, value.is_string() && value.text().empty() ? Data() : value);
    items.emplace_back(std::move(pairs));
  }
  return items;
}

// Rows of the seed that an input without rows names.
Result<Data> seed_rows(Draft& draft, SourceFile const& file, std::string const& input, yaml::Mark const& mark) {
  WEIR_TRY(auto const reference, parse_reference(input, mark));
  std::string const name = reference.ref ? reference.ref->name : "";
  std::string const package = reference.ref && !reference.ref->package.empty() ? reference.ref->package : file.package;
  auto const ids = draft.refs.find(name, package);
  auto const* seed = ids.empty() ? nullptr : draft.nodes.find(ids[0]);
  if (seed == nullptr || seed->kind != NodeKind::Seed)
    return yaml::error_at(mark, fmt::format("input {} has no rows, and is no seed", input))
        .next("add rows:, or name a seed");
  WEIR_TRY(auto const text, read_file(draft.project(package)->root / seed->original_file_path));
  return csv_rows(text);
}

// `input` is absent for what is expected.
Result<Data> normalized(Draft& draft, SourceFile const& file, Data const& said, bool is_input, std::string const& test,
                        yaml::Mark const& mark) {
  std::string const format = said["format"].truth() ? to_lower(said["format"].str()) : "dict";
  Data rows = said["rows"];
  std::string const fixture = said["fixture"].truth() ? said["fixture"].str() : "";
  if (!fixture.empty() && format != "dict") {
    auto const found = draft.fixtures.find(file.package + "." + fixture);
    if (found == draft.fixtures.end()) {
      std::vector<std::string> known;
      for (auto const& [name, unused] : draft.fixtures) known.push_back(name.substr(name.find('.') + 1));
      return wrong(mark, test, fmt::format("fixture \"{}\" does not exist", fixture))
          .next(did_you_mean(fixture, known));
    }
    rows = found->second;
    if (format == "csv") rows = nulls_for_empty(rows);
  } else if (format == "csv") {
    if (!rows.is_string()) return wrong(mark, test, "rows of format csv are a text");
    rows = nulls_for_empty(csv_rows(trim(rows.text())));
  } else if (format == "sql") {
    if (!rows.is_string()) return wrong(mark, test, "rows of format sql are a text");
  } else if (format == "dict") {
    if (rows.is_none() && fixture.empty() && is_input) {
      WEIR_TRY(rows, seed_rows(draft, file, said["input"].str(), mark));
    }
    if (!rows.is_list()) return wrong(mark, test, "rows of format dict are a list");
  } else {
    return wrong(mark, test, fmt::format("format \"{}\" does not exist", format)).next("it is dict, csv or sql");
  }
  if (format != "sql" && rows.truth()) rows = full_row_first(std::move(rows));
  Data::Dict made;
  if (is_input) made.emplace_back("input", said["input"]);
  made.emplace_back("rows", std::move(rows));
  made.emplace_back("format", format);
  made.emplace_back("fixture", fixture.empty() ? Data() : Data(fixture));
  return Data(std::move(made));
}

Data overrides_of(Data const& said) {
  if (!said.is_dict()) return {};
  Data::Dict pairs{{"macros", Data::Dict{}}, {"vars", Data::Dict{}}, {"env_vars", Data::Dict{}}};
  update(pairs, said.pairs());
  return pairs;
}

std::string given_repr(Data const& one, bool is_input) {
  std::string const format = one["format"].str();
  std::string upper = format == "dict" ? "Dict" : to_lower(format) == "csv" ? "CSV" : "SQL";
  std::string out =
      is_input ? fmt::format("UnitTestInputFixture(input={}, ", one["input"].repr()) : "UnitTestOutputFixture(";
  return out + fmt::format("rows={}, format=<UnitTestFormat.{}: '{}'>, fixture={})", one["rows"].repr(), upper, format,
                           one["fixture"].repr());
}

void sum(Node& node) {
  auto const& facts = *node.unit_test;
  std::string given = "[";
  for (auto const& one : facts.given.items()) given += (given.size() > 1 ? ", " : "") + given_repr(one, true);
  given += "]";
  std::string overrides = "None";
  if (facts.overrides.is_dict())
    overrides = fmt::format("UnitTestOverrides(macros={}, vars={}, env_vars={})", facts.overrides["macros"].repr(),
                            facts.overrides["vars"].repr(), facts.overrides["env_vars"].repr());
  std::string versions = "None";
  if (facts.versions.is_dict())
    versions = fmt::format("UnitTestNodeVersions(include={}, exclude={})", facts.versions["include"].repr(),
                           facts.versions["exclude"].repr());
  std::string state =
      fmt::format("{}-{}-{}-{}-{}", facts.model, versions, given, given_repr(facts.expect, false), overrides);
  for (auto const& one : facts.given.items())
    if (one["fixture"].truth()) state += "-" + one["rows"].str();
  node.checksum = {"", sha256_hex(state)};
}

Status add_unit_test(Draft& draft, SourceFile const& file, PropertyEntry const& one) {
  Data const& entry = one.rendered;
  Node node;
  node.kind = NodeKind::UnitTest;
  node.name = entry["name"].str();
  node.package_name = file.package;
  if (!entry["model"].truth()) return wrong(one.mark, node.name, "a unit test names a \"model\"");
  std::string const model = entry["model"].str();
  node.unique_id = fmt::format("unit_test.{}.{}.{}", file.package, model, node.name);
  node.path = file.relative_path;
  node.original_file_path = file.original_file_path;
  auto const slash = file.original_file_path.find('/');
  node.fqn = fqn_of(file.package, file.original_file_path.substr(slash == std::string::npos ? 0 : slash + 1));
  node.fqn.push_back(model);
  node.fqn.push_back(node.name);
  node.created_at = draft.now;
  node.description = entry["description"].is_none() ? "" : entry["description"].str();
  UnitTestFacts facts;
  facts.model = model;
  Data::List given;
  for (auto const& said : entry["given"].items()) {
    WEIR_TRY(auto made, normalized(draft, file, said, true, node.name, one.mark));
    given.push_back(std::move(made));
  }
  facts.given = Data(std::move(given));
  WEIR_TRY(facts.expect, normalized(draft, file, entry["expect"], false, node.name, one.mark));
  facts.overrides = overrides_of(entry["overrides"]);
  if (entry["versions"].is_dict())
    facts.versions = Data::Dict{{"include", entry["versions"]["include"]}, {"exclude", entry["versions"]["exclude"]}};
  Data::Dict const config = entry["config"].pairs();
  ConfigInputs const inputs{draft.root(), *draft.project(file.package), node.kind, node.fqn, config, {}};
  WEIR_TRY(auto made, node_config(inputs));
  node.config = Data(std::move(made));
  node.tags = node.config["tags"].texts();
  node.unit_test = std::move(facts);
  sum(node);
  draft.places[node.unique_id] = one.mark;
  return draft.add_node(std::move(node));
}

std::vector<Node*> versions_of(Draft& draft, Node const& model) {
  std::vector<Node*> found;
  for (auto* node : draft.nodes.of_kind(NodeKind::Model))
    if (node->name == model.name && node->package_name == model.package_name && !node->version.is_none())
      found.push_back(node);
  return found;
}

bool contains(Data const& list, Data const& value) {
  return std::find(list.items().begin(), list.items().end(), value) != list.items().end();
}

Status check_incremental(Node const& test, Node const& model, yaml::Mark const& mark) {
  auto const& macros = model.depends_on.macros;
  if (std::find(macros.begin(), macros.end(), "macro.dbt.is_incremental") == macros.end()) return {};
  auto const& override_value = test.unit_test->overrides["macros"]["is_incremental"];
  if (!override_value.is_bool())
    return wrong(
               mark, test.name,
               fmt::format("model \"{}\" asks is_incremental(), and the test does not say what it answers", model.name))
        .next("add overrides: { macros: { is_incremental: true } }, or false");
  auto const& given = test.unit_test->given.items();
  bool const has_this =
      std::any_of(given.begin(), given.end(), [](Data const& one) { return one["input"].str() == "this"; });
  if (override_value.boolean() && !has_this)
    return wrong(mark, test.name,
                 fmt::format("model \"{}\" is tested as incremental, and there is no input \"this\"", model.name))
        .next("add - input: this, with rows");
  return {};
}

// The node once for every version of its model that it is for.
Status add_versions(Draft& draft, Node test, Node const& model, yaml::Mark const& mark) {
  auto const& said = test.unit_test->versions;
  std::vector<Node*> chosen;
  for (auto* version : versions_of(draft, model)) {
    if (said["exclude"].truth() ? contains(said["exclude"], version->version)
                                : said["include"].truth() && !contains(said["include"], version->version))
      continue;
    chosen.push_back(version);
  }
  if (chosen.empty())
    return wrong(mark, test.name, fmt::format("no version of model \"{}\" is left to test", model.name));
  std::string const id = test.unique_id;
  draft.nodes.remove(id);
  for (auto const* version : chosen) {
    Node copy = test;
    copy.unique_id = fmt::format("{}_v{}", id, version->version.str());
    copy.unit_test->version = version->version;
    copy.unit_test->tested_node = version->unique_id;
    copy.depends_on.nodes = {version->unique_id};
    draft.nodes.add(std::move(copy));
  }
  return {};
}

}  // namespace

Status read_unit_tests(Draft& draft, SourceFile const& file, yaml::Node const& root) {
  WEIR_TRY(auto const entries, property_entries(draft, file, root, "unit_tests"));
  for (auto const& one : entries) {
    WEIR_DO(add_unit_test(draft, file, one));
  }
  return {};
}

Status resolve_unit_tests(Draft& draft) {
  for (auto* test : draft.nodes.of_kind(NodeKind::UnitTest)) {
    auto const mark = draft.places[test->unique_id];
    auto const words = split(test->unit_test->model, ' ');
    Data const version = words.size() == 2 ? Data(words[1]) : Data();
    auto const ids = draft.refs.find(words[0], test->package_name, version);
    auto const* model = ids.empty() ? nullptr : draft.nodes.find(ids[0]);
    if (model == nullptr) {
      bool const is_disabled = std::any_of(draft.disabled.begin(), draft.disabled.end(), [&](Node const& one) {
        return one.kind == NodeKind::Model && one.name == words[0];
      });
      if (!is_disabled)
        return wrong(mark, test->name, fmt::format("model \"{}\" does not exist", words[0]))
            .next(did_you_mean(words[0], draft.refs.names()));
      Node node = *test;
      Data::Dict config = node.config.pairs();
      set(config, "enabled", Data(false));
      node.config = Data(std::move(config));
      draft.nodes.remove(node.unique_id);
      draft.disabled.push_back(std::move(node));
      continue;
    }
    test->depends_on.nodes = {model->unique_id};
    test->unit_test->tested_node = model->unique_id;
    test->schema = model->schema;
    WEIR_DO(check_incremental(*test, *model, mark));
    auto const& versions = test->unit_test->versions;
    if (model->version.is_none()) {
      if (versions["include"].truth() || versions["exclude"].truth())
        return wrong(mark, test->name, fmt::format("model \"{}\" has no versions", model->name))
            .next("remove versions:");
      continue;
    }
    WEIR_DO(add_versions(draft, *test, *model, mark));
  }
  return {};
}

}  // namespace weir::project
