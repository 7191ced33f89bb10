// Connection values of dbt's profiles.yml. dbt's own file is read as it stands; only {{ env_var(...) }} is understood
// of its templates here, which is what profiles use.
#include <cstdlib>

#include <fmt/format.h>

#include "base/file.h"
#include "base/text.h"
#include "config/config.h"
#include "yaml/node.h"

namespace weir::config {
namespace {

constexpr char const* kFile = "profiles.yml";

Result<std::filesystem::path> find_profiles(std::filesystem::path const& root, Place const& place) {
  std::vector<std::filesystem::path> folders;
  if (char const* folder = std::getenv("DBT_PROFILES_DIR"); folder != nullptr && *folder != '\0')
    folders.emplace_back(folder);
  folders.push_back(root);
  if (char const* home = std::getenv("HOME"); home != nullptr) folders.push_back(std::filesystem::path(home) / ".dbt");
  std::error_code failed;
  std::string looked;
  for (auto const& folder : folders) {
    if (std::filesystem::exists(folder / kFile, failed)) return folder / kFile;
    looked += (looked.empty() ? "" : ", ") + folder.string();
  }
  return Error(ErrorKind::Config, fmt::format("no {} was found", kFile))
      .where(place.text())
      .cause(fmt::format("looked in {}", looked))
      .next("set DBT_PROFILES_DIR, or give the address in endpoints.yml");
}

Result<yaml::Node const*> child(yaml::Node const& node, std::string_view name, std::string_view what) {
  if (auto const* found = node.find(name); found != nullptr && found->kind == yaml::Kind::Mapping) return found;
  std::vector<std::string> names;
  for (auto const& entry : node.entries)
    if (entry.value->kind == yaml::Kind::Mapping && entry.key->text != "config") names.push_back(entry.key->text);
  std::string next = did_you_mean(name, names);
  if (next.empty()) next = fmt::format("the file has: {}", join(names, ", "));
  return Error(ErrorKind::Config, fmt::format("{} \"{}\" does not exist in {}", what, name, kFile))
      .where(node.mark.text())
      .next(next);
}

// {{ env_var('NAME') }} as ${env:NAME}; a default is used where the variable is not set. Other text stays as it is.
Result<std::string> without_template(yaml::Node const& node) {
  std::string_view text = trim(node.text);
  if (text.find("{{") == std::string_view::npos && text.find("{%") == std::string_view::npos)
    return replace_all(node.text, "${", "$${");
  Error odd = Error(ErrorKind::Config, fmt::format("{} uses a template that weir does not read here", kFile))
                  .where(node.mark.text())
                  .next("use {{ env_var('NAME') }}, or give this value in endpoints.yml");
  if (!text.starts_with("{{") || !text.ends_with("}}")) return odd;
  text = trim(text.substr(2, text.size() - 4));
  auto const filter = text.find('|');  // "| int" and the like do not change a connection value
  text = trim(text.substr(0, filter));
  if (!text.starts_with("env_var(") || !text.ends_with(")")) return odd;
  text = text.substr(8, text.size() - 9);
  std::vector<std::string> arguments;
  for (auto const& part : split(text, ',')) {
    std::string_view const word = trim(part);
    if (word.size() < 2 || (word[0] != '\'' && word[0] != '"') || word.back() != word[0]) return odd;
    arguments.emplace_back(word.substr(1, word.size() - 2));
  }
  if (arguments.empty() || arguments.size() > 2) return odd;
  if (arguments.size() == 2 && std::getenv(arguments[0].c_str()) == nullptr) return arguments[1];
  return "${env:" + arguments[0] + "}";
}

}  // namespace

Result<std::map<std::string, std::string>> read_dbt_profile(std::string_view profile_target,
                                                            std::filesystem::path const& root, Place const& place) {
  WEIR_TRY(auto path, find_profiles(root, place));
  WEIR_TRY(std::string text, read_file(path));
  yaml::Options options;
  options.allow_duplicate_keys = true;
  options.quote_lines = false;
  WEIR_TRY(auto file, yaml::parse(path.string(), std::move(text), options));
  auto const dot = profile_target.find('.');
  std::string_view const profile_name = profile_target.substr(0, dot);
  WEIR_TRY(auto const* profile, child(*file, profile_name, "profile"));
  WEIR_TRY(auto const* outputs, child(*profile, "outputs", "key"));
  std::string target = "default";
  if (dot != std::string_view::npos) {
    target = profile_target.substr(dot + 1);
  } else if (auto const* named = profile->find("target"); named != nullptr) {
    WEIR_TRY(target, without_template(*named));
  }
  WEIR_TRY(auto const* output, child(*outputs, target, "target"));
  if (auto const* type = output->find("type"); type == nullptr || type->text != "postgres")
    return Error(ErrorKind::Config,
                 fmt::format("target \"{}\" of profile \"{}\" is not of type postgres", target, profile_name))
        .where(output->mark.text());
  static constexpr std::pair<std::string_view, std::string_view> kWords[] = {
      {"host", "host"},           {"port", "port"},       {"user", "user"},         {"password", "password"},
      {"pass", "password"},       {"dbname", "database"}, {"database", "database"}, {"sslmode", "sslmode"},
      {"sslrootcert", "ca_file"}, {"sslcert", "sslcert"}, {"sslkey", "sslkey"}};
  std::map<std::string, std::string> values;
  for (auto const& [theirs, ours] : kWords) {
    auto const* found = output->find(theirs);
    if (found == nullptr || !found->is_scalar() || found->kind == yaml::Kind::Null) continue;
    WEIR_TRY(values[std::string(ours)], without_template(*found));
  }
  return values;
}

}  // namespace weir::config
