#include "build/run_context.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "build/table.h"
#include "build/template_objects.h"
#include "build/together.h"
#include "build/written_sql.h"
#include "project/context_functions.h"
#include "project/node_data.h"
#include "project/parse_context.h"
#include "project/templates.h"
#include "sql/name.h"

namespace weir::build {
namespace {

using jinja::Arguments;
using jinja::Failure;
using jinja::FailureType;
using jinja::Outcome;
using jinja::State;
using jinja::Value;
using project::Data;
using project::NodeKind;

// {dbt_valid_from: since, ...}: what `snapshot_meta_column_names` says, else dbt's own names.
Data snapshot_columns(project::Node const& node) {
  Data::Dict out;
  for (auto const* name : {"dbt_valid_to", "dbt_valid_from", "dbt_scd_id", "dbt_updated_at", "dbt_is_deleted"}) {
    auto const& said = node.config["snapshot_meta_column_names"][name];
    out.emplace_back(name, said.is_string() ? said : Data(name));
  }
  return Data(std::move(out));
}

}  // namespace

RunContext::RunContext(RunState& run, Worker& worker, project::Node const& node)
    : DbtContext(run.facts(), node.package_name),
      pre_hooks(node.pre_hooks),
      post_hooks(node.post_hooks),
      run_(run),
      worker_(worker),
      node_(node),
      target_(run.relation(node)),
      config_(node.config.pairs()) {
  if (node.kind == NodeKind::Snapshot) project::set(config_, "snapshot_table_column_names", snapshot_columns(node));
}
RunContext::~RunContext() {
  if (!graph_as_taken_) return;
  run_.kept_in_graph.give(worker_.graph.dict(), *graph_as_taken_);
  worker_.graph_is_taken = false;
}

Data const& RunContext::config(std::string_view key) const {
  static Data const none;
  auto const* found = project::find(config_, key);
  return found == nullptr ? none : *found;
}

void RunContext::set_compiled(std::shared_ptr<CompiledNode const> code) {
  compiled_ = std::move(code);
  set("sql", Value(compiled_->code));
  set("compiled_code", Value(compiled_->code));
  model_ = Value();
  set("model", model());
}

void RunContext::make_it_at(project::RelationParts target) {
  target_ = std::move(target);
  model_ = Value();
  set("model", model());
  set("this", project::make_relation(target_));
  set("schema", Value(target_.schema.value_or("")));
}

std::string const& RunContext::sql() const {
  return compiled_->code;
}

Result<swap::Guard*> RunContext::guard() {
  if (!guard_) {
    WEIR_TRY(auto* session, worker_.session());
    auto const policy =
        weir_setting("drop_dependents") == "allow" ? swap::CascadePolicy::Allow : swap::CascadePolicy::Keep;
    guard_.emplace(*session, swap::GuardOptions{.policy = policy});
  }
  return &*guard_;
}

std::string RunContext::weir_setting(std::string_view key) const {
  auto const& value = config("meta")["weir"][key];
  return value.is_none() ? std::string() : value.str();
}

void RunContext::store(std::string name, AdapterResponse response, Value table) {
  stored_.insert_or_assign(std::move(name), StoredResult{std::move(response), std::move(table)});
}

RunContext::StoredResult const* RunContext::stored(std::string_view name) const {
  auto const found = stored_.find(std::string(name));
  return found == stored_.end() ? nullptr : &found->second;
}

Result<std::string> RunContext::render(std::string name, std::string_view text, int first_line) {
  WEIR_TRY(auto const parsed, project::parse_template(std::move(name), text, first_line));
  auto out = parsed->render(*this);
  if (!out.ok()) return std::move(out).error().to_error();
  return std::move(out).value();
}

Result<Value> RunContext::call(std::string_view macro, std::vector<Value> arguments,
                               std::vector<std::pair<std::string, Value>> named) {
  auto const* code = facts().library->find(package(), macro);
  if (code == nullptr) return Error(ErrorKind::Template, fmt::format("there is no macro \"{}\"", macro));
  std::vector<jinja::Named> names;
  for (auto& [name, value] : named) names.push_back({Value(name), std::move(value)});
  auto out = code->code->call(*code->definition, *this, {arguments, names});
  if (!out.ok()) return std::move(out).error().to_error();
  return std::move(out).value();
}

Value RunContext::model() {
  if (!model_.is_none()) return model_;
  Data::Dict data = project::node_data(node_).pairs();
  if (compiled_ != nullptr) {
    project::set(data, "compiled", Data(true));
    project::set(data, "compiled_code", Data(compiled_->code));
  }
  if (auto const& schema = target_.schema; node_.is_relational() && schema && *schema != node_.schema) {
    project::set(data, "schema", Data(*schema));
    project::set(data, "relation_name", Data(target_.render()));
  }
  if (batch)
    project::set(
        data, "batch",
        Data(Data::Dict{
            {"id", Data(batch->id)}, {"event_time_start", Data(batch->start)}, {"event_time_end", Data(batch->end)}}));
  model_ = project::to_value(Data(std::move(data)));
  return model_;
}

// Made once a thread, since it is large. A context that is made while another one of the thread works (an ephemeral
// model's) shares what that one sees.
Value RunContext::graph() {
  if (worker_.graph.is_none()) worker_.graph = make_graph();
  if (!worker_.graph_is_taken) {
    worker_.graph_is_taken = true;
    graph_as_taken_ = run_.kept_in_graph.take(worker_.graph.dict());
  }
  return worker_.graph;
}

Value RunContext::make_graph() const {
  std::vector<std::pair<std::string, Value>> sections;
  for (auto const name : kGraphSections) sections.emplace_back(name, jinja::dict_of({}));
  auto section = [&sections](std::string_view name) -> jinja::Dict& {
    auto const found =
        std::find_if(sections.begin(), sections.end(), [&](auto const& one) { return one.first == name; });
    return found->second.dict();
  };
  for (auto const& node : run_.manifest.nodes()) {
    std::string_view where = "nodes";
    switch (node.kind) {
      case NodeKind::Source:
        where = "sources";
        break;
      case NodeKind::Exposure:
        where = "exposures";
        break;
      case NodeKind::Metric:
        where = "metrics";
        break;
      case NodeKind::SemanticModel:
        where = "semantic_models";
        break;
      case NodeKind::SavedQuery:
        where = "saved_queries";
        break;
      case NodeKind::Function:
        where = "functions";
        break;
      case NodeKind::UnitTest:
        continue;
      default:
        break;
    }
    section(where).set(std::string_view(node.unique_id), project::to_value(project::node_data(node)));
  }
  for (auto const& group : run_.manifest.groups())
    section("groups").set(std::string_view(group.unique_id), project::to_value(project::group_data(group)));
  return jinja::dict_of(std::move(sections));
}

Outcome<Value> RunContext::relation_to(project::Node const& node) {
  bool const is_checked = node_.kind != NodeKind::Operation && node_.kind != NodeKind::UnitTest;
  if (is_checked && node.unique_id != node_.unique_id &&
      std::find(node_.depends_on.nodes.begin(), node_.depends_on.nodes.end(), node.unique_id) ==
          node_.depends_on.nodes.end())
    return Failure(
        Error(ErrorKind::Template,
              fmt::format("\"{}\" refers to \"{}\", which could not be known while parsing", node_.name, node.name))
            .cause("the reference stands in a part of the template that is only reached while running")
            .next(fmt::format("put this comment into the file: -- depends_on: {{{{ ref('{}') }}}}", node.name)));
  if (auto const fixture = fixtures.find(node.unique_id); fixture != fixtures.end()) {
    if (std::find(used_fixtures.begin(), used_fixtures.end(), node.unique_id) == used_fixtures.end())
      used_fixtures.push_back(node.unique_id);
    project::RelationParts parts;
    parts.identifier = fixture->second;
    parts.type = "cte";
    parts.quote = {false, false, false};
    return project::make_relation(std::move(parts));
  }
  if (node.is_ephemeral()) {
    auto const index = *run_.manifest.index_of(node.unique_id);
    if (std::find(ephemeral_.begin(), ephemeral_.end(), index) == ephemeral_.end()) ephemeral_.push_back(index);
    project::RelationParts parts;
    parts.identifier = cte_name(node.identifier());
    parts.type = "cte";
    parts.quote = {false, false, false};
    if (run_.options.empty) parts.limit = 0;
    return project::make_relation(std::move(parts));
  }
  auto parts = run_.relation(node);
  if (run_.together != nullptr && run_.together->holds(node) && node_.kind != NodeKind::Operation) {
    parts = run_.together->where_it_waits(std::move(parts));
  } else if (auto other = run_.deferred(node)) {
    auto const present = run_.options.favor_state
                             ? Result<std::optional<project::RelationParts>>(std::nullopt)
                             : run_.cache.find(worker_, parts.schema.value_or(""), parts.identifier.value_or(""));
    if (!present.ok()) return Failure(present.error().clone());
    if (!present->has_value()) parts = std::move(*other);
  }
  if (run_.options.empty) parts.limit = 0;
  filter_by_time(parts, node);
  return project::make_relation(std::move(parts));
}

// Of a batch, of --sample, or of both: rows whose event_time lies within. Only models and snapshots see so little.
void RunContext::filter_by_time(project::RelationParts& parts, project::Node const& node) const {
  auto const& event_time = node.config["event_time"];
  auto const& sample = run_.options.sample;
  bool const is_filtered = node_.kind == NodeKind::Model || node_.kind == NodeKind::Snapshot;
  if (!event_time.is_string() || !is_filtered || (!batch && !sample)) return;
  auto const column = std::find_if(node.columns.begin(), node.columns.end(),
                                   [&](auto const& one) { return one.name == event_time.text(); });
  bool const of_source = node.source && node.source->quoting["column"].truth();
  bool const is_quoted = column == node.columns.end() ? of_source : column->quote.value_or(of_source);
  parts.event_time_field = is_quoted ? sql::quote_pg(event_time.text()) : event_time.text();
  if (batch) {
    parts.event_time_start = batch->start;
    parts.event_time_end = batch->end;
  }
  if (!sample) return;
  std::string const start = text_of(sample->start), end = text_of(sample->end);
  parts.event_time_start = std::max(parts.event_time_start, start);  // the texts' order is that of the times
  parts.event_time_end = batch ? std::min(parts.event_time_end, end) : end;
}

Outcome<Value> RunContext::call_ref(Arguments const& arguments) {
  auto ref = project::ref_from(arguments);
  if (!ref.ok()) return Failure(std::move(ref).error());
  auto const* found = run_.options.lookup->ref(*ref, node_.package_name);
  if (found == nullptr)
    return Failure(
        Error(ErrorKind::Template, fmt::format("\"{}\" refers to \"{}\", which does not exist", node_.name, ref->name))
            .next(did_you_mean(ref->name, run_.options.lookup->names())));
  return relation_to(*found);
}

Outcome<Value> RunContext::call_source(Arguments const& arguments) {
  JINJA_TRY(auto bound, arguments.bind("source", {"source_name", "table_name"}, 2));
  auto const* found =
      run_.options.lookup->source(jinja::to_text(bound[0]), jinja::to_text(bound[1]), node_.package_name);
  if (found == nullptr)
    return Failure(
        Error(ErrorKind::Template, fmt::format("\"{}\" refers to source \"{}.{}\", which does not exist", node_.name,
                                               jinja::to_text(bound[0]), jinja::to_text(bound[1]))));
  return relation_to(*found);
}

Outcome<Value> RunContext::call_function(Arguments const& arguments) {
  if (arguments.positional.empty()) return Failure(FailureType::TypeError, "function() takes a name");
  auto const* found = run_.options.lookup->function(jinja::to_text(arguments.positional.back()));
  if (found == nullptr)
    return Failure(Error(ErrorKind::Template,
                         fmt::format("function \"{}\" does not exist", jinja::to_text(arguments.positional.back()))));
  auto parts = run_.relation(*found);
  parts.type = "function";
  return project::make_relation(std::move(parts));
}

std::vector<std::string> RunContext::member_names() const {
  auto names = DbtContext::member_names();
  for (auto const* name : {"ref",
                           "source",
                           "function",
                           "config",
                           "this",
                           "model",
                           "graph",
                           "execute",
                           "adapter",
                           "database",
                           "schema",
                           "load_result",
                           "store_result",
                           "store_raw_result",
                           "render",
                           "write",
                           "pre_hooks",
                           "post_hooks",
                           "defer_relation",
                           "selected_resources",
                           "invocation_args_dict",
                           "sql",
                           "compiled_code"})
    names.emplace_back(name);
  return names;
}

Value RunContext::member(std::string_view name) {
  auto fn = [](std::string_view function_name, auto call) {
    return jinja::function(std::string(function_name), std::move(call));
  };
  if (name == "execute") return Value(true);
  if (name == "ref")
    return project::function_with_config(
        "ref", [this](State&, Arguments const& arguments) { return call_ref(arguments); }, facts());
  if (name == "source") return fn(name, [this](State&, Arguments const& arguments) { return call_source(arguments); });
  if (name == "function")
    return fn(name, [this](State&, Arguments const& arguments) { return call_function(arguments); });
  if (name == "metric")
    return fn(name, [](State&, Arguments const& arguments) -> Outcome<Value> {
      return Value(arguments.positional.empty() ? std::string() : jinja::to_text(arguments.positional.back()));
    });
  if (name == "config") return config_object(*this);
  if (name == "this")
    return node_.kind == NodeKind::Operation ? Value() : project::make_relation(this_instead ? *this_instead : target_);
  if (name == "model") return model();
  if (name == "graph") return graph();
  if (name == "adapter") return make_run_adapter(*this);
  if (name == "thread_id") return Value(thread_name());
  if (name == "database") return Value(node_.database.empty() ? facts().target.database : node_.database);
  if (name == "schema") return Value(node_.schema.empty() ? facts().target.schema : node_.schema);
  if (name == "pre_hooks" || name == "post_hooks") {
    std::vector<Value> hooks;
    for (auto const& hook : name == "pre_hooks" ? pre_hooks : post_hooks)
      hooks.push_back(jinja::dict_of({{"sql", Value(hook.sql)},
                                      {"transaction", Value(hook.transaction)},
                                      {"index", hook.index ? Value(*hook.index) : Value()}}));
    return jinja::list_of(std::move(hooks));
  }
  if (name == "defer_relation") {
    auto other = run_.deferred(node_);
    return other ? project::make_relation(std::move(*other)) : Value();
  }
  if (name == "selected_resources") {
    std::vector<Value> ids;
    for (auto const index : run_.options.selected) ids.emplace_back(run_.manifest.nodes()[index].unique_id);
    return jinja::list_of(std::move(ids));
  }
  if (name == "invocation_args_dict") return project::to_value(run_.options.args);
  if (name == "exceptions") return exceptions_object(*this);
  if (name == "log")
    return fn(name, [this](State&, Arguments const& arguments) -> Outcome<Value> {
      JINJA_TRY(auto bound, arguments.bind("log", {"msg", "info"}, 1));
      bool const info = !bound[1].is_missing() && jinja::truth(bound[1]);
      run_.log.write({info ? "JinjaLogInfo" : "JinjaLogDebug",
                      info ? "I062" : "I063",
                      info ? Level::Info : Level::Debug,
                      jinja::to_text(bound[0]),
                      {},
                      false});
      return Value("");
    });
  if (name == "print")
    return fn(name, [this](State&, Arguments const& arguments) -> Outcome<Value> {
      JINJA_TRY(auto bound, arguments.bind("print", {"msg"}, 1));
      if (run_.log.options().print)
        run_.log.write({"PrintEvent", "Z052", Level::Info, jinja::to_text(bound[0]), {}, true});
      return Value("");
    });
  if (name == "render")
    return fn(name, [this](State& state, Arguments const& arguments) -> Outcome<Value> {
      JINJA_TRY(auto bound, arguments.bind("render", {"string"}, 1));
      JINJA_TRY(auto const parsed, project::text_templates()->parse("<render>", jinja::to_text(bound[0])));
      JINJA_TRY(auto text, state.render(*parsed, *this));
      return Value(std::move(text));
    });
  if (name == "write")
    return fn(name, [this](State&, Arguments const& arguments) -> Outcome<Value> {
      JINJA_TRY(auto bound, arguments.bind("write", {"payload"}, 1));
      written_ = jinja::to_text(bound[0]);
      auto const written = write_run_sql(*this, written_);
      if (!written.ok()) return Failure(written.error().clone());
      return Value("");
    });
  if (name == "store_result")
    return fn(name, [this](State&, Arguments const& arguments) -> Outcome<Value> {
      JINJA_TRY(auto bound, arguments.bind("store_result", {"name", "response", "agate_table"}, 2));
      store(jinja::to_text(bound[0]), response_from(bound[1]),
            bound[2].is_missing() || bound[2].is_none() ? empty_table() : bound[2]);
      return Value("");
    });
  if (name == "store_raw_result")
    return fn(name, [this](State&, Arguments const& arguments) -> Outcome<Value> {
      JINJA_TRY(auto bound,
                arguments.bind("store_raw_result", {"name", "message", "code", "rows_affected", "agate_table"}, 1));
      AdapterResponse response;
      if (bound[1].is_string()) response.message = bound[1].string();
      if (bound[2].is_string()) response.code = bound[2].string();
      if (!bound[3].is_missing() && !bound[3].is_none()) response.rows_affected = parse_int(jinja::to_text(bound[3]));
      store(jinja::to_text(bound[0]), std::move(response),
            bound[4].is_missing() || bound[4].is_none() ? empty_table() : bound[4]);
      return Value("");
    });
  if (name == "load_result")
    return fn(name, [this](State&, Arguments const& arguments) -> Outcome<Value> {
      JINJA_TRY(auto bound, arguments.bind("load_result", {"name"}, 1));
      std::string const key = jinja::to_text(bound[0]);
      auto const found = stored_.find(key);
      if (found == stored_.end()) return Value();
      if (found->second.table.is_missing())
        return Failure(Error(ErrorKind::Template, fmt::format("the result of statement \"{}\" was loaded before", key))
                           .next("keep the first load_result() in a variable"));
      std::vector<Value> rows;
      if (auto const* data = table_of(found->second.table))
        for (auto const& row : data->rows) rows.push_back(jinja::tuple_of(row));
      Value result = jinja::dict_of({{"response", response_value(found->second.response)},
                                     {"data", jinja::list_of(std::move(rows))},
                                     {"table", found->second.table}});
      if (key != "main") found->second.table = Value::missing();
      return result;
    });
  if (name == "load_agate_table")
    return fn(name, [this](State&, Arguments const&) -> Outcome<Value> {
      auto rows = read_seed(*this);
      if (!rows.ok()) return Failure(std::move(rows).error());
      return make_table(table_from(*rows));
    });
  if (name == "submit_python_job")
    return fn(name, [](State&, Arguments const&) -> Outcome<Value> {
      return Failure(Error(ErrorKind::Template, "PostgreSQL runs no Python models"));
    });
  return DbtContext::member(name);
}

std::filesystem::path RunContext::target_folder() const {
  return run_.options.target_folder;
}

}  // namespace weir::build
