// Entries of properties files: what of them is rendered, and the references in them.
#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "project/loading.h"
#include "project/parse_context.h"
#include "project/properties.h"
#include "project/templates.h"

namespace weir::project {
namespace {

// Tests and descriptions are rendered later, in contexts of their own.
bool is_late(KeyPath const& path, std::size_t from) {
  auto const size = path.size() - std::min(from, path.size());
  auto const at = [&](std::size_t i) -> std::string_view { return path[from + i]; };
  auto const late = [](std::string_view key) {
    return is_one_of(key, {"tests", "data_tests", "description", "loaded_at_query"});
  };
  auto const tested = [](std::string_view key) { return is_one_of(key, {"tests", "data_tests", "description"}); };
  if (size >= 1 && late(at(0))) return true;
  if (size == 2 && late(at(1))) return true;
  if (size >= 2 && at(0) == "config" && is_one_of(at(1), {"pre_hook", "post_hook", "loaded_at_query"})) return true;
  if (size == 5 && at(4) == "description") return true;
  if (size >= 3 && at(0) == "versions" && tested(at(2))) return true;
  if (size >= 5 && at(0) == "versions" && at(2) == "columns" && tested(at(4))) return true;
  return size >= 3 && is_one_of(at(0), {"columns", "dimensions", "measures", "entities", "metrics"}) && tested(at(2));
}

bool is_rendered(std::string_view key, KeyPath const& path) {
  if (path.empty()) return true;
  auto const& first = path[0];
  bool const is_filter = path.back() == "filter" || (path.size() > 1 && path[path.size() - 2] == "filter");
  if (key == "sources") {
    if (first == "description" || first == "loaded_at_query") return false;
    if (path.size() >= 2 && first == "config" && path[1] == "loaded_at_query") return false;
    return first != "tables" || !is_late(path, 2);
  }
  if (key == "macros") return first == "arguments" ? !is_late(path, 1) : !is_late(path, 0);
  if (key == "metrics" && is_filter) return false;
  if (key == "saved_queries" && path.size() > 1 && first == "query_params" && path[1] == "where") return false;
  if (first == "metrics" && is_filter) return false;
  return !is_late(path, 0);
}

}  // namespace

Result<std::vector<PropertyEntry>> property_entries(Draft const& draft, SourceFile const& file, yaml::Node const& root,
                                                    std::string_view key) {
  std::vector<PropertyEntry> entries;
  auto const* list = root.find(key);
  if (list == nullptr || list->kind == yaml::Kind::Null) return entries;
  if (list->kind != yaml::Kind::Sequence)
    return yaml::error_at(list->mark, fmt::format("\"{}\" is a list of entries, not {}", key, kind_name(list->kind)))
        .next(fmt::format("begin each entry with \"- name:\""));
  YamlContext context(draft.facts, true, YamlContext::Secrets::Refused, file.package);
  for (auto const& item : list->items) {
    if (item->kind != yaml::Kind::Mapping)
      return yaml::error_at(item->mark,
                            fmt::format("an entry of \"{}\" is a mapping, not {}", key, kind_name(item->kind)))
          .next("begin each entry with \"- name:\"");
    auto const* name = item->find("name");
    if (name == nullptr || name->kind == yaml::Kind::Null)
      return yaml::error_at(item->mark, fmt::format("an entry of \"{}\" has no name", key)).next("add name: to it");
    PropertyEntry entry;
    entry.mark = name->mark;
    entry.unrendered = to_data(*item);
    WEIR_TRY(entry.rendered,
             render_yaml(
                 *item, [&](std::string_view text) { return render_value(text, context, file.original_file_path); },
                 [&](KeyPath const& path) { return is_rendered(key, path); }));
    entries.push_back(std::move(entry));
  }
  return entries;
}

Result<Reference> parse_reference(std::string const& text, yaml::Mark const& mark) {
  Reference made;
  jinja::DictContext context;
  std::optional<Error> odd;
  context.names().set(
      std::string_view("ref"),
      jinja::function("ref", [&](jinja::State&, jinja::Arguments const& arguments) -> jinja::Outcome<jinja::Value> {
        auto ref = ref_from(arguments);
        if (!ref.ok()) return jinja::Failure(std::move(ref).error());
        made.ref = std::move(ref).value();
        return jinja::Value("");
      }));
  auto const names = [&](jinja::State&, jinja::Arguments const& arguments) -> jinja::Outcome<jinja::Value> {
    for (auto const& one : arguments.positional) made.source.push_back(jinja::to_text(one));
    return jinja::Value("");
  };
  context.names().set(std::string_view("source"), jinja::function("source", names));
  context.names().set(std::string_view("metric"), jinja::function("metric", names));
  bool const is_call = text.find("ref(") != std::string::npos || text.find("source(") != std::string::npos ||
                       text.find("metric(") != std::string::npos;
  auto const bare = std::string(trim(text));
  std::string const expression = bare.starts_with("{{") ? bare : "{{ " + bare + " }}";
  auto parsed = text_templates()->parse(mark.source == nullptr ? "<yaml>" : mark.source->name, expression);
  bool worked = is_call && parsed.ok();
  if (worked) worked = (*parsed)->render(context).ok();
  if (!worked || (!made.ref && made.source.empty()))
    return yaml::error_at(mark, fmt::format("\"{}\" is no ref(...) or source(...)", text))
        .next("write ref('model') or source('source', 'table')");
  return made;
}

}  // namespace weir::project
