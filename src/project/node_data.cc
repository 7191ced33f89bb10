#include "project/node_data.h"

namespace weir::project {
namespace {

Data data_or_none(std::optional<std::string> const& text) {
  return text ? Data(*text) : Data();
}

Data lists(std::vector<std::vector<std::string>> const& all) {
  Data::List out;
  for (auto const& one : all) out.push_back(Data::strings(one));
  return out;
}

Data refs_data(std::vector<Ref> const& refs) {
  Data::List out;
  for (auto const& ref : refs)
    out.push_back(Data::Dict{
        {"name", ref.name}, {"package", ref.package.empty() ? Data() : Data(ref.package)}, {"version", ref.version}});
  return out;
}

Data docs_data(Docs const& docs) {
  return Data::Dict{{"show", docs.show}, {"node_color", data_or_none(docs.node_color)}};
}

Data column_data(Column const& column) {
  Data::Dict pairs{{"name", column.name},
                   {"description", column.description},
                   {"meta", column.meta},
                   {"data_type", data_or_none(column.data_type)},
                   {"constraints", column.constraints},
                   {"quote", column.quote ? Data(*column.quote) : Data()},
                   {"config", Data::Dict{{"meta", column.meta}, {"tags", Data::strings(column.tags)}}},
                   {"tags", Data::strings(column.tags)},
                   {"granularity", column.granularity},
                   {"doc_blocks", Data::strings(column.doc_blocks)}};
  for (auto const& [key, value] : column.extra) set(pairs, key, value);
  return pairs;
}

Data columns_data(std::vector<Column> const& columns) {
  Data::Dict pairs;
  for (auto const& column : columns) set(pairs, column.name, column_data(column));
  return pairs;
}

Data depends_data(DependsOn const& depends) {
  return Data::Dict{{"macros", Data::strings(depends.macros)}, {"nodes", Data::strings(depends.nodes)}};
}

Data::Dict resource(Node const& node) {
  return {{"name", node.name},
          {"resource_type", kind_name(node.kind)},
          {"package_name", node.package_name},
          {"path", node.path},
          {"original_file_path", node.original_file_path},
          {"unique_id", node.unique_id},
          {"fqn", Data::strings(node.fqn)}};
}

void add(Data::Dict& pairs, Data::Dict const& more) {
  pairs.insert(pairs.end(), more.begin(), more.end());
}

Data source_data(Node const& node) {
  auto const& source = *node.source;
  Data::Dict pairs{{"database", node.database.empty() ? Data() : Data(node.database)}, {"schema", node.schema}};
  add(pairs, resource(node));
  add(pairs, {{"source_name", source.source_name},
              {"source_description", source.source_description},
              {"loader", source.loader},
              {"identifier", source.identifier},
              {"quoting", source.quoting},
              {"loaded_at_field", data_or_none(source.loaded_at_field)},
              {"loaded_at_query", data_or_none(source.loaded_at_query)},
              {"freshness", source.freshness},
              {"external", source.external},
              {"description", node.description},
              {"columns", columns_data(node.columns)},
              {"meta", node.meta},
              {"source_meta", source.source_meta},
              {"tags", Data::strings(node.tags)},
              {"config", node.config},
              {"patch_path", data_or_none(node.patch_path)},
              {"unrendered_config", node.unrendered_config},
              {"relation_name", data_or_none(node.relation_name)},
              {"created_at", node.created_at},
              {"unrendered_database", data_or_none(source.unrendered_database)},
              {"unrendered_schema", data_or_none(source.unrendered_schema)},
              {"doc_blocks", Data::strings(node.doc_blocks)}});
  return pairs;
}

Data exposure_data(Node const& node) {
  auto const& facts = *node.exposure;
  Data::Dict pairs = resource(node);
  add(pairs, {{"type", facts.type},
              {"owner", facts.owner},
              {"description", node.description},
              {"label", data_or_none(facts.label)},
              {"maturity", data_or_none(facts.maturity)},
              {"meta", node.meta},
              {"tags", Data::strings(node.tags)},
              {"config", node.config},
              {"unrendered_config", node.unrendered_config},
              {"url", data_or_none(facts.url)},
              {"depends_on", depends_data(node.depends_on)},
              {"refs", refs_data(node.refs)},
              {"sources", lists(node.sources)},
              {"metrics", lists(node.metrics)},
              {"created_at", node.created_at}});
  return pairs;
}

Data unit_test_data(Node const& node) {
  auto const& facts = *node.unit_test;
  Data::Dict pairs{{"model", facts.model}, {"given", facts.given}, {"expect", facts.expect}};
  add(pairs, resource(node));
  add(pairs, {{"description", node.description},
              {"overrides", facts.overrides},
              {"depends_on", depends_data(node.depends_on)},
              {"config", node.config},
              {"checksum", node.checksum.value},
              {"schema", node.schema.empty() ? Data() : Data(node.schema)},
              {"created_at", node.created_at},
              {"versions", facts.versions},
              {"version", facts.version}});
  return pairs;
}

// Metrics, semantic models and saved queries: their own keys stand in `body`.
Data semantic_data(Node const& node) {
  Data::Dict pairs = resource(node);
  set(pairs, "description", node.description);
  for (auto const& [key, value] : node.body.pairs()) set(pairs, key, value);
  set(pairs, "config", node.config);
  set(pairs, "unrendered_config", node.unrendered_config);
  set(pairs, "group", data_or_none(node.group));
  set(pairs, "depends_on", depends_data(node.depends_on));
  set(pairs, "refs", refs_data(node.refs));
  set(pairs, "created_at", node.created_at);
  if (node.kind == NodeKind::Metric) {
    set(pairs, "sources", lists(node.sources));
    set(pairs, "metrics", Data::List{});  // type_params says them
    set(pairs, "meta", node.meta);
    set(pairs, "tags", Data::strings(node.tags));
  }
  if (node.kind == NodeKind::SavedQuery) set(pairs, "tags", Data::strings(node.tags));
  return pairs;
}

}  // namespace

Data node_data(Node const& node) {
  if (node.source) return source_data(node);
  if (node.exposure) return exposure_data(node);
  if (node.unit_test) return unit_test_data(node);
  if (node.kind == NodeKind::Metric || node.kind == NodeKind::SemanticModel || node.kind == NodeKind::SavedQuery)
    return semantic_data(node);
  Data::Dict pairs{{"database", node.database.empty() ? Data() : Data(node.database)}, {"schema", node.schema}};
  add(pairs, resource(node));
  add(pairs, {{"alias", node.alias},
              {"checksum", Data::Dict{{"name", node.checksum.name}, {"checksum", node.checksum.value}}},
              {"config", node.config},
              {"tags", Data::strings(node.tags)},
              {"description", node.description},
              {"columns", columns_data(node.columns)},
              {"meta", node.meta},
              {"group", data_or_none(node.group)},
              {"docs", docs_data(node.docs)},
              {"patch_path", data_or_none(node.patch_path)},
              {"build_path", {}},
              {"unrendered_config", node.unrendered_config},
              {"created_at", node.created_at},
              {"relation_name", data_or_none(node.relation_name)},
              {"raw_code", node.raw_code},
              {"doc_blocks", Data::strings(node.doc_blocks)}});
  if (node.kind == NodeKind::Seed) {
    add(pairs, {{"root_path", data_or_none(node.root_path)},
                {"depends_on", Data::Dict{{"macros", Data::strings(node.depends_on.macros)}}}});
    return pairs;
  }
  add(pairs, {{"language", node.language},
              {"refs", refs_data(node.refs)},
              {"sources", lists(node.sources)},
              {"metrics", lists(node.metrics)},
              {"functions", lists(node.functions)},
              {"depends_on", depends_data(node.depends_on)},
              {"compiled_path", {}},
              {"contract", Data::Dict{{"enforced", node.contract.enforced},
                                      {"alias_types", node.contract.alias_types},
                                      {"checksum", data_or_none(node.contract.checksum)}}}});
  if (node.kind == NodeKind::Model)
    add(pairs, {{"access", node.access},
                {"constraints", node.constraints},
                {"version", node.version},
                {"latest_version", node.latest_version},
                {"deprecation_date", data_or_none(node.deprecation_date)},
                {"primary_key", Data::strings(node.primary_key)},
                {"time_spine", node.time_spine}});
  if (node.generic_test) {
    auto const& test = *node.generic_test;
    add(pairs,
        {{"column_name", data_or_none(test.column_name)},
         {"file_key_name", test.file_key_name},
         {"attached_node", data_or_none(test.attached_node)},
         {"test_metadata",
          Data::Dict{{"name", test.name}, {"kwargs", test.kwargs}, {"namespace", data_or_none(test.namespace_)}}}});
  }
  if (node.hook_index) add(pairs, {{"index", *node.hook_index}});
  if (node.function) add(pairs, {{"arguments", node.function->arguments}, {"returns", node.function->returns}});
  return pairs;
}

Data macro_data(Macro const& macro) {
  Data::List arguments;
  for (auto const& one : macro.arguments)
    arguments.push_back(
        Data::Dict{{"name", one.name}, {"type", data_or_none(one.type)}, {"description", one.description}});
  return Data::Dict{
      {"name", macro.name},
      {"resource_type", "macro"},
      {"package_name", macro.package_name},
      {"path", macro.path},
      {"original_file_path", macro.original_file_path},
      {"unique_id", macro.unique_id},
      {"macro_sql", macro.macro_sql},
      {"depends_on", Data::Dict{{"macros", Data::strings(macro.depends_on)}}},
      {"description", macro.description},
      {"meta", macro.meta},
      {"docs", docs_data(macro.docs)},
      {"config", Data::Dict{{"meta", macro.meta}, {"docs", docs_data(macro.docs)}}},
      {"patch_path", data_or_none(macro.patch_path)},
      {"arguments", std::move(arguments)},
      {"created_at", macro.created_at},
      {"supported_languages", macro.is_materialization ? Data::strings(macro.supported_languages) : Data()}};
}

Data doc_data(DocBlock const& doc) {
  return Data::Dict{{"name", doc.name},
                    {"resource_type", "doc"},
                    {"package_name", doc.package_name},
                    {"path", doc.path},
                    {"original_file_path", doc.original_file_path},
                    {"unique_id", doc.unique_id},
                    {"block_contents", doc.contents}};
}

Data group_data(Group const& group) {
  return Data::Dict{{"name", group.name},
                    {"resource_type", "group"},
                    {"package_name", group.package_name},
                    {"path", group.path},
                    {"original_file_path", group.original_file_path},
                    {"unique_id", group.unique_id},
                    {"owner", group.owner},
                    {"description", group.description.empty() ? Data() : Data(group.description)},
                    {"config", group.config}};
}

}  // namespace weir::project
