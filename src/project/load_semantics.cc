// Metrics, semantic models and saved queries: read, put into the form that the manifest has, and carried. Nothing is
// computed from them.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/text.h"
#include "project/loading.h"
#include "project/properties.h"

namespace weir::project {
namespace {

// ------------------------------------------------------------------------------------------- forms of the manifest

Data text_or_none(Data const& value) {
  return value.is_none() ? Data() : Data(value.str());
}

// A condition, or several.
Data filter_form(Data const& said) {
  if (said.is_none()) return {};
  Data::List filters;
  for (auto const& text : said.texts()) filters.push_back(Data::Dict{{"where_sql_template", text}});
  return Data::Dict{{"where_filters", std::move(filters)}};
}

// "7 days".
Result<Data> window_form(Data const& said, yaml::Mark const& mark) {
  if (said.is_none()) return Data();
  static constexpr std::string_view kGrains[] = {"nanosecond", "microsecond", "millisecond", "second",
                                                 "minute",     "hour",        "day",         "week",
                                                 "month",      "quarter",     "year"};
  auto const parts = split(to_lower(said.str()), ' ');
  auto const count = parts.size() == 2 ? parse_int(parts[0]) : std::nullopt;
  if (!count)
    return yaml::error_at(mark, fmt::format("\"{}\" is no window of time", said.str())).next("write it like 28 days");
  std::string grain = parts[1];
  if (grain.ends_with('s') &&
      std::find(std::begin(kGrains), std::end(kGrains), grain.substr(0, grain.size() - 1)) != std::end(kGrains))
    grain.pop_back();
  return Data(Data::Dict{{"count", *count}, {"granularity", grain}});
}

Data input_measure(Data const& said) {
  if (said.is_none()) return {};
  bool const is_dict = said.is_dict();
  return Data::Dict{{"name", is_dict ? said["name"] : said},
                    {"filter", is_dict ? filter_form(said["filter"]) : Data()},
                    {"alias", is_dict ? said["alias"] : Data()},
                    {"join_to_timespine", is_dict && said["join_to_timespine"].truth()},
                    {"fill_nulls_with", is_dict ? said["fill_nulls_with"] : Data()}};
}

Result<Data> input_metric(Data const& said, yaml::Mark const& mark) {
  if (said.is_none()) return Data();
  bool const is_dict = said.is_dict();
  WEIR_TRY(Data const window, window_form(is_dict ? said["offset_window"] : Data(), mark));
  return Data(Data::Dict{{"name", is_dict ? said["name"] : said},
                         {"filter", is_dict ? filter_form(said["filter"]) : Data()},
                         {"alias", is_dict ? said["alias"] : Data()},
                         {"offset_window", window},
                         {"offset_to_grain", is_dict ? said["offset_to_grain"] : Data()}});
}

Result<Data> conversion_form(Data const& said, yaml::Mark const& mark) {
  if (!said.is_dict()) return Data();
  WEIR_TRY(Data const window, window_form(said["window"], mark));
  Data const& calculation = said["calculation"];
  return Data(Data::Dict{{"base_measure", input_measure(said["base_measure"])},
                         {"conversion_measure", input_measure(said["conversion_measure"])},
                         {"entity", said["entity"]},
                         {"calculation", calculation.is_none() ? Data("conversion_rate") : calculation},
                         {"window", window},
                         {"constant_properties", said["constant_properties"]}});
}

// Older files write window and grain_to_date beside, not under cumulative_type_params.
Result<Data> cumulative_form(Data const& type, Data const& params, yaml::Mark const& mark) {
  if (to_lower(type.str()) != "cumulative") return Data();
  Data const& said = params["cumulative_type_params"];
  auto const either = [&](std::string_view key) { return said[key].truth() ? said[key] : params[key]; };
  WEIR_TRY(Data const window, window_form(either("window"), mark));
  return Data(Data::Dict{{"window", window},
                         {"grain_to_date", either("grain_to_date")},
                         {"period_agg", said["period_agg"].is_none() ? Data("first") : said["period_agg"]},
                         {"metric", {}}});
}

Result<Data> type_params_form(Data const& type, Data const& said, yaml::Mark const& mark) {
  WEIR_TRY(Data const numerator, input_metric(said["numerator"], mark));
  WEIR_TRY(Data const denominator, input_metric(said["denominator"], mark));
  WEIR_TRY(Data const window, window_form(said["window"], mark));
  WEIR_TRY(Data const conversion, conversion_form(said["conversion_type_params"], mark));
  WEIR_TRY(Data const cumulative, cumulative_form(type, said, mark));
  Data::List metrics;
  for (auto const& one : said["metrics"].items()) {
    WEIR_TRY(Data metric, input_metric(one, mark));
    metrics.push_back(std::move(metric));
  }
  return Data(Data::Dict{{"measure", input_measure(said["measure"])},
                         {"input_measures", Data::List{}},
                         {"numerator", numerator},
                         {"denominator", denominator},
                         {"expr", text_or_none(said["expr"])},
                         {"window", window},
                         {"grain_to_date", said["grain_to_date"]},
                         {"metrics", std::move(metrics)},
                         {"conversion_type_params", conversion},
                         {"cumulative_type_params", cumulative},
                         {"metric_aggregation_params", {}}});
}

// The keys in `keys`, None where they are not said, and the config with the semantic model's meta under its own.
Data element_form(Data const& said, std::initializer_list<std::string_view> keys, Data const& meta) {
  Data::Dict form{{"name", said["name"]}};
  for (auto const key : keys) form.emplace_back(key, said[key]);
  Data::Dict merged = meta.pairs();
  update(merged, said["config"]["meta"].pairs());
  form.emplace_back("config", Data::Dict{{"meta", std::move(merged)}});
  return form;
}

Data dimension_form(Data const& said, Data const& meta) {
  auto form = element_form(said, {"type", "description", "label", "expr"}, meta).pairs();
  set(form, "is_partition", Data(said["is_partition"].truth()));
  Data const& params = said["type_params"];
  set(form, "type_params",
      params.is_dict() ? Data(Data::Dict{{"time_granularity", params["time_granularity"]},
                                         {"validity_params", params["validity_params"]}})
                       : Data());
  return form;
}

Data measure_form(Data const& said, Data const& meta) {
  auto form = element_form(said, {"agg", "description", "label", "agg_time_dimension"}, meta).pairs();
  set(form, "create_metric", Data(false));
  set(form, "expr", text_or_none(said["expr"]));
  Data const &params = said["agg_params"], &additive = said["non_additive_dimension"];
  set(form, "agg_params",
      params.is_dict() ? Data(Data::Dict{{"percentile", params["percentile"]},
                                         {"use_discrete_percentile", params["use_discrete_percentile"].truth()},
                                         {"use_approximate_percentile", params["use_approximate_percentile"].truth()}})
                       : Data());
  set(form, "non_additive_dimension",
      additive.is_dict() ? Data(Data::Dict{{"name", additive["name"]},
                                           {"window_choice", additive["window_choice"]},
                                           {"window_groupings", Data::strings(additive["window_groupings"].texts())}})
                         : Data());
  return form;
}

template <typename Form>
Data forms_of(Data const& list, Form const& form) {
  Data::List forms;
  for (auto const& one : list.items()) forms.push_back(form(one));
  return forms;
}

Data export_form(Draft const& draft, Data const& said, Data const& query_config) {
  Data const& config = said["config"];
  auto const either = [&](std::string_view key, Data const& otherwise) {
    return config[key].truth() ? config[key] : query_config[key].truth() ? query_config[key] : otherwise;
  };
  return Data::Dict{{"name", said["name"]},
                    {"config", Data::Dict{{"export_as", either("export_as", {})},
                                          {"schema_name", either("schema", draft.target.schema)},
                                          {"alias", config["alias"].truth() ? config["alias"] : said["name"]},
                                          {"database", draft.target.database}}},
                    {"unrendered_config", config.is_dict() ? config : Data(Data::Dict{})}};
}

// --------------------------------------------------------------------------------------------------------- entries

Result<Node> begin(Draft& draft, SourceFile const& file, PropertyEntry const& one, NodeKind kind) {
  Data const& entry = one.rendered;
  Node node;
  node.kind = kind;
  node.name = entry["name"].str();
  node.package_name = file.package;
  node.unique_id = fmt::format("{}.{}.{}", kind_name(kind), file.package, node.name);
  node.path = file.relative_path;
  node.original_file_path = file.original_file_path;
  node.fqn = fqn_of(file.package, file.relative_path);
  node.fqn.push_back(node.name);
  node.created_at = draft.now;
  node.description = entry["description"].is_none() ? "" : entry["description"].str();
  Data::Dict const config = entry["config"].pairs();
  ConfigInputs const inputs{draft.root(), *draft.project(file.package), kind, node.fqn, config, {}};
  WEIR_TRY(auto made, node_config(inputs));
  node.unrendered_config = Data(unrendered_config(inputs));
  node.config = Data(std::move(made));
  if (node.config["group"].truth()) node.group = node.config["group"].str();
  node.tags = node.config["tags"].texts();
  node.meta = node.config["meta"].truth() ? node.config["meta"]
              : entry["meta"].is_dict()   ? entry["meta"]
                                          : Data(Data::Dict{});
  draft.places[node.unique_id] = one.mark;
  return node;
}

// Nodes of these kinds that are not described have None, not an empty text.
Data with_no_description(Data const& entry, Data::Dict body) {
  if (entry["description"].is_none()) body.emplace_back("description", Data());
  return body;
}

// Names of metrics in an input: text, or { name: ... }.
void add_metric(Node& node, Data const& input) {
  std::string const name = input.is_dict() ? input["name"].str() : input.is_string() ? input.text() : "";
  if (!name.empty()) node.metrics.push_back({name});
}

Status add_metric_node(Draft& draft, SourceFile const& file, PropertyEntry const& one) {
  WEIR_TRY(Node node, begin(draft, file, one, NodeKind::Metric));
  Data const& entry = one.rendered;
  static constexpr std::string_view kTypes[] = {"simple", "ratio", "cumulative", "derived", "conversion"};
  std::string const type = entry["type"].is_none() ? "" : entry["type"].str();
  if (std::find(std::begin(kTypes), std::end(kTypes), type) == std::end(kTypes))
    return yaml::error_at(one.mark, type.empty() ? fmt::format("metric \"{}\" has no type", node.name)
                                                 : fmt::format("metric \"{}\" is of type \"{}\"", node.name, type))
        .next("it is simple, ratio, cumulative, derived or conversion");
  node.tags = entry["tags"].texts();
  auto const& params = entry["type_params"];
  WEIR_TRY(Data const form, type_params_form(entry["type"], params, one.mark));
  node.body = Data::Dict{{"label", entry["label"].truth() ? entry["label"] : Data(node.name)},
                         {"type", type},
                         {"type_params", form},
                         {"filter", filter_form(entry["filter"])},
                         {"time_granularity", entry["time_granularity"]}};
  if (type == "ratio")
    for (std::string_view const key : {"numerator", "denominator"}) add_metric(node, params[key]);
  if (type == "derived")
    for (auto const& input : params["metrics"].items()) add_metric(node, input);
  return draft.add_node(std::move(node));
}

// A measure with create_metric: true is a metric too.
Status add_metric_of_measure(Draft& draft, SourceFile const& file, Node const& model, Data const& measure,
                             yaml::Mark const& mark) {
  auto const either = [&](std::string_view key, std::string otherwise) {
    return measure[key].truth() ? measure[key] : Data(std::move(otherwise));
  };
  std::string const name = measure["name"].str();
  PropertyEntry entry;
  entry.mark = mark;
  entry.rendered = Data::Dict{{"name", name},
                              {"label", either("label", name)},
                              {"type", "simple"},
                              {"type_params", Data::Dict{{"measure", name}, {"expr", either("expr", name)}}},
                              {"description", either("description", "Metric created from measure " + name)},
                              {"config", Data::Dict{{"enabled", model.enabled()}, {"meta", model.config["meta"]}}}};
  return add_metric_node(draft, file, entry);
}

Status add_semantic_model(Draft& draft, SourceFile const& file, PropertyEntry const& one) {
  WEIR_TRY(Node node, begin(draft, file, one, NodeKind::SemanticModel));
  Data const& entry = one.rendered;
  if (!entry["model"].truth())
    return yaml::error_at(one.mark, fmt::format("semantic model \"{}\" names no model", node.name))
        .next("add model: ref('...')");
  WEIR_TRY(auto const reference, parse_reference(entry["model"].str(), one.mark));
  if (reference.ref) node.refs.push_back(*reference.ref);
  Data const meta = node.config["meta"];
  node.body = with_no_description(
      entry,
      {{"model", entry["model"]},
       {"label", entry["label"]},
       {"node_relation", {}},
       {"defaults", entry["defaults"].is_dict()
                        ? Data(Data::Dict{{"agg_time_dimension", entry["defaults"]["agg_time_dimension"]}})
                        : Data()},
       {"entities", forms_of(entry["entities"],
                             [&](Data const& said) {
                               return element_form(said, {"type", "description", "label", "role", "expr"}, meta);
                             })},
       {"measures", forms_of(entry["measures"], [&](Data const& said) { return measure_form(said, meta); })},
       {"dimensions", forms_of(entry["dimensions"], [&](Data const& said) { return dimension_form(said, meta); })},
       {"primary_entity", entry["primary_entity"]}});
  for (auto const& measure : entry["measures"].items()) {
    if (!measure["create_metric"].truth()) continue;
    WEIR_DO(add_metric_of_measure(draft, file, node, measure, one.mark));
  }
  return draft.add_node(std::move(node));
}

Status add_saved_query(Draft& draft, SourceFile const& file, PropertyEntry const& one) {
  WEIR_TRY(Node node, begin(draft, file, one, NodeKind::SavedQuery));
  Data const& entry = one.rendered;
  node.tags = entry["config"]["tags"].texts();
  for (auto const& tag : entry["tags"].texts()) node.tags.push_back(tag);
  std::sort(node.tags.begin(), node.tags.end());
  node.tags.erase(std::unique(node.tags.begin(), node.tags.end()), node.tags.end());
  Data const& params = entry["query_params"];
  for (auto const& metric : params["metrics"].items()) add_metric(node, metric);
  node.body = with_no_description(
      entry, {{"label", entry["label"]},
              {"query_params", Data::Dict{{"metrics", Data::strings(params["metrics"].texts())},
                                          {"group_by", Data::strings(params["group_by"].texts())},
                                          {"where", filter_form(params["where"])},
                                          {"order_by", Data::strings(params["order_by"].texts())},
                                          {"limit", params["limit"]}}},
              {"exports",
               forms_of(entry["exports"], [&](Data const& said) { return export_form(draft, said, node.config); })}});
  return draft.add_node(std::move(node));
}

// ------------------------------------------------------------------------------------------------- what refers to what

class MetricResolver {
 public:
  explicit MetricResolver(Draft& draft) : draft_(draft) {
    for (auto const* model : draft.nodes.of_kind(NodeKind::SemanticModel))
      for (auto const& measure : model->body["measures"].items())
        model_of_measure_.emplace(measure["name"].str(), model->unique_id);
  }

  // Puts the measures that a metric stands on, at any distance, into it, and what it depends on.
  Status resolve(Node& metric) {
    if (!done_.insert(metric.unique_id).second) return {};
    Data const params = metric.body["type_params"];
    std::string const type = metric.body["type"].str();
    Data::List inputs;
    if (type == "simple" || type == "cumulative") {
      WEIR_DO(take(metric, params["measure"], inputs));
    } else if (type == "conversion") {
      WEIR_DO(take(metric, params["conversion_type_params"]["base_measure"], inputs));
      WEIR_DO(take(metric, params["conversion_type_params"]["conversion_measure"], inputs));
    } else {
      for (auto const& id : metric.depends_on.nodes) {
        auto* other = draft_.nodes.find(id);
        if (other == nullptr || other->kind != NodeKind::Metric) continue;
        WEIR_DO(resolve(*other));
        for (auto const& input : other->body["type_params"]["input_measures"].items()) add(inputs, input);
      }
    }
    Data::Dict changed = params.pairs(), body = metric.body.pairs();
    set(changed, "input_measures", Data(std::move(inputs)));
    set(body, "type_params", Data(std::move(changed)));
    metric.body = Data(std::move(body));
    return {};
  }

 private:
  static void add(Data::List& inputs, Data const& input) {
    if (std::find(inputs.begin(), inputs.end(), input) == inputs.end()) inputs.push_back(input);
  }

  Status take(Node& metric, Data const& input, Data::List& inputs) {
    auto const mark = draft_.places[metric.unique_id];
    if (input.is_none())
      return yaml::error_at(mark, fmt::format("metric \"{}\" names no measure", metric.name))
          .object(metric.unique_id)
          .next("add measure: to its type_params");
    add(inputs, input);
    auto const found = model_of_measure_.find(input["name"].str());
    if (found == model_of_measure_.end()) {
      std::vector<std::string> known;
      for (auto const& [name, model] : model_of_measure_) known.push_back(name);
      return yaml::error_at(mark, fmt::format("metric \"{}\" refers to measure \"{}\", which does not exist",
                                              metric.name, input["name"].str()))
          .object(metric.unique_id)
          .next(did_you_mean(input["name"].str(), known));
    }
    auto& nodes = metric.depends_on.nodes;
    if (std::find(nodes.begin(), nodes.end(), found->second) == nodes.end()) nodes.push_back(found->second);
    return {};
  }

  Draft& draft_;
  std::map<std::string, std::string> model_of_measure_;
  std::set<std::string> done_;
};

// Where the rows of a semantic model stand.
void place_semantic_model(Draft& draft, Node& node) {
  for (auto const& id : node.depends_on.nodes) {
    auto const* model = draft.nodes.find(id);
    if (model == nullptr) continue;
    Data::Dict body = node.body.pairs();
    set(body, "node_relation",
        Data(Data::Dict{{"alias", model->alias},
                        {"schema_name", model->schema},
                        {"database", model->database},
                        {"relation_name", model->relation_name ? Data(*model->relation_name) : Data()}}));
    node.body = Data(std::move(body));
  }
}

}  // namespace

Status read_semantics(Draft& draft, SourceFile const& file, yaml::Node const& root) {
  struct Section {
    std::string_view key;
    Status (*add)(Draft&, SourceFile const&, PropertyEntry const&);
  };
  for (auto const& section : {Section{"metrics", add_metric_node}, Section{"semantic_models", add_semantic_model},
                              Section{"saved_queries", add_saved_query}}) {
    WEIR_TRY(auto const entries, property_entries(draft, file, root, section.key));
    for (auto const& one : entries) {
      WEIR_DO(section.add(draft, file, one));
    }
  }
  return {};
}

Status resolve_semantics(Draft& draft) {
  for (auto* node : draft.nodes.of_kind(NodeKind::SemanticModel)) place_semantic_model(draft, *node);
  MetricResolver resolver(draft);
  for (auto* metric : draft.nodes.of_kind(NodeKind::Metric)) {
    WEIR_DO(resolver.resolve(*metric));
  }
  return {};
}

}  // namespace weir::project
