#include "packages/add.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "packages/lock_file.h"
#include "project/package_files.h"
#include "project/yaml_data.h"

namespace weir::packages {
namespace {

using project::Data;

Data entry_of(AddedPackage const& package) {
  Data::Dict entry;
  project::set(entry, package.source == "hub" ? "package" : package.source, package.name);
  if (package.version.empty()) return entry;
  auto const bounds = split(package.version, ',');
  project::set(entry, package.source == "git" ? "revision" : "version",
               bounds.size() == 1 ? Data(package.version) : Data::strings(bounds));
  return entry;
}

std::string_view without_git(std::string_view address) {
  if (address.ends_with(".git")) address.remove_suffix(4);
  return address;
}

bool names_it(yaml::Node const& entry, std::string const& name) {
  return std::any_of(entry.entries.begin(), entry.entries.end(), [&](auto const& pair) {
    auto const& key = pair.key->text;
    bool const is_name = key == "package" || key == "git" || key == "local" || key == "tarball" || key == "private";
    return is_name && without_git(pair.value->text) == without_git(name);
  });
}

// The file as lines, where each entry of the list begins on a line of its own with "- ", all at one depth, and the list
// is the last thing in it.
struct Lines {
  std::vector<std::string> lines;
  std::vector<std::size_t> starts;  // of the entries
  std::size_t indent = 2;
};

std::optional<Lines> as_lines(std::string const& text, yaml::Node const& root, yaml::Node const& list) {
  if (root.entries.empty() || root.entries.back().value.get() != &list || list.items.empty()) return std::nullopt;
  Lines made{split(text, '\n'), {}, 0};
  if (made.lines.back().empty()) made.lines.pop_back();
  for (auto const& item : list.items) {
    auto const line = static_cast<std::size_t>(item->mark.line) - 1;
    if (line >= made.lines.size()) return std::nullopt;
    auto const dash = made.lines[line].find_first_not_of(' ');
    if (dash == std::string::npos || !std::string_view(made.lines[line]).substr(dash).starts_with("- "))
      return std::nullopt;
    if (!made.starts.empty() && dash != made.indent) return std::nullopt;
    made.indent = dash;
    made.starts.push_back(line);
  }
  return made;
}

std::string with_entry(Lines lines, yaml::Node const& list, AddedPackage const& package) {
  std::string const margin(lines.indent, ' ');
  std::string text;
  for (std::size_t i = 0; i < lines.lines.size(); ++i) {
    auto const next = std::upper_bound(lines.starts.begin(), lines.starts.end(), i);
    bool const inside = next != lines.starts.begin();
    auto const entry = static_cast<std::size_t>(next - lines.starts.begin()) - 1;
    if (!inside || !names_it(*list.items[entry], package.name)) text += lines.lines[i] + "\n";
  }
  return text + margin + "- " + block_yaml(entry_of(package), static_cast<int>(lines.indent) + 2);
}

std::string written_anew(yaml::Node const& root, AddedPackage const& package) {
  Data::List entries;
  if (auto const* list = root.find("packages"); list != nullptr)
    for (auto const& item : list->items)
      if (!names_it(*item, package.name)) entries.push_back(project::to_data(*item));
  entries.push_back(entry_of(package));
  Data::Dict all = root.kind == yaml::Kind::Mapping ? project::to_data(root).pairs() : Data::Dict{};
  project::set(all, "packages", Data(std::move(entries)));
  return block_yaml(Data(std::move(all)));
}

}  // namespace

Status add_package(std::filesystem::path const& folder, std::string const& file, AddedPackage const& package) {
  std::error_code failed;
  auto const path = folder / file;
  std::string text;
  if (std::filesystem::exists(path, failed)) {
    WEIR_TRY(text, read_file(path));
  }
  WEIR_TRY(auto const root, project::read_yaml(file, text));
  auto const* list = root->find("packages");
  if (list != nullptr)
    for (auto const& item : list->items)
      if (names_it(*item, package.name)) log_info("{} had an entry for {} already: it is replaced", file, package.name);
  auto const lines = list == nullptr ? std::nullopt : as_lines(text, *root, *list);
  WEIR_DO(write_file(path, lines ? with_entry(*lines, *list, package) : written_anew(*root, package)));
  log_info("Added new package {}{}{} to {}", package.name, package.version.empty() ? "" : "@", package.version, file);
  return {};
}

}  // namespace weir::packages
