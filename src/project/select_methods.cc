// The methods of selection: tag:, path:, config.x: and so on. state: is in select_state.cc.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/text.h"
#include "project/files.h"
#include "project/select_spec.h"

namespace weir::project {
namespace {

using Marks = std::vector<char>;

template <typename Match>
Marks all_that(Manifest const& manifest, Match const& match) {
  Marks marks(manifest.nodes().size(), 0);
  for (std::size_t i = 0; i < marks.size(); ++i) marks[i] = match(manifest.nodes()[i]) ? 1 : 0;
  return marks;
}

// "nodes" of the manifest: what has SQL of its own, and seeds.
bool is_parsed(Node const& node) {
  return node.kind <= NodeKind::Operation;
}

Error wrong_value(Criterion const& said, std::string next) {
  return Error(ErrorKind::Usage, fmt::format("\"{}\" is no value of method \"{}\"", said.value, said.method))
      .object(said.raw)
      .next(std::move(next));
}

// ------------------------------------------------------------------------------------------------------------------
// fqn

bool has_wildcard(std::string_view text) {
  return text.find_first_of("*?[]") != std::string_view::npos;
}

std::string joined(std::vector<std::string> const& parts, std::size_t from) {
  std::string out;
  for (std::size_t i = from; i < parts.size(); ++i) out += (i == from ? "" : ".") + parts[i];
  return out;
}

bool is_fqn_match(std::vector<std::string> const& fqn, std::string const& selector, bool is_versioned) {
  if (fqn.empty()) return false;
  auto const words = split(selector, '.');
  auto const last_two = [](std::vector<std::string> const& parts) {
    return parts.size() < 2 ? join(parts, "_") : parts[parts.size() - 2] + "_" + parts.back();
  };
  if (is_versioned && fqn.size() > 1) {
    if (fqn[fqn.size() - 2] == selector || last_two(fqn) == last_two(words)) return true;
  } else if (fqn.back() == selector) {
    return true;
  }
  std::vector<std::string> flat;
  for (auto const& part : fqn)
    for (auto& word : split(part, '.')) flat.push_back(std::move(word));
  if (flat.size() < words.size()) return false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (has_wildcard(words[i])) {
      if (matches_name(joined(words, i), joined(flat, i))) return true;
      return words.size() == 1 &&
             matches_name(selector, is_versioned && fqn.size() > 1 ? fqn[fqn.size() - 2] : fqn.back());
    }
    if (flat[i] != words[i]) return false;
  }
  return true;
}

bool is_named(Node const& node, std::string const& selector) {
  bool const is_versioned = node.kind == NodeKind::Model && !node.version.is_none();
  if (is_fqn_match(node.fqn, selector, is_versioned)) return true;
  return is_fqn_match({node.fqn.begin() + (node.fqn.empty() ? 0 : 1), node.fqn.end()}, selector, is_versioned);
}

// ---------------------------------------------------------------------------------------------------------------- path

class PathMatcher {
 public:
  PathMatcher(Manifest const& manifest, std::string pattern)
      : root_(manifest.root().root), pattern_(std::move(pattern)) {
    while (pattern_.starts_with("./")) pattern_.erase(0, 2);
    while (pattern_.ends_with('/')) pattern_.pop_back();
  }

  bool matches(Node const& node) {
    if (is_there(normal(node.original_file_path))) return true;
    if (node.patch_path)
      if (auto const at = node.patch_path->find("://");
          at != std::string::npos && is_there(node.patch_path->substr(at + 3)))
        return true;
    std::string const path = normal(node.original_file_path);
    for (auto slash = path.rfind('/'); slash != std::string::npos && slash > 0; slash = path.rfind('/', slash - 1))
      if (is_there(path.substr(0, slash))) return true;
    return false;
  }

 private:
  static std::string normal(std::string path) {
    while (path.starts_with("./")) path.erase(0, 2);
    return path;
  }
  bool is_there(std::string const& path) {
    if (auto const known = known_.find(path); known != known_.end()) return known->second;
    std::error_code failed;
    bool const matched = matches_path(pattern_, path) && std::filesystem::exists(root_ / path, failed);
    known_.emplace(path, matched);
    return matched;
  }

  std::filesystem::path root_;
  std::string pattern_;
  std::map<std::string, bool> known_;
};

// -------------------------------------------------------------------------------------------------------------- config

bool equals_value(Data const& value, std::string const& said, bool ignores_case) {
  if (value.is_bool()) return equals_ignoring_case(said, value.boolean() ? "true" : "false");
  if (value.is_string()) return ignores_case ? equals_ignoring_case(value.text(), said) : value.text() == said;
  return false;
}

bool is_config_match(Node const& node, Criterion const& said) {
  Data value = node.config;
  for (auto const& key : said.arguments) {
    auto const* below = value.find(key == "pre_hook"    ? "pre-hook"
                                   : key == "post_hook" ? "post-hook"
                                                        : std::string_view(key));
    if (below == nullptr) return false;
    value = Data(*below);
  }
  bool const ignores_case = said.arguments == std::vector<std::string>{"severity"};
  if (!value.is_list()) return equals_value(value, said.value, ignores_case);
  return std::any_of(value.items().begin(), value.items().end(),
                     [&](Data const& item) { return equals_value(item, said.value, ignores_case); });
}

// -----------------------------------------------------------------------------------------------------------------
// the small ones

bool in_package(Node const& node, std::vector<std::string> const& parts) {
  return parts.size() < 2 || matches_name(parts[parts.size() - 2], node.package_name);
}

Result<Marks> of_kind(Manifest const& manifest, Criterion const& said, NodeKind kind) {
  auto const parts = split(said.value, '.');
  if (parts.size() > 2) return wrong_value(said, fmt::format("write {0}:NAME or {0}:PACKAGE.NAME", said.method));
  return all_that(manifest, [&](Node const& node) {
    return node.kind == kind && in_package(node, parts) && matches_name(parts.back(), node.name);
  });
}

Result<Marks> sources(Manifest const& manifest, Criterion const& said) {
  auto const parts = split(said.value, '.');
  if (parts.size() > 3)
    return wrong_value(said, "write source:SOURCE, source:SOURCE.TABLE or source:PACKAGE.SOURCE.TABLE");
  std::string const package = parts.size() == 3 ? parts[0] : "*", source = parts.size() == 3 ? parts[1] : parts[0],
                    table = parts.size() == 1 ? "*" : parts.back();
  return all_that(manifest, [&](Node const& node) {
    return node.source && matches_name(package, node.package_name) && matches_name(source, node.source->source_name) &&
           matches_name(table, node.name);
  });
}

Result<Marks> test_types(Manifest const& manifest, Criterion const& said) {
  bool const generic = said.value == "generic" || said.value == "schema" || said.value == "data",
             singular = said.value == "singular" || said.value == "data";
  if (!generic && !singular && said.value != "unit") return wrong_value(said, "it is generic, singular, unit or data");
  return all_that(manifest, [&](Node const& node) {
    if (node.kind == NodeKind::UnitTest) return said.value == "unit";
    return node.kind == NodeKind::Test && (node.generic_test ? generic : singular);
  });
}

double version_number(Data const& version) {
  if (version.kind() == Data::Kind::Int || version.kind() == Data::Kind::Float) return version.number();
  return std::strtod(version.text().c_str(), nullptr);
}

Result<Marks> versions(Manifest const& manifest, Criterion const& said) {
  if (said.value != "latest" && said.value != "prerelease" && said.value != "old" && said.value != "none")
    return wrong_value(said, "it is latest, prerelease, old or none");
  return all_that(manifest, [&](Node const& node) {
    if (node.kind != NodeKind::Model) return false;
    if (node.version.is_none()) return said.value == "none";
    if (said.value == "latest") return node.version == node.latest_version;
    double const own = version_number(node.version), latest = version_number(node.latest_version);
    return said.value == "prerelease" ? own > latest : said.value == "old" && own < latest;
  });
}

Result<Marks> results(Manifest const& manifest, Criterion const& said, PreviousState const* state) {
  if (state == nullptr || state->run_results.is_none())
    return Error(ErrorKind::Usage, "method \"result\" needs run_results.json of an earlier run")
        .object(said.raw)
        .next("name its folder with --state");
  std::set<std::string> ids;
  for (auto const& one : state->run_results["results"].items())
    if (one["status"].str() == said.value) ids.insert(one["unique_id"].str());
  return all_that(manifest, [&](Node const& node) { return ids.count(node.unique_id) > 0; });
}

Result<Marks> source_status(Manifest const& manifest, Criterion const& said, PreviousState const* state) {
  if (said.value != "fresher") return wrong_value(said, "it is fresher");
  if (state == nullptr || state->sources.is_none() || state->current_sources.is_none())
    return Error(ErrorKind::Usage, "method \"source_status\" needs sources.json of an earlier run and of this one")
        .object(said.raw)
        .next("run source freshness, and name the earlier run's folder with --state");
  std::map<std::string, std::string> before;
  for (auto const& one : state->sources["results"].items())
    if (one.contains("max_loaded_at")) before[one["unique_id"].str()] = one["max_loaded_at"].str();
  std::set<std::string> fresher;
  for (auto const& one : state->current_sources["results"].items()) {
    if (!one.contains("max_loaded_at")) continue;
    auto const known = before.find(one["unique_id"].str());
    if (known == before.end() || one["max_loaded_at"].str() > known->second) fresher.insert(one["unique_id"].str());
  }
  return all_that(manifest, [&](Node const& node) { return fresher.count(node.unique_id) > 0; });
}

bool has_tag(Node const& node, std::string const& pattern) {
  return std::any_of(node.tags.begin(), node.tags.end(),
                     [&](std::string const& tag) { return matches_name(pattern, tag); });
}

std::string file_name(std::string const& path) {
  return path.substr(path.rfind('/') + 1);
}

}  // namespace

Result<std::vector<char>> find_nodes(Manifest const& manifest, Criterion const& said, PreviousState const* state) {
  std::string const& method = said.method;
  std::string const& value = said.value;
  if (method == "fqn")
    return all_that(manifest, [&](Node const& node) { return node.kind != NodeKind::Source && is_named(node, value); });
  if (method == "tag") return all_that(manifest, [&](Node const& node) { return has_tag(node, value); });
  if (method == "group")
    return all_that(manifest, [&](Node const& node) {
      auto const& group = node.config["group"];
      return (is_parsed(node) || node.kind == NodeKind::Metric) && group.truth() && matches_name(value, group.str());
    });
  if (method == "access")
    return all_that(manifest, [&](Node const& node) { return node.kind == NodeKind::Model && node.access == value; });
  if (method == "source") return sources(manifest, said);
  if (method == "exposure") return of_kind(manifest, said, NodeKind::Exposure);
  if (method == "metric") return of_kind(manifest, said, NodeKind::Metric);
  if (method == "semantic_model") return of_kind(manifest, said, NodeKind::SemanticModel);
  if (method == "saved_query") return of_kind(manifest, said, NodeKind::SavedQuery);
  if (method == "unit_test") return of_kind(manifest, said, NodeKind::UnitTest);
  if (method == "path") {
    PathMatcher matcher(manifest, value);
    return all_that(manifest, [&](Node const& node) { return matcher.matches(node); });
  }
  if (method == "file")
    return all_that(manifest, [&](Node const& node) {
      std::string const name = file_name(node.original_file_path);
      return matches_name(value, name) || matches_name(value, name.substr(0, name.rfind('.')));
    });
  if (method == "package") {
    std::string const package = value == "this" ? manifest.root().name : value;
    return all_that(manifest, [&](Node const& node) { return matches_name(package, node.package_name); });
  }
  if (method == "config")
    return all_that(manifest, [&](Node const& node) {
      return (is_parsed(node) || node.kind == NodeKind::Source) && is_config_match(node, said);
    });
  if (method == "test_name")
    return all_that(manifest, [&](Node const& node) {
      if (node.kind == NodeKind::UnitTest) return matches_name(value, node.name);
      return node.generic_test && matches_name(value, node.generic_test->name);
    });
  if (method == "test_type") return test_types(manifest, said);
  if (method == "resource_type") {
    auto const kind = kind_from_name(value);
    if (!kind)
      return wrong_value(said,
                         "it is model, seed, snapshot, test, unit_test, source, exposure, analysis, metric, "
                         "semantic_model, saved_query or function");
    return all_that(manifest, [&](Node const& node) { return node.kind == *kind; });
  }
  if (method == "version") return versions(manifest, said);
  if (method == "state") return find_by_state(manifest, value, state);
  if (method == "result") return results(manifest, said, state);
  return source_status(manifest, said, state);
}

}  // namespace weir::project
