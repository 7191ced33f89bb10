#include "build/template_objects.h"

#include <fmt/format.h>

#include "project/context_functions.h"
#include "project/node_data.h"
#include "project/templates.h"

namespace weir::build {
namespace {

using jinja::Arguments;
using jinja::Failure;
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

Value config_object(RunContext& context) {
  return Value(jinja::make<RunConfig>(context));
}

Value exceptions_object(RunContext& context) {
  return Value(jinja::make<RunExceptions>(context, project::common_function("exceptions")));
}

Value response_value(AdapterResponse const& response) {
  return Value(jinja::make<ResponseObject>(response));
}

AdapterResponse response_from(Value const& value) {
  if (auto const* object = value.as<ResponseObject>()) return object->response();
  AdapterResponse out;
  if (!value.is_none() && !value.is_missing()) out.message = jinja::to_text(value);
  return out;
}

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
