// weir dbt init: a project's first files, and its profile by questions. Nothing that is there already is changed.
#include <cctype>
#include <cstdlib>

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/commands/dbt.h"
#include "app/dbt_project.h"
#include "base/embedded.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "project/profile.h"

namespace weir::app {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kStarter = "examples/starter/", kPlaceholder = "my_project";

bool is_name(std::string_view text) {
  auto const is_word = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; };
  return !text.empty() && std::isdigit(static_cast<unsigned char>(text[0])) == 0 &&
         std::all_of(text.begin(), text.end(), is_word);
}

// What the person answers. `said`: what is done so far, for errors.
struct Questions {
  std::stop_token stop;
  std::string said = "nothing was written";

  // An empty answer is `usual`.
  Result<std::string> ask(std::string const& question, std::string_view usual, bool hidden = false) const {
    auto const answer =
        read_answer(stop, hidden, usual.empty() ? question + ": " : fmt::format("{} [{}]: ", question, usual));
    if (answer) return answer->empty() ? std::string(usual) : *answer;
    write_err("\n");
    if (stop.stop_requested()) return Error(ErrorKind::Cancelled, "stopped by the user").state(said);
    return Error(ErrorKind::Usage, fmt::format("there was no answer to \"{}\"", trim(question)))
        .cause("standard input has ended")
        .state(said)
        .next("run it at a terminal, or with --skip-profile-setup and write profiles.yml yourself");
  }
  Result<std::int64_t> ask_number(std::string const& question, std::string_view usual, std::int64_t most) const {
    for (;;) {
      WEIR_TRY(auto const text, ask(question, usual));
      if (auto const number = parse_int(text); number && *number >= 1 && *number <= most) return *number;
      write_err(fmt::format("\"{}\" is no number from 1 to {}\n", text, most));
    }
  }
};

fs::path profiles_file(Arguments const& arguments) {
  project::ProfileOptions options;
  if (arguments.has("profiles-dir")) options.profiles_dir = arguments.value("profiles-dir");
  auto const folders = project::profile_folders(options);
  for (auto const& folder : folders)
    if (std::error_code failed; fs::exists(folder / "profiles.yml", failed)) return folder / "profiles.yml";
  return folders.back() / "profiles.yml";  // ~/.dbt, or the one folder that was named
}

// A text in double quotes is the same in YAML as in JSON.
std::string quoted(std::string const& text) {
  return nlohmann::json(text).dump();
}

Result<std::string> ask_profile(Questions const& questions, std::string const& name) {
  write_err(fmt::format("The PostgreSQL warehouse that \"{}\" is built in:\n", name));
  WEIR_TRY(auto const host, questions.ask("  host", "localhost"));
  WEIR_TRY(auto const port, questions.ask_number("  port", "5432", 65535));
  WEIR_TRY(auto const user, questions.ask("  user", ""));
  WEIR_TRY(auto const password, questions.ask("  password (empty: from DBT_ENV_SECRET_PASSWORD)", "", true));
  WEIR_TRY(auto const database, questions.ask("  database", ""));
  WEIR_TRY(auto const schema, questions.ask("  schema, made where it is missing", "dbt_" + user));
  WEIR_TRY(auto const threads, questions.ask_number("  threads", "4", 1000));
  return fmt::format(
      "{}:\n  target: dev\n  outputs:\n    dev:\n      type: postgres\n      host: {}\n      port: {}\n      user: {}\n"
      "      password: {}\n      dbname: {}\n      schema: {}\n      threads: {}\n",
      name, quoted(host), port, quoted(user),
      quoted(password.empty() ? "{{ env_var('DBT_ENV_SECRET_PASSWORD') }}" : password), quoted(database),
      quoted(schema), threads);
}

Result<yaml::NodePtr> parse_profiles(fs::path const& file, std::string text) {
  yaml::Options options;
  options.allow_duplicate_keys = true;
  options.quote_lines = false;  // passwords stand in it
  return yaml::parse(file.string(), std::move(text), options);
}

// Adds the profile to the file; one of that name stays as it is.
Status set_up_profile(Arguments const& arguments, std::string const& name, Questions const& questions) {
  auto file = profiles_file(arguments);
  std::string text;
  if (std::error_code failed; fs::exists(file, failed)) {
    WEIR_TRY(text, read_file(file));
    WEIR_TRY(auto const root, parse_profiles(file, text));
    if (root->find(name) != nullptr) {
      log_info("kept  profile \"{}\" in {} (it was there)", name, file.string());
      return {};
    }
    if (!text.empty() && !text.ends_with('\n')) text += '\n';
    file = fs::canonical(file, failed);  // a link stays one
  }
  WEIR_TRY(auto const profile, ask_profile(questions, name));
  std::error_code failed;
  if (fs::create_directories(file.parent_path(), failed))
    fs::permissions(file.parent_path(), fs::perms::owner_all, failed);
  if (Status done = write_file(file, text + profile, 0600); !done.ok())
    return std::move(done).error().state(questions.said);
  write_out(fmt::format("wrote profile \"{}\" to {}\n", name, file.string()));
  return {};
}

// Errors: Usage (such a folder is there).
Status write_starter(fs::path const& folder, std::string const& name, std::string const& profile) {
  if (fs::exists(folder))
    return Error(ErrorKind::Usage, fmt::format("\"{}\" is there already", folder.lexically_normal().string()))
        .object(folder.string())
        .state("nothing was written")
        .next("give the project another name; in a project, weir dbt init without a name sets up its profile");
  std::error_code failed;
  for (auto const* empty : {"analyses", "macros", "snapshots", "tests"}) {
    fs::create_directories(folder / empty, failed);
    if (failed)
      return Error(ErrorKind::Config, fmt::format("could not create \"{}\": {}", folder.string(), failed.message()))
          .object(folder.string())
          .next("go to a folder that can be written");
    WEIR_DO(write_file(folder / empty / ".gitkeep", ""));
  }
  for (auto const path : embedded_files(kStarter)) {
    auto const target = folder / path.substr(kStarter.size());
    fs::create_directories(target.parent_path(), failed);
    std::string text(embedded_file(path));
    text = replace_all(std::move(text), fmt::format("profile: {}", kPlaceholder), "profile: " + profile);
    WEIR_DO(write_file(target, replace_all(std::move(text), kPlaceholder, name)));
  }
  return write_file(folder / ".gitignore", "target/\ndbt_packages/\nlogs/\n");
}

// The profile named by --profile must be there.
Status check_profile(Arguments const& arguments, std::string const& name) {
  auto const file = profiles_file(arguments);
  std::vector<std::string> known;
  if (std::error_code failed; fs::exists(file, failed)) {
    WEIR_TRY(auto text, read_file(file));
    WEIR_TRY(auto const root, parse_profiles(file, std::move(text)));
    if (root->find(name) != nullptr) return {};
    for (auto const& entry : root->entries) known.push_back(entry.key->text);
  }
  std::string next = did_you_mean(name, known);
  if (next.empty())
    next = known.empty() ? "leave --profile out: the profile is asked for" : "there is: " + join(known, ", ");
  return Error(ErrorKind::Usage, fmt::format("profile \"{}\" does not exist in {}", name, file.string()))
      .object(name)
      .state("nothing was written")
      .next(std::move(next));
}

}  // namespace

Result<int> run_dbt_init(Context& context) {
  auto const& arguments = context.arguments();
  Questions questions{.stop = context.interrupt().token()};
  std::string name = arguments.positionals.empty() ? "" : arguments.positionals[0];
  bool const skip = arguments.has("skip-profile-setup");
  fs::path const here = dbt_project_folder(context);

  if (name.empty() && fs::exists(here / "dbt_project.yml")) {
    WEIR_TRY(auto const root, unrendered_dbt_project(here));
    if (!skip) {
      WEIR_DO(set_up_profile(arguments, root.profile.empty() ? root.name : root.profile, questions));
    }
    return 0;
  }
  if (name.empty()) {
    WEIR_TRY(name, questions.ask("Name of the project (letters, digits, underscores)", ""));
  }
  if (!is_name(name))
    return Error(ErrorKind::Usage, fmt::format("\"{}\" cannot be a project's name", name))
        .object(name)
        .state("nothing was written")
        .next("use letters, digits and underscores, not beginning with a digit");
  std::string const profile = arguments.value("profile", name);
  if (arguments.has("profile")) {
    WEIR_DO(check_profile(arguments, profile));
  }
  WEIR_DO(write_starter(here / name, name, profile));
  write_out(fmt::format("wrote {}\n", (here / name).lexically_normal().string()));
  questions.said =
      fmt::format("the project is in {}; no profile was written", (here / name).lexically_normal().string());
  if (!skip && !arguments.has("profile")) {
    WEIR_DO(set_up_profile(arguments, name, questions));
  }
  log_info("next: cd {}, then weir dbt debug, weir dbt build", (here / name).lexically_normal().string());
  return 0;
}

}  // namespace weir::app
