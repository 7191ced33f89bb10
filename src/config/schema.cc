// JSON Schema and the reference page, both from the key table.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "config/config.h"
#include "config/keys.h"

namespace weir::config {
namespace {

using Json = nlohmann::ordered_json;

Json object_schema(std::span<Key const> keys);

// A reference may stand where a typed value is expected.
Json or_reference(Json schema, bool references) {
  if (!references) return schema;
  Json reference;
  reference["type"] = "string";
  reference["pattern"] = "\\$\\{(env|file|cred):";
  Json either;
  either["anyOf"] = Json::array({std::move(schema), std::move(reference)});
  return either;
}

Json name_or_list(Key const& key) {
  Json one{{"type", "string"}};
  if (!key.choices.empty()) one["enum"] = choices_of(key);
  Json list{{"type", "array"}, {"items", one}};
  return Json::array({std::move(one), std::move(list)});
}

Json value_schema(Key const& key, bool references) {
  Json schema;
  switch (key.type) {
    case Type::Text:
      schema["type"] = Json::array({"string", "number", "boolean"});
      break;
    case Type::Bool:
      schema = or_reference(Json{{"type", "boolean"}}, references && key.name != "protected");
      break;
    case Type::Count:
      schema = or_reference(Json{{"type", "integer"}, {"minimum", 0}}, references);
      break;
    case Type::Duration:
      schema["type"] = "string";
      schema["pattern"] = "^[0-9]+(\\.[0-9]+)? ?(us|ms|s|sec|m|min|h|d|w)$|\\$\\{";
      break;
    case Type::Percent:
      schema["type"] = "string";
      schema["pattern"] = "^[0-9]+(\\.[0-9]+)? ?%$";
      break;
    case Type::Choice:
      schema["enum"] = choices_of(key);
      if (key.name == "version") schema["enum"].push_back(1);
      if (key.choices.starts_with("off|")) schema["enum"].push_back(false);  // YAML 1.1 reads a bare off as false
      break;
    case Type::Names:
      schema["anyOf"] = name_or_list(key);
      break;
    case Type::Object:
      schema = object_schema(key.children);
      break;
    case Type::Named:
      schema["type"] = "object";
      schema["additionalProperties"] = object_schema(key.children);
      schema["propertyNames"] = {{"pattern", "^[A-Za-z0-9_.-]{1,63}$"}};
      break;
    case Type::Patterns: {
      Json options = object_schema(key.children);
      Json map;
      map["type"] = "object";
      map["additionalProperties"]["anyOf"] =
          Json::array({std::move(options), Json{{"type", "null"}}, Json{{"type", "boolean"}}});
      schema["anyOf"] = Json::array(
          {Json{{"type", "string"}}, Json{{"type", "array"}, {"items", {{"type", "string"}}}}, std::move(map)});
      break;
    }
    case Type::OneOfList: {
      Json one = object_schema(key.children);
      one["minProperties"] = one["maxProperties"] = 1;
      schema["type"] = "array";
      schema["minItems"] = 1;
      schema["items"] = std::move(one);
      break;
    }
  }
  schema["description"] = key.meaning;
  if (!key.fallback.empty()) schema["default"] = key.fallback;
  return schema;
}

Json object_schema(std::span<Key const> keys) {
  Json schema;
  schema["type"] = "object";
  schema["additionalProperties"] = false;
  bool const is_endpoint = find_key(keys, "kind") != nullptr;
  for (auto const& key : keys) {
    schema["properties"][std::string(key.name)] = value_schema(key, is_endpoint);
    if (!key.alias.empty()) schema["properties"][std::string(key.alias)] = value_schema(key, is_endpoint);
    if (key.required && key.alias.empty() && key.kinds.empty()) schema["required"].push_back(key.name);
  }
  if (!is_endpoint) return schema;
  // Each kind has its own keys.
  for (auto const& kind : choices_of(*find_key(keys, "kind"))) {
    Json names = Json::array(), required = Json::array();
    for (auto const& key : keys) {
      if (!belongs_to(key, kind)) continue;
      names.push_back(key.name);
      if (key.required && !key.kinds.empty()) required.push_back(key.name);
      if (!key.alias.empty()) names.push_back(key.alias);
    }
    Json rule;
    rule["if"] = {{"properties", {{"kind", {{"const", kind}}}}}, {"required", {"kind"}}};
    rule["then"] = {{"propertyNames", {{"enum", std::move(names)}}}};
    if (!required.empty()) rule["then"]["required"] = std::move(required);
    schema["allOf"].push_back(std::move(rule));
  }
  return schema;
}

std::string file_schema(std::span<Key const> keys, std::string_view title) {
  Json schema;
  schema["$schema"] = "http://json-schema.org/draft-07/schema#";
  schema["title"] = title;
  schema.update(object_schema(keys));
  return schema.dump(2) + "\n";
}

std::string_view type_words(Type type) {
  switch (type) {
    case Type::Text:
      return "text";
    case Type::Bool:
      return "true or false";
    case Type::Count:
      return "whole number";
    case Type::Duration:
      return "duration";
    case Type::Percent:
      return "percentage";
    case Type::Choice:
      return "choice";
    case Type::Names:
      return "name or list";
    case Type::Object:
      return "mapping";
    case Type::Named:
      return "mapping of names";
    case Type::Patterns:
      return "list or mapping";
    case Type::OneOfList:
      return "list of mappings";
  }
  return "";
}

void add_keys(std::string& page, std::string const& title, std::span<Key const> keys);

// A heading and a table for each mapping below, once for each distinct list of keys.
void add_children(std::string& page, std::string const& path, std::span<Key const> keys) {
  for (auto const& key : keys) {
    if (key.children.empty()) continue;
    if (key.name == "defaults") continue;  // the same keys as under tables
    if (key.name == "sources") continue;   // the same keys as warehouses
    std::string inner = path + std::string(key.name);
    if (key.type == Type::Named) inner += ".NAME";
    if (key.type == Type::Patterns) inner += ".PATTERN";
    if (key.type == Type::OneOfList) inner += "[]";
    if (key.name == "warehouses") inner = "warehouses.NAME, sources.NAME";
    add_keys(page, inner, key.children);
  }
}

void add_keys(std::string& page, std::string const& title, std::span<Key const> keys) {
  page += fmt::format("\n### `{}`\n\n| key | value | default | meaning |\n|---|---|---|---|\n", title);
  for (auto const& key : keys) {
    std::string value(type_words(key.type));
    if (!key.choices.empty()) value = "`" + replace_all(std::string(key.choices), "|", "`, `") + "`";
    if (!key.choices.empty() && key.type == Type::Names) value = "list of " + value;
    std::string meaning = replace_all(std::string(key.meaning), "|", "\\|");
    if (!key.kinds.empty()) meaning += fmt::format(" *({})*", replace_all(std::string(key.kinds), "|", ", "));
    if (!key.alias.empty()) meaning += fmt::format(" Also `{}`.", key.alias);
    page += fmt::format("| `{}` | {} | {} | {} |\n", key.name, value,
                        key.required           ? "*required*"
                        : key.fallback.empty() ? ""
                                               : fmt::format("`{}`", key.fallback),
                        meaning);
  }
  add_children(page, title == "warehouses.NAME, sources.NAME" ? "" : title + ".", keys);
}

void add_file(std::string& page, std::string_view file, std::string_view about, std::span<Key const> keys) {
  page += fmt::format("\n## {}\n\n{}\n", file, about);
  std::string top;
  add_keys(top, std::string(file), keys);
  // The top level's own path is empty, not the file's name.
  page += replace_all(top, fmt::format("`{}.", file), "`");
}

}  // namespace

std::string weir_schema() {
  return file_schema(weir_keys(), "weir.yml");
}
std::string endpoints_schema() {
  return file_schema(endpoints_keys(), "endpoints.yml");
}

std::string reference_page() {
  std::string page =
      "# Configuration\n\n"
      "Every key of `weir.yml` and `endpoints.yml`. This page is made from the program's own table (`weir config "
      "schema --reference`).\n"
      "A key that is not listed here is an error. Durations are written `500ms`, `30s`, `15min`, `6h`, `2d`; "
      "percentages `50%`.\n";
  add_file(page, "weir.yml", "What is loaded, and how. Stands in version control.", weir_keys());
  add_file(
      page, "endpoints.yml",
      "Where the databases are, and the channels of alerts. Stands in version control too: secrets are references, "
      "resolved when they are used.\n"
      "`${env:NAME}` is an environment variable, `${file:PATH}` a file's contents (mode 600; a relative path starts at "
      "the project),\n"
      "`${cred:NAME}` a systemd credential. `$${` is a plain `${`.",
      endpoints_keys());
  return page;
}

}  // namespace weir::config
