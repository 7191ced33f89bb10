#include "config/check.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "config/references.h"

namespace weir::config {
namespace {

using yaml::Kind;
using yaml::Node;

constexpr std::size_t kMostShown = 20;

std::vector<std::string> names_of(std::span<Key const> keys, std::string_view kind) {
  std::vector<std::string> names;
  for (auto const& key : keys)
    if (kind.empty() || belongs_to(key, kind)) names.emplace_back(key.name);
  return names;
}

std::string quoted_list(std::vector<std::string> const& names) {
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) out += i + 1 == names.size() ? " or " : ", ";
    out += '"' + names[i] + '"';
  }
  return out;
}

// The kind of an endpoint or channel that its mapping states, "" if there is no such kind; a warehouse is postgres
// unless it says otherwise.
std::string kind_of(Node const& node, std::span<Key const> keys, std::string_view parent) {
  Key const* key = find_key(keys, "kind");
  if (key == nullptr) return {};
  auto const kinds = choices_of(*key);
  if (Node const* kind = node.find("kind"); kind != nullptr && kind->is_scalar())
    return std::find(kinds.begin(), kinds.end(), kind->text) == kinds.end() ? "" : kind->text;
  return parent == "warehouses" ? "postgres" : "";
}

bool is_plain_name(std::string_view text) {
  return !text.empty() && text.size() <= 63 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
  });
}

std::string_view wanted(Type type) {
  switch (type) {
    case Type::Text:
      return "text";
    case Type::Bool:
      return "true or false";
    case Type::Count:
      return "a whole number from 0";
    case Type::Duration:
      return "a duration, such as 30s, 15min or 6h";
    case Type::Percent:
      return "a percentage, such as 50%";
    case Type::Choice:
      return "one of a few words";
    case Type::Names:
      return "a name or a list of names";
    case Type::Object:
    case Type::Named:
      return "a mapping (key: value)";
    case Type::Patterns:
      return "a list of patterns or a mapping from pattern to options";
    case Type::OneOfList:
      return "a list of mappings (- key: value)";
  }
  return "a value";
}

std::string shown_value(Node const& node) {
  if (!node.is_scalar()) {
    std::string out;
    for (auto const& item : node.items) out += (out.empty() ? "" : ", ") + shown_value(*item);
    return "[" + out + "]";
  }
  return node.text;
}

}  // namespace

void Checker::check(Node const& root, std::span<Key const> keys) {
  if (root.kind == Kind::Null) return;
  if (root.kind != Kind::Mapping) {
    add(root.mark,
        fmt::format("the file must hold {}, and this is {}", wanted(Type::Object), yaml::kind_name(root.kind)));
    return;
  }
  check_object(root, keys, "", "this file", root.mark);
}

void Checker::add(yaml::Mark const& mark, std::string message, std::string next) {
  problems_.push_back(Problem{mark, std::move(message), std::move(next)});
}

void Checker::add_missing(yaml::Mark const& mark, std::string_view what, std::string const& name,
                          std::vector<std::string> const& known, std::string if_none) {
  std::string next = did_you_mean(name, known);
  if (next.empty()) next = known.empty() ? std::move(if_none) : "there are: " + join(known, ", ");
  add(mark, fmt::format("{} \"{}\" does not exist", what, name), std::move(next));
}

void Checker::check_object(Node const& node, std::span<Key const> keys, std::string const& path, std::string_view what,
                           yaml::Mark const& name) {
  std::string const kind = kind_of(node, keys, parent_);
  std::vector<Key const*> present;
  for (auto const& entry : node.entries) {
    Key const* key = find_key(keys, entry.key->text);
    if (key == nullptr) {
      if (holds_secrets_) register_values(*entry.value);
      std::string next = did_you_mean(entry.key->text, names_of(keys, kind));
      if (next.empty()) next = "the keys here are: " + join(names_of(keys, kind), ", ");
      add(entry.key->mark, fmt::format("key \"{}\" does not exist in {}", entry.key->text, what), std::move(next));
      continue;
    }
    if (holds_secrets_ && key->may_hold_secret) register_literal_secret(*key, *entry.value);
    if (std::find(present.begin(), present.end(), key) != present.end()) {
      add(entry.key->mark,
          fmt::format("key \"{}\" is another name of \"{}\", which stands here too", entry.key->text,
                      entry.key->text == key->name ? key->alias : key->name),
          "remove one of the two");
      continue;
    }
    present.push_back(key);
    if (!kind.empty() && !belongs_to(*key, kind)) {
      add(entry.key->mark,
          fmt::format("key \"{}\" does not belong to {} of kind {}", key->name,
                      parent_ == "channels" ? "a channel" : "an endpoint", kind),
          fmt::format("it is for {}", replace_all(std::string(key->kinds), "|", ", ")));
      continue;
    }
    check_value(*entry.value, *key, path.empty() ? std::string(key->name) : path + "." + std::string(key->name));
  }
  for (auto const& key : keys) {
    bool const is_required = key.required && (key.kinds.empty() || (!kind.empty() && belongs_to(key, kind)));
    if (is_required && std::find(present.begin(), present.end(), &key) == present.end())
      add(name, fmt::format("key \"{}\" is missing in {}", key.name, what),
          fmt::format("add {}: {}", key.name, key.example));
  }
  list_defaults(keys, node, path, kind);
}

void Checker::list_defaults(std::span<Key const> keys, Node const& node, std::string const& path,
                            std::string_view kind) {
  for (auto const& key : keys) {
    if (key.type == Type::Object && node.find(key.name) == nullptr)
      list_defaults(key.children, Node(), path.empty() ? std::string(key.name) : path + "." + std::string(key.name),
                    kind);
    if (key.fallback.empty() || node.find(key.name) != nullptr || (!kind.empty() && !belongs_to(key, kind))) continue;
    settings_.push_back(Setting{path.empty() ? std::string(key.name) : path + "." + std::string(key.name),
                                std::string(key.fallback), "default"});
  }
}

void Checker::check_value(Node const& node, Key const& key, std::string const& path) {
  switch (key.type) {
    case Type::Object: {
      if (node.kind != Kind::Mapping) break;
      check_object(node, key.children, path, fmt::format("\"{}\"", path), node.mark);
      return;
    }
    case Type::Named:
      return check_named(node, key, path);
    case Type::Patterns:
      return check_patterns(node, key, path);
    case Type::OneOfList:
      return check_one_of_list(node, key, path);
    case Type::Names: {
      check_names(node, key);
      settings_.push_back(Setting{path, shown_value(node), node.mark.text()});
      return;
    }
    default: {
      if (!node.is_scalar() || node.kind == Kind::Null) break;
      check_scalar(node, key);
      settings_.push_back(Setting{path, node.text, node.mark.text()});
      return;
    }
  }
  if (node.kind == Kind::Null && key.type == Type::Object) return;
  add(node.mark,
      fmt::format("\"{}\" takes {}, and this is {}", key.name, wanted(key.type), yaml::kind_name(node.kind)));
}

void Checker::check_scalar(Node const& node, Key const& key) {
  check_references(node, key);
  if (holds_secrets_ && node.text.find("${") != std::string::npos) return;
  bool right = true;
  switch (key.type) {
    case Type::Bool:
      right = node.kind == Kind::Bool;
      break;
    case Type::Count:
      right = node.integer().value_or(-1) >= 0;
      break;
    case Type::Duration:
      right = parse_duration(node.text).has_value();
      break;
    case Type::Percent:
      right = parse_percent(node.text).value_or(2) <= 1;
      break;
    case Type::Choice: {
      auto const choices = choices_of(key);
      if (std::find(choices.begin(), choices.end(), node.text) != choices.end()) return;
      std::string next = did_you_mean(node.text, choices);
      add(node.mark, fmt::format("\"{}\" is {}, not \"{}\"", key.name, quoted_list(choices), node.text),
          std::move(next));
      return;
    }
    default:
      break;
  }
  if (!right) add(node.mark, fmt::format("\"{}\" takes {}, not \"{}\"", key.name, wanted(key.type), node.text));
}

void Checker::check_references(Node const& node, Key const& key) {
  if (!holds_secrets_) {
    if (has_reference(node.text))
      add(node.mark, fmt::format("\"{}\" holds a reference, and references are only read in endpoints.yml", key.name),
          "write the value here, or move it to an endpoint");
    return;
  }
  if (auto wrong = wrong_reference(node.text); !wrong.empty())
    add(node.mark, wrong, "references are ${env:NAME}, ${file:PATH} and ${cred:NAME}");
  if (literal_secret(key, node.text)) {
    std::string_view const what = key.secret && key.name != "password" ? "secret" : "password";
    add(node.mark, fmt::format("\"{}\" holds a {} that is written out", key.name, what),
        fmt::format("write a reference instead, ${{cred:NAME}}, ${{file:PATH}} or ${{env:NAME}}, and change the {} if "
                    "others could read this file",
                    what));
  }
}

void Checker::check_name(Node const& node, Key const& key) {
  check_references(node, key);
  auto const choices = choices_of(key);
  bool const is_one = std::find(choices.begin(), choices.end(), node.text) != choices.end();
  if (choices.empty() || is_one || has_reference(node.text)) return;
  std::string next = did_you_mean(node.text, choices);
  add(node.mark, fmt::format("\"{}\" holds {}, not \"{}\"", key.name, quoted_list(choices), node.text),
      std::move(next));
}

void Checker::check_names(Node const& node, Key const& key) {
  if (node.is_scalar() && node.kind != Kind::Null) return check_name(node, key);
  if (node.kind != Kind::Sequence) {
    add(node.mark,
        fmt::format("\"{}\" takes {}, and this is {}", key.name, wanted(key.type), yaml::kind_name(node.kind)));
    return;
  }
  for (auto const& item : node.items) {
    if (!item->is_scalar() || item->kind == Kind::Null) {
      add(item->mark,
          fmt::format("\"{}\" takes {}, and this is {}", key.name, wanted(key.type), yaml::kind_name(item->kind)));
    } else {
      check_name(*item, key);
    }
  }
}

void Checker::check_named(Node const& node, Key const& key, std::string const& path) {
  if (node.kind == Kind::Null) return;
  if (node.kind != Kind::Mapping) {
    add(node.mark,
        fmt::format("\"{}\" takes {}, and this is {}", key.name, wanted(key.type), yaml::kind_name(node.kind)));
    return;
  }
  std::string const one(key.name.substr(0, key.name.size() - 1));
  for (auto const& entry : node.entries) {
    auto const& name = entry.key->text;
    if (!is_plain_name(name))
      add(entry.key->mark, fmt::format("\"{}\" cannot be the name of a {}", name, one),
          "names hold letters, digits, and _ - . and are at most 63 characters long");
    if (entry.value->kind != Kind::Mapping) {
      if (holds_secrets_) register_values(*entry.value);
      add(entry.value->kind == Kind::Null ? entry.key->mark : entry.value->mark,
          fmt::format("{} \"{}\" takes {}, and this is {}", one, name, wanted(Type::Object),
                      yaml::kind_name(entry.value->kind)));
      continue;
    }
    auto const outer = parent_;
    parent_ = key.name;
    check_object(*entry.value, key.children, path + "." + name, fmt::format("{} \"{}\"", one, name), entry.key->mark);
    parent_ = outer;
  }
}

void Checker::check_patterns(Node const& node, Key const& key, std::string const& path) {
  if (node.kind == Kind::Sequence || (node.is_scalar() && node.kind != Kind::Null)) {
    check_names(node, key);
    settings_.push_back(Setting{path, shown_value(node), node.mark.text()});
    return;
  }
  if (node.kind != Kind::Mapping) {
    add(node.mark,
        fmt::format("\"{}\" takes {}, and this is {}", key.name, wanted(key.type), yaml::kind_name(node.kind)));
    return;
  }
  for (auto const& entry : node.entries) {
    std::string const inner = path + "." + entry.key->text;
    bool const is_switch = entry.value->kind == Kind::Null || entry.value->kind == Kind::Bool;
    if (is_switch) {
      bool const on = entry.value->kind == Kind::Null || entry.value->boolean();
      settings_.push_back(Setting{inner, on ? "true" : "false", entry.key->mark.text()});
    } else if (entry.value->kind == Kind::Mapping) {
      // A table's own options only: defaults are the connection's affair.
      std::size_t const before = settings_.size();
      check_object(*entry.value, key.children, inner, fmt::format("table \"{}\"", entry.key->text), entry.key->mark);
      settings_.erase(std::remove_if(settings_.begin() + static_cast<std::ptrdiff_t>(before), settings_.end(),
                                     [](Setting const& setting) { return setting.origin == "default"; }),
                      settings_.end());
    } else {
      add(entry.value->mark, fmt::format("table \"{}\" takes options (key: value), nothing or false, and this is {}",
                                         entry.key->text, yaml::kind_name(entry.value->kind)));
    }
  }
}

void Checker::check_one_of_list(Node const& node, Key const& key, std::string const& path) {
  std::string const one(key.name.substr(0, key.name.size() - 1));
  if (node.kind != Kind::Sequence) {
    add(node.mark,
        fmt::format("\"{}\" takes {}, and this is {}", key.name, wanted(key.type), yaml::kind_name(node.kind)),
        fmt::format("{}: {}", key.name, key.example));
    return;
  }
  if (node.items.empty()) add(node.mark, fmt::format("\"{}\" has no {}", path, one));
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    Node const& item = *node.items[i];
    std::string const name = fmt::format("{}[{}]", path, i + 1);
    if (item.kind != Kind::Mapping) {
      add(item.mark,
          fmt::format("a {} takes {}, and this is {}", one, wanted(Type::Object), yaml::kind_name(item.kind)),
          fmt::format("a {} is one of {}", one, quoted_list(names_of(key.children, ""))));
      continue;
    }
    check_object(item, key.children, name, fmt::format("\"{}\"", name), item.mark);
    if (item.entries.size() != 1)
      add(item.mark, fmt::format("a {} has exactly one key, and this one has {}", one, item.entries.size()),
          fmt::format("make it {} {}s, one below the other, each with its -", item.entries.size(), one));
  }
}

// In a file that may hold secrets, a line shows no more than the key and the text that the mistake is about.
std::string Checker::excerpt(yaml::Mark const& mark) const {
  if (!holds_secrets_ || mark.source == nullptr) return mark.excerpt();
  auto lines = split(mark.source->text, '\n');
  auto const at = static_cast<std::size_t>(mark.line - 1);
  if (mark.line < 1 || at >= lines.size()) return {};
  std::string const& line = lines[at];
  auto const begin = static_cast<std::size_t>(mark.column - 1), end = begin + static_cast<std::size_t>(mark.width);
  if (end > line.size() ||
      !std::all_of(line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; }))
    return {};
  std::size_t from = begin;  // of the key before a value
  std::string_view const before = std::string_view(line).substr(0, begin);
  if (auto const colon = before.find_last_not_of(" \t"); colon != std::string_view::npos && before[colon] == ':') {
    auto const word = before.find_last_of(" \t{,", colon);
    from = word == std::string_view::npos ? 0 : word + 1;
  }
  bool const bare = before.substr(0, from).find_first_not_of(" \t-") == std::string_view::npos;
  std::string const lead = bare ? line.substr(0, from) : "... ";
  lines[at] = lead + line.substr(from, end - from);
  yaml::Mark shown = mark;
  shown.source = std::make_shared<yaml::Source const>(yaml::Source{mark.source->name, join(lines, "\n")});
  shown.column = static_cast<int>(lead.size() + (begin - from)) + 1;
  if (from != begin) shown.width = 1;  // not even the length of a value
  return shown.excerpt();
}

Error Checker::error(std::string const& file) const {
  auto sorted = problems_;
  std::stable_sort(sorted.begin(), sorted.end(), [](Problem const& a, Problem const& b) {
    return std::pair(a.mark.line, a.mark.column) < std::pair(b.mark.line, b.mark.column);
  });
  if (sorted.size() == 1) {
    auto const& only = sorted.front();
    return Error(ErrorKind::Config, only.message).where(only.mark.text()).excerpt(excerpt(only.mark)).next(only.next);
  }
  std::string places;
  for (std::size_t i = 0; i < sorted.size() && i < kMostShown; ++i) {
    auto const& problem = sorted[i];
    std::string const lines = excerpt(problem.mark);
    places += fmt::format("{}{}: {}", i == 0 ? "" : "\n", problem.mark.text(), problem.message);
    if (!problem.next.empty()) places += "; " + problem.next;
    if (!lines.empty()) places += "\n" + indent(lines, 2);
  }
  if (sorted.size() > kMostShown) places += fmt::format("\nand {} more", sorted.size() - kMostShown);
  return Error(ErrorKind::Config, fmt::format("{} has {} mistakes", file, sorted.size()))
      .where(std::move(places))
      .next("correct them, then run weir config check");
}

}  // namespace weir::config
