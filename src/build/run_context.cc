#include "build/run_context.h"

#include <algorithm>
#include <fstream>

#include <fmt/format.h>

#include "base/file.h"
#include "base/text.h"
#include "build/table.h"
#include "build/together.h"
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

// config and config.get(), .require(), .meta_get() ... of a node that is run.
class RunConfig final : public jinja::Object {
 public:
  explicit RunConfig(RunContext& context) : context_(context) {}
  std::string type_name() const override { return "RuntimeConfigObject"; }
  bool is_callable() const override { return true; }
  bool is_true() const override { return true; }
  Outcome<Value> call(State&, Arguments const&) override { return Value(""); }

  Outcome<Value> attribute(State&, std::string_view name) override {
    jinja::Ref<RunConfig> const self(this);
    if (name == "get" || name == "require" || name == "meta_get" || name == "meta_require")
      return jinja::function(
          std::string(name), [self, name = std::string(name)](State&, Arguments const& arguments) -> Outcome<Value> {
            JINJA_TRY(auto bound, arguments.bind(name, {"name", "default", "validator"}, 1));
            std::string const key = jinja::to_text(bound[0]);
            bool const of_meta = name.starts_with("meta");
            auto const& scope = of_meta ? self->context_.config("meta").pairs() : self->context_.config();
            auto const* found = project::find(scope, key);
            if (found != nullptr && !(found->is_none() && !bound[1].is_missing())) return project::to_value(*found);
            if (!bound[1].is_missing()) return bound[1];
            if (name.ends_with("require"))
              return Failure(Error(ErrorKind::Template, fmt::format("\"{}\" does not define the required config \"{}\"",
                                                                    self->context_.node().name, key))
                                 .next(fmt::format("set {} in the model's config", key)));
            return Value();
          });
    if (name == "set")
      return jinja::function("set", [self](State&, Arguments const& arguments) -> Outcome<Value> {
        JINJA_TRY(auto bound, arguments.bind("set", {"name", "value"}, 2));
        project::set(self->context_.config(), jinja::to_text(bound[0]), project::to_data(bound[1]));
        return Value("");
      });
    if (name == "persist_relation_docs" || name == "persist_column_docs")
      return jinja::function(std::string(name),
                             [self, key = name == "persist_relation_docs" ? "relation" : "columns"](
                                 State&, Arguments const&) -> Outcome<Value> {
                               return Value(self->context_.config("persist_docs")[key].truth());
                             });
    if (name == "model") return self->context_.find("model");
    return Value::missing();
  }

 private:
  RunContext& context_;
};

// exceptions: what warns goes to the run's log; everything else is the parser's.
class RunExceptions final : public jinja::Object {
 public:
  RunExceptions(RunContext& context, Value all) : context_(context), all_(std::move(all)) {}
  std::string type_name() const override { return "dict"; }
  bool is_mapping() const override { return true; }
  bool is_true() const override { return true; }
  Outcome<Value> attribute(State& state, std::string_view name) override {
    if (name == "warn") {
      jinja::Ref<RunExceptions> const self(this);
      return jinja::function("warn", [self](State&, Arguments const& arguments) -> Outcome<Value> {
        JINJA_TRY(auto bound, arguments.bind("warn", {"msg", "node"}, 1));
        return self->warn(jinja::to_text(bound[0]));
      });
    }
    if (name == "warn_snapshot_timestamp_data_types") {
      jinja::Ref<RunExceptions> const self(this);
      return jinja::function("warn", [self](State&, Arguments const& arguments) -> Outcome<Value> {
        JINJA_TRY(auto bound, arguments.bind("warn", {"snapshot_time_data_type", "updated_at_data_type"}, 2));
        return self->warn(fmt::format(
            "Data type of snapshot table timestamp columns ({}) doesn't match derived column 'updated_at' ({}). "
            "Please update snapshot config 'updated_at'.",
            jinja::to_text(bound[0]), jinja::to_text(bound[1])));
      });
    }
    return state.attribute(all_, name);
  }
  Outcome<Value> item(State& state, Value const& key) override { return attribute(state, jinja::to_text(key)); }

 private:
  Outcome<Value> warn(std::string const& text) {
    context_.run().log.write(
        {"JinjaLogWarning", "I061", Level::Warn, context_.run().log.yellow("[WARNING]") + ": " + text, {}, false});
    return Value("");
  }
  RunContext& context_;
  Value all_;
};

class ResponseObject final : public jinja::Object {
 public:
  explicit ResponseObject(AdapterResponse response) : response_(std::move(response)) {}
  std::string type_name() const override { return "AdapterResponse"; }
  bool is_true() const override { return true; }
  std::string text() const override { return response_.message; }
  std::string repr() const override { return response_.message; }
  Outcome<Value> attribute(State&, std::string_view name) override {
    if (name == "_message") return Value(response_.message);
    if (name == "code") return Value(response_.code);
    if (name == "rows_affected") return response_.rows_affected ? Value(*response_.rows_affected) : Value(-1);
    if (name == "get" || name == "to_dict")
      return jinja::function(
          std::string(name),
          [data = response_.data(), name = std::string(name)](State&, Arguments const& arguments) -> Outcome<Value> {
            if (name == "to_dict") return project::to_value(data);
            JINJA_TRY(auto bound, arguments.bind("get", {"key", "default"}, 1));
            auto const* found = data.find(jinja::to_text(bound[0]));
            return found != nullptr ? project::to_value(*found) : bound[1].is_missing() ? Value() : bound[1];
          });
    return Value::missing();
  }
  AdapterResponse const& response() const { return response_; }

 private:
  AdapterResponse response_;
};

AdapterResponse response_from(Value const& value) {
  if (auto const* object = value.as<ResponseObject>()) return object->response();
  AdapterResponse out;
  if (!value.is_none() && !value.is_missing()) out.message = jinja::to_text(value);
  return out;
}

// dbt's rule: what a file of its own holds stands at that file's place; what a properties file (or dbt_project.yml)
// holds stands in a folder of that name.
std::filesystem::path path_in_target(RunContext const& context, std::string_view tree) {
  auto const& node = context.node();
  auto const file = std::filesystem::path(node.original_file_path).lexically_normal();
  auto const below =
      node.kind == NodeKind::UnitTest ? file.parent_path() / (node.name + ".sql") : std::filesystem::path(node.path);
  auto path = file.filename() == below.filename() ? file : file / below;
  if (context.batch)  // models/daily/daily_2024-01-01.sql
    path = path.parent_path() / path.stem() /
           fmt::format("{}_{}{}", path.stem().string(), context.batch->label, path.extension().string());
  return context.target_folder() / tree / node.package_name / path;
}

// Not forced to the disk: the next run writes it again, and a trivial model costs less than an fsync. What stands there
// already is not written: the server's next fsync would wait for a file that was cut off and filled again.
Status write_sql(std::filesystem::path const& path, std::string_view text) {
  if (auto const there = read_file(path); there.ok() && *there == text) return {};
  std::error_code failure;
  std::filesystem::create_directories(path.parent_path(), failure);
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text << std::flush;
  return file ? Status() : write_file(path, text);  // which says why
}

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

Value response_value(AdapterResponse const& response) {
  return Value(jinja::make<ResponseObject>(response));
}

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
  if (name == "config") return Value(jinja::make<RunConfig>(*this));
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
  if (name == "exceptions") return Value(jinja::make<RunExceptions>(*this, project::common_function("exceptions")));
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

Status write_run_sql(RunContext const& context, std::string_view text) {
  return write_sql(path_in_target(context, "run"), context.run().as_published(std::string(text)));
}

std::filesystem::path compiled_sql_file(RunContext const& context) {
  return path_in_target(context, "compiled");
}

Status write_compiled_sql(RunContext const& context, std::string_view text) {
  return write_sql(compiled_sql_file(context), context.run().as_published(std::string(text)));
}

std::filesystem::path RunContext::target_folder() const {
  return run_.options.target_folder;
}

namespace {

// The node as the run has left it.
Data node_of(RunState const& run, NodeResult const& result) {
  auto const* node = run.manifest.find(result.unique_id);
  if (node == nullptr || node->kind == NodeKind::Operation)
    return Data(Data::Dict{{"name", Data(result.unique_id.substr(result.unique_id.rfind('.') + 1))},
                           {"unique_id", Data(result.unique_id)},
                           {"resource_type", Data("operation")}});
  auto data = project::node_data(*node).pairs();
  if (result.is_compiled) {
    project::set(data, "compiled", Data(true));
    project::set(data, "compiled_code", result.compiled_code ? Data(*result.compiled_code) : Data());
  }
  return Data(std::move(data));
}

}  // namespace

Value results_value(RunState const& run) {
  std::vector<Value> all;
  for (auto const& result : run.results()) {
    if (result.thread == kHookThread && result.status != NodeStatus::Error) continue;  // on-run-start, as in dbt
    auto const data = result.data();
    Data::Dict fields;
    for (auto const& [key, value] : data.pairs())
      if (key != "unique_id" && key != "compiled" && key != "compiled_code" && key != "relation_name")
        fields.emplace_back(key, value);
    auto node = node_of(run, result);
    fields.emplace_back("node", node);
    std::vector<Value> timing;
    Data const said(fields);
    for (auto const& one : said["timing"].items()) timing.push_back(project::record("TimingInfo", one));
    all.push_back(project::record(
        "RunResult", Data(std::move(fields)),
        {{"node", project::record("Node", std::move(node))}, {"timing", jinja::list_of(std::move(timing))}}));
  }
  return jinja::list_of(std::move(all));
}

}  // namespace weir::build
