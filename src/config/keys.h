#pragma once
// The one table of every key of weir.yml and endpoints.yml. Adding a key means adding a line here and reading it in
// load.cc; check, JSON Schema, `weir config show` and the reference page follow. Constant data, no start-up cost.

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::config {

enum class Type {
  Text,
  Bool,
  Count,      // a whole number from 0
  Duration,   // 30s, 15min, 6h
  Percent,    // 50%
  Choice,     // one of `choices`
  Names,      // a list of texts; one text stands for a list of one
  Object,     // keys as `children`
  Named,      // a mapping of names to objects with `children`
  Patterns,   // tables: a list of patterns, or a mapping of patterns to objects with `children`, nothing or false
  OneOfList,  // a list of mappings with exactly one of `children` each
};

struct Key {
  std::string_view name;
  Type type = Type::Text;
  std::string_view meaning;        // one or two sentences, for the reference page and editors
  std::string_view fallback = {};  // the default, as one would write it
  std::string_view choices = {};   // "a|b|c"; also of Names
  std::string_view example = {};   // a value that differs from the default
  std::span<Key const> children = {};
  bool required = false;         // by the kinds that it belongs to
  bool secret = false;           // its value never stands in a file, only a reference to it
  bool may_hold_secret = false;  // a reference in it resolves to something that is masked everywhere
  std::string_view kinds = {};   // endpoints, channels: the kinds it belongs to, "postgres|odbc"; empty: all
  std::string_view alias = {};   // another name that is understood
};

std::span<Key const> weir_keys();       // top level of weir.yml
std::span<Key const> endpoints_keys();  // top level of endpoints.yml
std::span<Key const> stream_keys();     // of one table, and of a connection's `defaults`
Key const* find_endpoint_key(std::string_view name);
Key const* find_channel_key(std::string_view name);

// The key of this name or alias, or null.
Key const* find_key(std::span<Key const> keys, std::string_view name);
std::vector<std::string> choices_of(Key const& key);
bool belongs_to(Key const& key, std::string_view kind);

}  // namespace weir::config
