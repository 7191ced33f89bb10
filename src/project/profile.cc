#include "project/profile.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "base/file.h"
#include "base/text.h"
#include "project/profile_render.h"
#include "project/yaml_data.h"

namespace weir::project {
namespace {

namespace fs = std::filesystem;

constexpr char const* kProfilesFile = "profiles.yml";

Result<fs::path> find_file(ProfileOptions const& options) {
  std::error_code failed;
  std::string looked;
  for (auto const& folder : profile_folders(options)) {
    if (fs::exists(folder / kProfilesFile, failed)) return folder / kProfilesFile;
    looked += (looked.empty() ? "" : ", ") + folder.string();
  }
  return Error(ErrorKind::Config, fmt::format("no {} was found", kProfilesFile))
      .cause(fmt::format("looked in {}", looked))
      .state("nothing was read")
      .next("name its folder with --profiles-dir, or set DBT_PROFILES_DIR");
}

std::vector<std::string> keys_of(yaml::Node const& mapping) {
  std::vector<std::string> names;
  for (auto const& entry : mapping.entries) names.push_back(entry.key->text);
  return names;
}

Error no_such(std::string_view what, std::string const& name, yaml::Node const& in, std::vector<std::string> known) {
  std::string next = did_you_mean(name, known);
  if (next.empty()) next = known.empty() ? "add it" : fmt::format("there is: {}", join(known, ", "));
  return Error(ErrorKind::Config, fmt::format("{} \"{}\" does not exist in {}", what, name, kProfilesFile))
      .object(name)
      .where(in.mark.text())
      .state("nothing was read")
      .next(std::move(next));
}

std::optional<std::string> optional_text(Data const& value) {
  return value.is_none() ? std::nullopt : std::optional(value.str());
}

Result<std::int64_t> whole_number(Data const& data, yaml::Node const& output, std::string_view key,
                                  std::int64_t fallback) {
  auto const& value = data[key];
  if (value.is_none()) return fallback;
  if (value.kind() == Data::Kind::Int) return value.integer();
  if (auto const parsed = parse_int(value.text())) return *parsed;
  auto const* node = output.find(key);
  return Error(ErrorKind::Config, fmt::format("\"{}\" is a whole number, not \"{}\"", key, value.str()))
      .where(node == nullptr ? output.mark.text() : node->mark.text())
      .next("if it is a template, add | int or | as_number");
}

// Names that two keys of one meaning have.
Data::Dict translated(Data::Dict pairs) {
  for (auto& [key, value] : pairs) {
    if (key == "dbname") key = "database";
    if (key == "pass") key = "password";
  }
  return pairs;
}

Status fill(Target& target, Data const& data, yaml::Node const& output) {
  for (std::string_view const key : {"host", "user", "password", "database", "schema"}) {
    if (!data[key].is_none()) continue;
    return Error(ErrorKind::Config,
                 fmt::format("target \"{}\" of profile \"{}\" has no \"{}\"", target.name, target.profile_name, key))
        .where(output.mark.text())
        .state("nothing was read")
        .next(fmt::format("add {}: to it", key == "database" ? "dbname" : key));
  }
  target.host = data["host"].str();
  target.user = data["user"].str();
  target.password = Secret(data["password"].str());
  target.database = data["database"].str();
  target.schema = data["schema"].str();
  WEIR_TRY(target.port, whole_number(data, output, "port", 5432));
  WEIR_TRY(target.threads, whole_number(data, output, "threads", 1));
  WEIR_TRY(target.connect_timeout, whole_number(data, output, "connect_timeout", 10));
  WEIR_TRY(target.retries, whole_number(data, output, "retries", 1));
  WEIR_TRY(target.keepalives_idle, whole_number(data, output, "keepalives_idle", 0));
  target.role = optional_text(data["role"]);
  target.search_path = optional_text(data["search_path"]);
  target.sslmode = optional_text(data["sslmode"]);
  target.sslcert = optional_text(data["sslcert"]);
  target.sslkey = optional_text(data["sslkey"]);
  target.sslrootcert = optional_text(data["sslrootcert"]);
  if (auto const name = optional_text(data["application_name"])) target.application_name = *name;
  static constexpr std::string_view kKnown[] = {"type",
                                                "host",
                                                "user",
                                                "password",
                                                "database",
                                                "schema",
                                                "port",
                                                "threads",
                                                "connect_timeout",
                                                "retries",
                                                "keepalives_idle",
                                                "role",
                                                "search_path",
                                                "sslmode",
                                                "sslcert",
                                                "sslkey",
                                                "sslrootcert",
                                                "application_name"};
  for (auto const& [key, value] : data.pairs())
    if (std::find(std::begin(kKnown), std::end(kKnown), key) == std::end(kKnown)) target.extra.emplace_back(key, value);
  return {};
}

}  // namespace

Data Target::context() const {
  auto const text_or_none = [](std::optional<std::string> const& text) { return text ? Data(*text) : Data(); };
  auto const* autocommit = find(extra, "autocommit");
  Data::Dict pairs{{"profile_name", profile_name},
                   {"target_name", name},
                   {"name", name},
                   {"type", type},
                   {"threads", threads},
                   {"host", host},
                   {"port", port},
                   {"user", user},
                   {"database", database},
                   {"dbname", database},
                   {"schema", schema},
                   {"connect_timeout", connect_timeout},
                   {"role", text_or_none(role)},
                   {"search_path", text_or_none(search_path)},
                   {"keepalives_idle", keepalives_idle},
                   {"sslmode", text_or_none(sslmode)},
                   {"sslcert", text_or_none(sslcert)},
                   {"sslkey", text_or_none(sslkey)},
                   {"sslrootcert", text_or_none(sslrootcert)},
                   {"application_name", application_name},
                   {"autocommit", autocommit == nullptr ? Data(false) : *autocommit},
                   {"retries", retries}};
  return pairs;
}

std::vector<std::filesystem::path> profile_folders(ProfileOptions const& options) {
  if (options.profiles_dir) return {*options.profiles_dir};
  if (char const* folder = std::getenv("DBT_PROFILES_DIR"); folder != nullptr && *folder != '\0')
    return {fs::path(folder)};
  std::vector<fs::path> folders{fs::current_path()};
  if (std::error_code failed; !fs::equivalent(folders[0], options.project_dir, failed))
    folders.push_back(options.project_dir);
  if (char const* home = std::getenv("HOME"); home != nullptr) folders.push_back(fs::path(home) / ".dbt");
  return folders;
}

Result<Target> load_profile(ProfileOptions const& options) {
  WEIR_TRY(auto const path, find_file(options));
  WEIR_TRY(std::string text, read_file(path));
  yaml::Options yaml_options;
  yaml_options.allow_duplicate_keys = true;
  yaml_options.quote_lines = false;  // passwords stand in it
  WEIR_TRY(auto const root, yaml::parse(kProfilesFile, std::move(text), yaml_options));
  if (options.profile.empty())
    return Error(ErrorKind::Config, "the project names no profile")
        .where("dbt_project.yml")
        .state("nothing was read")
        .next("add profile: NAME to dbt_project.yml, or name one with --profile");
  auto const* profile = root->find(options.profile);
  if (profile == nullptr || profile->kind != yaml::Kind::Mapping) {
    auto known = keys_of(*root);
    std::erase(known, "config");
    return no_such("profile", options.profile, *root, std::move(known));
  }
  RenderText const render = profile_renderer(options.vars);
  Target target;
  target.profile_name = options.profile;
  target.file = path.string();
  if (options.target) {
    target.name = *options.target;
  } else if (char const* from_environment = std::getenv("DBT_TARGET");
             from_environment != nullptr && *from_environment != '\0') {
    target.name = from_environment;
  } else if (auto const* said = profile->find("target"); said != nullptr) {
    WEIR_TRY(Data const name, render_yaml(*said, render));
    target.name = name.str();
  } else {
    target.name = "default";
  }
  auto const* outputs = profile->find("outputs");
  if (outputs == nullptr || outputs->kind != yaml::Kind::Mapping)
    return Error(ErrorKind::Config, fmt::format("profile \"{}\" has no outputs", options.profile))
        .where(profile->mark.text())
        .state("nothing was read")
        .next("add outputs: with a target");
  target.all_targets = keys_of(*outputs);
  auto const* output = outputs->find(target.name);
  if (output == nullptr || output->kind != yaml::Kind::Mapping)
    return no_such(fmt::format("profile \"{}\" is there, but its target", options.profile), target.name, *outputs,
                   target.all_targets);
  // A password that is no template by chance ("{{") is taken as it stands.
  WEIR_TRY(Data const rendered, render_yaml(
                                    *output, [&](std::string_view one) -> Result<Data> { return render(one); },
                                    [](KeyPath const& keys) {
                                      return keys.empty() || (keys.back() != "password" && keys.back() != "pass");
                                    }));
  Data::Dict pairs = translated(rendered.pairs());
  for (auto& [key, value] : pairs) {
    if (key != "password" || !value.is_string() || !has_template(value.text())) continue;
    if (auto shown = render(value.text()); shown.ok()) value = std::move(shown).value();
  }
  auto const* type = find(pairs, "type");
  if (type == nullptr || type->str() != "postgres")
    return Error(ErrorKind::Config, fmt::format("target \"{}\" of profile \"{}\" is of type \"{}\"", target.name,
                                                options.profile, type == nullptr ? "" : type->str()))
        .where(output->mark.text())
        .state("nothing was read")
        .next("weir builds in PostgreSQL: type: postgres");
  WEIR_DO(fill(target, Data(std::move(pairs)), *output));
  if (options.threads) target.threads = *options.threads;
  return target;
}

}  // namespace weir::project
