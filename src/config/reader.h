#pragma once
// A checked tree as records. Private to config.

#include <chrono>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "config/config.h"
#include "yaml/node.h"

namespace weir::config {

constexpr char const* kWeirFile = "weir.yml";
constexpr char const* kEndpointsFile = "endpoints.yml";

inline Place place_of(yaml::Mark const& mark) {
  return Place{mark.source == nullptr ? std::string() : mark.source->name, mark.line, mark.column};
}

// Reading a checked tree: a value that is missing or was found wrong leaves `to` as it is.
struct Reader {
  yaml::Node const& node;

  yaml::Node const* at(std::string_view key) const { return node.find(key); }
  void text(std::string_view key, std::string& to) const {
    if (auto const* found = at(key); found != nullptr && found->is_scalar() && found->kind != yaml::Kind::Null)
      to = found->text;
  }
  void boolean(std::string_view key, bool& to) const {
    if (auto const* found = at(key); found != nullptr && found->kind == yaml::Kind::Bool) to = found->boolean();
  }
  template <typename Number>
  void count(std::string_view key, Number& to) const {
    if (auto const* found = at(key); found != nullptr && found->integer().value_or(-1) >= 0)
      to = static_cast<Number>(*found->integer());
  }
  void duration(std::string_view key, std::chrono::microseconds& to) const {
    if (auto const* found = at(key); found != nullptr) to = parse_duration(found->text).value_or(to);
  }
  void percent(std::string_view key, double& to) const {
    if (auto const* found = at(key); found != nullptr) to = parse_percent(found->text).value_or(to);
  }
  void names(std::string_view key, std::vector<std::string>& to) const {
    auto const* found = at(key);
    if (found == nullptr || found->kind == yaml::Kind::Null) return;
    to.clear();
    if (found->is_scalar()) to.push_back(found->text);
    for (auto const& item : found->items) to.push_back(item->text);
  }
  // Calls `read` with a Reader of the mapping under `key`, if there is one.
  template <typename Read>
  void object(std::string_view key, Read read) const {
    if (auto const* found = at(key); found != nullptr && found->kind == yaml::Kind::Mapping) read(Reader{*found});
  }
};

template <typename Enum>
void choice(Reader const& reader, std::string_view key, std::initializer_list<std::pair<std::string_view, Enum>> words,
            Enum& to) {
  std::string word;
  reader.text(key, word);
  for (auto const& [name, value] : words)
    if (name == word) to = value;
}

}  // namespace weir::config
