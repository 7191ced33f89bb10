#include "project/select_spec.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"

namespace weir::project {
namespace {

std::vector<std::string> const& methods() {
  static std::vector<std::string> const all{
      "fqn",           "tag",       "group",          "access",        "source",    "path",     "file",   "package",
      "config",        "test_name", "test_type",      "resource_type", "state",     "exposure", "metric", "result",
      "source_status", "version",   "semantic_model", "saved_query",   "unit_test", "selector"};
  return all;
}

std::string default_method(std::string const& value) {
  if (value.find('/') != std::string::npos) return "path";
  std::string const lower = to_lower(value);
  return lower.ends_with(".sql") || lower.ends_with(".py") || lower.ends_with(".csv") ? "file" : "fqn";
}

bool is_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

int depth_of(std::string_view digits) {
  return digits.empty() ? -1 : static_cast<int>(parse_int(digits).value_or(-1));
}

Status set_method(Criterion& made, std::string_view text) {
  auto parts = split(text, '.');
  made.method = parts[0];
  made.arguments.assign(parts.begin() + 1, parts.end());
  if (std::find(methods().begin(), methods().end(), made.method) != methods().end()) return {};
  std::string next = did_you_mean(made.method, methods());
  return Error(ErrorKind::Usage, fmt::format("selection method \"{}\" does not exist", made.method))
      .object(made.raw)
      .next(next.empty() ? fmt::format("there is: {}", join(methods(), ", ")) : next);
}

Error wrong(std::string message) {
  return Error(ErrorKind::Config, std::move(message)).where("selectors.yml");
}

// -----------------------------------------------------------------------------------------------------------
// selectors.yml

class DefinitionParser {
 public:
  DefinitionParser(std::vector<NamedSelector> const& known, IndirectSelection indirect)
      : known_(known), indirect_(indirect) {}

  Result<SelectionSpec> parse(Data const& definition) {
    if (definition.is_string()) return one(definition.text());
    if (!definition.is_dict())
      return wrong(fmt::format("a selector's definition is a text or a mapping, not {}", definition.repr()));
    if (definition.contains("union")) return combined(definition["union"], SelectionSpec::Kind::Union);
    if (definition.contains("intersection"))
      return combined(definition["intersection"], SelectionSpec::Kind::Intersection);
    return mapping(definition);
  }

 private:
  Result<SelectionSpec> one(std::string const& text) {
    SelectionSpec spec;
    spec.kind = SelectionSpec::Kind::One;
    spec.indirect = indirect_;
    WEIR_TRY(spec.criterion, parse_criterion(text));
    return spec;
  }

  static SelectionSpec minus(SelectionSpec base, SelectionSpec excluded) {
    SelectionSpec spec;
    spec.kind = SelectionSpec::Kind::Difference;
    spec.parts.push_back(std::move(base));
    spec.parts.push_back(std::move(excluded));
    return spec;
  }

  Result<SelectionSpec> excluded(Data const& list) {
    SelectionSpec spec;
    for (auto const& item : list.items()) {
      WEIR_TRY(auto part, parse(item));
      spec.parts.push_back(std::move(part));
    }
    return spec;
  }

  Result<SelectionSpec> combined(Data const& list, SelectionSpec::Kind kind) {
    if (!list.is_list()) return wrong("union and intersection take a list");
    SelectionSpec spec;
    spec.kind = kind;
    std::optional<SelectionSpec> without;
    for (auto const& item : list.items()) {
      if (item.is_dict() && item.contains("exclude") && !item.contains("method")) {
        if (without) return wrong("a union or intersection has at most one exclude");
        WEIR_TRY(without, excluded(item["exclude"]));
      } else {
        WEIR_TRY(auto part, parse(item));
        spec.parts.push_back(std::move(part));
      }
    }
    return without ? minus(std::move(spec), std::move(*without)) : std::move(spec);
  }

  Result<SelectionSpec> named(std::string const& name) {
    for (auto const& selector : known_)
      if (selector.name == name) return selector.spec;
    std::vector<std::string> names;
    for (auto const& selector : known_) names.push_back(selector.name);
    return wrong(fmt::format("selector \"{}\" does not exist above the one that uses it", name))
        .next(did_you_mean(name, names));
  }

  Result<SelectionSpec> mapping(Data const& definition) {
    std::string method, value;
    if (definition.pairs().size() == 1) {
      method = definition.pairs()[0].first;
      value = definition.pairs()[0].second.str();
    } else if (definition.contains("method") && definition.contains("value")) {
      method = definition["method"].str();
      value = definition["value"].is_bool() ? (definition["value"].boolean() ? "true" : "false")
                                            : definition["value"].str();
    } else {
      return wrong(
          fmt::format("a selector's definition has one key, or \"method\" and \"value\": {}", definition.repr()));
    }
    if (method == "selector") return named(value);
    SelectionSpec spec;
    spec.kind = SelectionSpec::Kind::One;
    spec.indirect = indirect_;
    if (auto const& said = definition["indirect_selection"]; !said.is_none()) {
      auto const parsed = indirect_from_name(said.str());
      if (!parsed)
        return wrong(fmt::format("indirect_selection is \"{}\"", said.str()))
            .next("it is eager, cautious, buildable or empty");
      spec.indirect = *parsed;
    }
    auto& criterion = spec.criterion;
    criterion.raw = definition.repr();
    WEIR_DO(set_method(criterion, method));
    criterion.value = std::move(value);
    criterion.childrens_parents = definition["childrens_parents"].truth();
    criterion.parents = definition["parents"].truth();
    criterion.children = definition["children"].truth();
    criterion.parents_depth = depth_of(definition["parents_depth"].is_none() ? "" : definition["parents_depth"].str());
    criterion.children_depth =
        depth_of(definition["children_depth"].is_none() ? "" : definition["children_depth"].str());
    if (criterion.childrens_parents && criterion.children)
      return wrong("\"@\" in front and \"+\" behind cannot stand together");
    if (!definition.contains("exclude")) return spec;
    WEIR_TRY(auto without, excluded(definition["exclude"]));
    return minus(std::move(spec), std::move(without));
  }

  std::vector<NamedSelector> const& known_;
  IndirectSelection indirect_;
};

// -----------------------------------------------------------------------------------------------------------------
// as the manifest has it

Result<Data> canonical_text(std::string const& text) {
  WEIR_TRY(auto const criterion, parse_criterion(text));
  Data::Dict pairs;
  if (criterion.childrens_parents) pairs.emplace_back("childrens_parents", true);
  if (criterion.parents) pairs.emplace_back("parents", true);
  if (criterion.parents_depth >= 0) pairs.emplace_back("parents_depth", std::to_string(criterion.parents_depth));
  std::string method = criterion.method;
  for (auto const& argument : criterion.arguments) method += "." + argument;
  pairs.emplace_back("method", method);
  if (!criterion.value.empty()) pairs.emplace_back("value", criterion.value);
  if (criterion.children) pairs.emplace_back("children", true);
  if (criterion.children_depth >= 0) pairs.emplace_back("children_depth", std::to_string(criterion.children_depth));
  return Data(std::move(pairs));
}

Result<Data> canonical(Data const& definition, Data::Dict const& known) {
  if (definition.is_string()) return canonical_text(definition.text());
  for (std::string_view const key : {"union", "intersection"}) {
    if (!definition.contains(key)) continue;
    Data::List items;
    for (auto const& item : definition[key].items()) {
      WEIR_TRY(Data one, canonical(item, known));
      items.push_back(std::move(one));
    }
    return Data(Data::Dict{{std::string(key), std::move(items)}});
  }
  if (definition.pairs().empty()) return definition;
  auto const& [key, value] = definition.pairs()[0];
  Data said = value;
  if (value.is_list()) {
    Data::List items;
    for (auto const& item : value.items()) {
      WEIR_TRY(Data one, canonical(item, known));
      items.push_back(std::move(one));
    }
    said = Data(std::move(items));
  }
  if (key == "exclude") return Data(Data::Dict{{"exclude", said}});
  if (definition.pairs().size() == 1) return Data(Data::Dict{{"method", key}, {"value", said}});
  if (key == "method" && value.str() == "selector") {
    auto const* found = find(known, definition["value"].str());
    if (found == nullptr)
      return wrong(fmt::format("selector \"{}\" does not exist above the one that uses it", definition["value"].str()));
    return (*found)["definition"];
  }
  return definition;
}

}  // namespace

Result<Criterion> parse_criterion(std::string const& text) {
  Criterion made;
  made.raw = text;
  std::string_view rest = text;
  if (rest.starts_with('@')) {
    made.childrens_parents = true;
    rest.remove_prefix(1);
  }
  if (auto const plus = rest.find('+'); plus != std::string_view::npos && is_digits(rest.substr(0, plus))) {
    made.parents = true;
    made.parents_depth = depth_of(rest.substr(0, plus));
    rest.remove_prefix(plus + 1);
  }
  if (auto const plus = rest.rfind('+'); plus != std::string_view::npos && is_digits(rest.substr(plus + 1))) {
    made.children = true;
    made.children_depth = depth_of(rest.substr(plus + 1));
    rest = rest.substr(0, plus);
  }
  auto const colon = rest.find(':');
  auto const is_method = [](std::string_view word) {
    return !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
    });
  };
  if (colon != std::string_view::npos && is_method(rest.substr(0, colon))) {
    made.value = rest.substr(colon + 1);
    WEIR_DO(set_method(made, rest.substr(0, colon)));
  } else {
    made.value = rest;
    made.method = default_method(made.value);
  }
  if (made.childrens_parents && made.children)
    return Error(ErrorKind::Usage, fmt::format("\"@\" in front and \"+\" behind cannot stand together: \"{}\"", text))
        .object(text)
        .next("leave one of them out");
  return made;
}

Result<SelectionSpec> parse_union(std::vector<std::string> const& texts, IndirectSelection indirect, bool must_match) {
  SelectionSpec all;
  all.indirect = indirect;
  for (auto const& text : texts) {
    for (auto const& word : split(replace_all(replace_all(text, "\n", " "), "\t", " "), ' ')) {
      if (word.empty()) continue;
      SelectionSpec intersection;
      intersection.kind = SelectionSpec::Kind::Intersection;
      intersection.indirect = indirect;
      intersection.must_match = must_match;
      intersection.raw = word;
      for (auto const& part : split(word, ',')) {
        SelectionSpec one;
        one.kind = SelectionSpec::Kind::One;
        one.indirect = indirect;
        WEIR_TRY(one.criterion, parse_criterion(part));
        intersection.parts.push_back(std::move(one));
      }
      all.parts.push_back(std::move(intersection));
    }
  }
  return all;
}

Result<std::vector<NamedSelector>> parse_selectors(Data const& definitions, IndirectSelection indirect) {
  std::vector<NamedSelector> made;
  for (auto const& one : definitions.items()) {
    NamedSelector selector;
    selector.name = one["name"].str();
    selector.is_default = one["default"].truth();
    DefinitionParser parser(made, indirect);
    auto spec = parser.parse(one["definition"]);
    if (!spec.ok()) return std::move(spec).error().context(fmt::format("reading selector \"{}\"", selector.name));
    selector.spec = std::move(spec).value();
    made.push_back(std::move(selector));
  }
  return made;
}

Result<Data> canonical_selectors(Data const& definitions) {
  Data::Dict made;
  for (auto const& one : definitions.items()) {
    Data::Dict pairs = one.pairs();
    WEIR_TRY(Data definition, canonical(one["definition"], made));
    set(pairs, "definition", std::move(definition));
    set(made, one["name"].str(), Data(std::move(pairs)));
  }
  return Data(std::move(made));
}

bool matches_name(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*') {
    for (std::size_t n = 0; n <= text.size(); ++n)
      if (matches_name(pattern.substr(1), text.substr(n))) return true;
    return false;
  }
  if (text.empty()) return false;
  if (pattern[0] == '?') return matches_name(pattern.substr(1), text.substr(1));
  if (pattern[0] == '[') {
    bool const negated = pattern.size() > 1 && pattern[1] == '!';
    auto const close = pattern.find(']', negated ? 3 : 2);
    if (close != std::string_view::npos) {
      std::string_view const set = pattern.substr(negated ? 2 : 1, close - (negated ? 2 : 1));
      bool found = false;
      for (std::size_t i = 0; i < set.size(); ++i) {
        if (i + 2 < set.size() && set[i + 1] == '-') {
          found = found || (text[0] >= set[i] && text[0] <= set[i + 2]);
          i += 2;
        } else {
          found = found || set[i] == text[0];
        }
      }
      return found != negated && matches_name(pattern.substr(close + 1), text.substr(1));
    }
  }
  return pattern[0] == text[0] && matches_name(pattern.substr(1), text.substr(1));
}

std::optional<IndirectSelection> indirect_from_name(std::string_view name) {
  if (name == "eager") return IndirectSelection::Eager;
  if (name == "cautious") return IndirectSelection::Cautious;
  if (name == "buildable") return IndirectSelection::Buildable;
  if (name == "empty") return IndirectSelection::Empty;
  return std::nullopt;
}

}  // namespace weir::project
