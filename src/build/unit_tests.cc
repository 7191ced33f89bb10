// Unit tests: the model's own template, rendered over rows that the test gives instead of what ref() and source() name.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/file.h"
#include "base/text.h"
#include "build/compile.h"
#include "build/node_run.h"
#include "build/written_sql.h"
#include "project/templates.h"

namespace weir::build {
namespace {

using jinja::Arguments;
using jinja::Outcome;
using jinja::State;
using jinja::Value;
using project::Data;

// The texts in quotes of ref('a', 'b', v=1) or source("x", 'y').
std::vector<std::string> quoted_words(std::string_view call) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < call.size(); ++at) {
    if (call[at] != '\'' && call[at] != '"') continue;
    auto const end = call.find(call[at], at + 1);
    if (end == std::string_view::npos) break;
    words.emplace_back(call.substr(at + 1, end - at - 1));
    at = end;
  }
  return words;
}

Result<project::Node const*> input_node(RunContext const& context, RunState const& run, std::string const& input,
                                        project::Node const& tested) {
  auto const text = trim(input);
  if (text == "this") return &tested;
  auto const words = quoted_words(text);
  project::Node const* found = nullptr;
  if (text.starts_with("source") && words.size() == 2)
    found = run.options.lookup->source(words[0], words[1], tested.package_name);
  if (text.starts_with("ref") && !words.empty()) {
    project::Ref ref;
    ref.name = words.back();
    if (words.size() == 2) ref.package = words[0];
    if (auto const version = text.find("v="); version != std::string_view::npos)
      ref.version = Data(std::string(trim(text.substr(version + 2, text.rfind(')') - version - 2))));
    found = run.options.lookup->ref(ref, tested.package_name);
  }
  if (found != nullptr) return found;
  return Error(ErrorKind::Template,
               fmt::format("unit test \"{}\" gives rows for {}, which does not exist", context.node().name, input))
      .where(context.node().original_file_path)
      .next("write input: ref('model') or source('source', 'table')");
}

Result<std::string> fixture_sql(RunContext const& context, RunState& run, Worker& worker, project::Node const& input,
                                Data const& given) {
  if (given["rows"].is_string()) return given["rows"].text();
  RunContext inner(run, worker, input);
  WEIR_TRY(auto const text,
           inner.call("get_fixture_sql",
                      {project::to_value(given["rows"].is_none() ? Data(Data::List{}) : given["rows"]), Value()}));
  static_cast<void>(context);
  return jinja::to_text(text);
}

Value constant(std::string name, Value value) {
  return jinja::function(std::move(name),
                         [value = std::move(value)](State&, Arguments const&) -> Outcome<Value> { return value; });
}

// var() and env_var() that know the test's values first.
Value overridden(RunContext& context, std::string_view name, Data const& values) {
  Value const original = context.find(name);
  return jinja::function(std::string(name),
                         [original, values](State& state, Arguments const& arguments) -> Outcome<Value> {
                           if (!arguments.positional.empty())
                             if (auto const* found = values.find(jinja::to_text(arguments.positional[0])))
                               return project::to_value(*found);
                           return state.call(original, arguments);
                         });
}

// `name` or `package.name`: a macro answers with the value, another name is it. dbt's own macros have both names.
void override_macro(RunContext& context, std::string const& said, Value const& value) {
  auto const& library = *context.facts().library;
  auto const dot = said.find('.');
  bool const is_global = dot == std::string::npos;
  std::string const package = is_global ? "dbt" : said.substr(0, dot);
  std::string const name = is_global ? said : said.substr(dot + 1);
  bool const is_macro = library.find_in(package, name) != nullptr;
  if (is_macro) context.set(package + "." + name, constant(name, value));
  if (package != "dbt") return;
  if (is_macro || library.find(context.package(), name) != nullptr)
    context.set(name, constant(name, value));
  else if (!context.find(name).is_missing())
    context.set(name, value);
}

void set_overrides(RunContext& context, Data const& overrides) {
  for (auto const& [name, value] : overrides["macros"].pairs()) override_macro(context, name, project::to_value(value));
  if (overrides["vars"].truth()) context.set("var", overridden(context, "var", overrides["vars"]));
  if (overrides["env_vars"].truth()) context.set("env_var", overridden(context, "env_var", overrides["env_vars"]));
}

}  // namespace

Status prepare_unit_test(RunContext& context) {
  auto& run = context.run();
  auto const& facts = *context.node().unit_test;
  auto const* tested = run.manifest.find(facts.tested_node);
  if (tested == nullptr)
    return Error(ErrorKind::Template, fmt::format("unit test \"{}\" is about model \"{}\", which does not exist",
                                                  context.node().name, facts.model))
        .where(context.node().original_file_path);
  std::map<std::string, std::string> fixtures;  // CTEs by the id of what they stand for
  std::error_code failure;
  std::filesystem::create_directories(
      context.target_folder() / "compiled" / context.node().package_name / context.node().original_file_path, failure);
  context.this_instead = run.relation(*tested);
  for (auto const& given : facts.given.items()) {
    WEIR_TRY(auto const* input, input_node(context, run, given["input"].str(), *tested));
    auto const name = cte_name(input->identifier().empty() ? input->name : input->identifier());
    WEIR_TRY(auto const sql, fixture_sql(context, run, context.worker(), *input, given));
    WEIR_DO(write_file(context.target_folder() / "compiled" / context.node().package_name /
                           context.node().original_file_path / (input->name + ".sql"),
                       sql));
    fixtures.insert_or_assign(input->unique_id, fmt::format(" {} as (\n{}\n)", name, sql));
    if (input == tested) {
      project::RelationParts parts;
      parts.identifier = name;
      parts.type = "cte";
      parts.quote = {false, false, false};
      context.set("this", project::make_relation(std::move(parts)));
      context.used_fixtures.push_back(input->unique_id);
    }
    context.fixtures.insert_or_assign(input->unique_id, name);
  }
  set_overrides(context, facts.overrides);
  CompiledNode compiled;
  WEIR_TRY(compiled.own_code, context.render(tested->original_file_path, tested->raw_code, tested->first_line));
  for (auto const& id : context.used_fixtures) compiled.ctes.push_back({id, fixtures.at(id)});
  compiled.code = inject_ctes(compiled.own_code, compiled.ctes);
  context.set("this", project::make_relation(run.relation(*tested)));
  context.set_compiled(std::make_shared<CompiledNode const>(std::move(compiled)));
  auto const& rows = facts.expect["rows"];
  if (rows.is_string()) {
    project::set(context.config(), "expected_sql", rows);
    project::set(context.config(), "expected_rows", Data(Data::List{}));
  } else {
    project::set(context.config(), "expected_rows", rows.is_none() ? Data(Data::List{}) : rows);
  }
  return write_compiled_sql(context, context.sql());
}

std::optional<std::string> unit_test_difference(TableData const& rows) {
  std::map<std::string, int> balance;  // of each row: how often it came, less how often it was expected
  auto const mark = rows.names.size() - 1;
  for (auto const& row : rows.rows) {
    std::string text;
    for (std::size_t i = 0; i < mark; ++i)
      text += (i == 0 ? "" : " | ") + (row[i].is_none() ? std::string("null") : jinja::to_text(row[i]));
    balance[text] += jinja::to_text(row[mark]) == "actual" ? 1 : -1;
  }
  std::string difference;
  for (auto const& [text, count] : balance)
    for (int i = 0; i < std::abs(count); ++i) difference += fmt::format("{} {}\n", count > 0 ? "+" : "-", text);
  if (difference.empty()) return std::nullopt;
  std::vector<std::string> names(rows.names.begin(), rows.names.end() - 1);
  return fmt::format("\n\nactual differs from expected (- expected, + actual):\n\n  {}\n{}", join(names, " | "),
                     difference);
}

}  // namespace weir::build
