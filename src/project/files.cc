#include "project/files.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/text.h"

namespace weir::project {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kSeedHashLimit = 1U << 20;  // a bigger seed is known by its path

struct FileType {
  FileKind kind;
  std::vector<std::string> const& paths;
  std::vector<std::string_view> extensions;
};

bool has_extension(std::string const& name, std::string_view extension) {
  if (name.empty() || name[0] == '.' || name[0] == '#' || name[0] == '~' || name[0] == '!') return false;
  return name.size() >= extension.size() &&
         equals_ignoring_case(std::string_view(name).substr(name.size() - extension.size()), extension);
}

// Files below `folder`, by relative path with '/', sorted.
std::vector<std::string> walk(fs::path const& folder) {
  std::vector<std::string> found;
  std::error_code failed;
  fs::recursive_directory_iterator at(folder, fs::directory_options::skip_permission_denied, failed);
  for (; !failed && at != fs::recursive_directory_iterator(); at.increment(failed)) {
    std::error_code odd;
    if (at->is_regular_file(odd)) found.push_back(at->path().lexically_relative(folder).generic_string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

Status read_one(SourceFile& file) {
  if (file.kind == FileKind::Seed) {
    std::error_code failed;
    if (fs::file_size(file.absolute, failed) > kSeedHashLimit && !failed) {
      file.checksum = {"path", file.original_file_path};
      return {};
    }
  }
  WEIR_TRY(std::string const text, read_file(file.absolute));
  file.checksum = checksum_of(text);
  if (file.kind == FileKind::Seed) return {};
  file.contents = trim(text);
  auto const begin = text.find_first_not_of(" \t\r\n\f\v");
  if (begin != std::string::npos)
    file.first_line +=
        static_cast<int>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(begin), '\n'));
  return {};
}

}  // namespace

bool matches_path(std::string_view pattern, std::string_view path) {
  if (pattern.empty()) return path.empty();
  if (pattern.starts_with("**/")) {
    if (matches_path(pattern.substr(3), path)) return true;
    for (auto slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/', slash + 1))
      if (matches_path(pattern.substr(3), path.substr(slash + 1))) return true;
    return false;
  }
  if (pattern == "**") return !path.empty();
  if (pattern[0] == '*') {
    for (std::size_t n = 0;; ++n) {
      if (matches_path(pattern.substr(1), path.substr(n))) return true;
      if (n == path.size() || path[n] == '/') return false;
    }
  }
  if (path.empty()) return false;
  if (pattern[0] == '?') return path[0] != '/' && matches_path(pattern.substr(1), path.substr(1));
  if (pattern[0] == '[') {
    auto const close = pattern.find(']', pattern.size() > 2 && (pattern[1] == '!' || pattern[1] == '^') ? 3 : 2);
    if (close != std::string_view::npos) {
      std::string_view set = pattern.substr(1, close - 1);
      bool const negated = set.starts_with('!') || set.starts_with('^');
      if (negated) set.remove_prefix(1);
      bool found = false;
      for (std::size_t i = 0; i < set.size(); ++i) {
        if (i + 2 < set.size() && set[i + 1] == '-') {
          found = found || (path[0] >= set[i] && path[0] <= set[i + 2]);
          i += 2;
        } else {
          found = found || path[0] == set[i];
        }
      }
      return found != negated && path[0] != '/' && matches_path(pattern.substr(close + 1), path.substr(1));
    }
  }
  if (pattern[0] == '\\' && pattern.size() > 1) pattern.remove_prefix(1);
  return pattern[0] == path[0] && matches_path(pattern.substr(1), path.substr(1));
}

Checksum checksum_of(std::string_view text) {
  return {"sha256", sha256_hex(trim(text))};
}

IgnoreRules::IgnoreRules(std::string_view text) {
  for (std::string line : split(text, '\n')) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    if (line.empty() || line[0] == '#') continue;
    Rule rule;
    std::string_view pattern = line;
    if (pattern.starts_with('!')) {
      rule.is_negated = true;
      pattern.remove_prefix(1);
    }
    if (pattern.ends_with('/')) {
      rule.only_folders = true;
      pattern.remove_suffix(1);
    }
    rule.is_anchored = pattern.find('/') != std::string_view::npos;
    if (pattern.starts_with('/')) pattern.remove_prefix(1);
    rule.pattern = pattern;
    if (!rule.pattern.empty()) rules_.push_back(std::move(rule));
  }
}

bool IgnoreRules::ignores(std::string_view path) const {
  bool ignored = false;
  for (auto const& rule : rules_) {
    std::string const pattern = rule.is_anchored ? rule.pattern : "**/" + rule.pattern;
    bool hit = !rule.only_folders && matches_path(pattern, path);
    for (auto slash = path.find('/'); !hit && slash != std::string_view::npos; slash = path.find('/', slash + 1))
      hit = matches_path(pattern, path.substr(0, slash));
    if (hit) ignored = !rule.is_negated;
  }
  return ignored;
}

Result<std::vector<SourceFile>> read_files(ProjectFile const& project) {
  std::string ignore_text;
  if (std::error_code failed; fs::exists(project.root / ".dbtignore", failed)) {
    WEIR_TRY(ignore_text, read_file(project.root / ".dbtignore"));
  }
  IgnoreRules const ignore(ignore_text);
  auto const below_tests = [&](std::string_view name) {
    std::vector<std::string> out;
    for (auto const& path : project.test_paths) out.push_back(path + "/" + std::string(name));
    return out;
  };
  auto const generic_paths = below_tests("generic"), fixture_paths = below_tests("fixtures"),
             all_paths = project.all_source_paths();
  FileType const types[] = {
      {FileKind::Macro, project.macro_paths, {".sql"}},
      {FileKind::Model, project.model_paths, {".py", ".sql"}},
      {FileKind::Snapshot, project.snapshot_paths, {".sql"}},
      {FileKind::Analysis, project.analysis_paths, {".sql"}},
      {FileKind::SingularTest, project.test_paths, {".sql"}},
      {FileKind::GenericTest, generic_paths, {".sql"}},
      {FileKind::Seed, project.seed_paths, {".csv"}},
      {FileKind::Docs, project.docs_paths, {".md"}},
      {FileKind::Properties, all_paths, {".yml", ".yaml"}},
      {FileKind::Fixture, fixture_paths, {".csv", ".sql"}},
      {FileKind::Function, project.function_paths, {".py", ".js", ".sql"}},
  };
  std::vector<SourceFile> files;
  std::vector<std::pair<std::string, std::vector<std::string>>> walks;
  for (auto const& type : types) {
    std::set<std::string> seen;
    for (auto const& extension : type.extensions) {
      for (auto const& path : type.paths) {
        auto known = std::find_if(walks.begin(), walks.end(), [&](auto const& one) { return one.first == path; });
        if (known == walks.end()) known = walks.insert(walks.end(), {path, walk(project.root / path)});
        for (auto const& relative : known->second) {
          auto const name = relative.substr(relative.rfind('/') + 1);
          if (!has_extension(name, extension)) continue;
          std::string const original = path + "/" + relative;
          if (!ignore.empty() && ignore.ignores(original)) continue;
          if (type.kind == FileKind::SingularTest &&
              (relative.starts_with("generic/") || relative.starts_with("fixtures/")))
            continue;
          if (!seen.insert(original).second) continue;
          SourceFile file;
          file.kind = type.kind;
          file.package = project.name;
          file.search_path = path;
          file.relative_path = relative;
          file.original_file_path = original;
          file.absolute = project.root / path / relative;
          WEIR_DO(read_one(file));
          files.push_back(std::move(file));
        }
      }
    }
  }
  return files;
}

}  // namespace weir::project
