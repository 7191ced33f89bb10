#pragma once
// A file's tree against the key table: finds every mistake, and lists what is set and what the defaults are. Private to
// config.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/keys.h"
#include "yaml/node.h"

namespace weir::config {

struct Problem {
  yaml::Mark mark;
  std::string message;
  std::string next;
};

class Checker {
 public:
  // `holds_secrets`: values of this file are never quoted beyond what a mistake is about; every value that may be a
  // secret is registered for masking, also under a mistyped key.
  explicit Checker(bool holds_secrets) : holds_secrets_(holds_secrets) {}

  // `root` as a mapping with these keys. `path` is the name of the place in settings(): connections.core.
  void check(yaml::Node const& root, std::span<Key const> keys);
  void add(yaml::Mark const& mark, std::string message, std::string next = {});
  // `what` (connection) of this name is none of `known`; `if_none`: the next step where there are none at all.
  void add_missing(yaml::Mark const& mark, std::string_view what, std::string const& name,
                   std::vector<std::string> const& known, std::string if_none);
  // One error for all problems so far, in the order of the file; only to be called if there are any.
  Error error(std::string const& file) const;

  std::vector<Problem> const& problems() const { return problems_; }
  std::vector<Setting> take_settings() { return std::move(settings_); }

 private:
  // `name`: where a missing key is reported.
  void check_object(yaml::Node const& node, std::span<Key const> keys, std::string const& path, std::string_view what,
                    yaml::Mark const& name);
  void check_value(yaml::Node const& node, Key const& key, std::string const& path);
  void check_scalar(yaml::Node const& node, Key const& key);
  void check_named(yaml::Node const& node, Key const& key, std::string const& path);
  void check_patterns(yaml::Node const& node, Key const& key, std::string const& path);
  void check_one_of_list(yaml::Node const& node, Key const& key, std::string const& path);
  void check_names(yaml::Node const& node, Key const& key);
  void check_name(yaml::Node const& node, Key const& key);
  void check_references(yaml::Node const& node, Key const& key);
  void list_defaults(std::span<Key const> keys, yaml::Node const& node, std::string const& path, std::string_view kind);
  std::string excerpt(yaml::Mark const& mark) const;

  bool holds_secrets_;
  std::string_view parent_;
  std::vector<Problem> problems_;
  std::vector<Setting> settings_;
};

}  // namespace weir::config
