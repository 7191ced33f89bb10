#pragma once
// profiles.yml: which warehouse a project builds in. Read as dbt reads it, templates rendered; only the chosen target
// is checked, and only type postgres is taken. Values; any thread.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "project/data.h"

namespace weir::project {

// The target that was chosen, defaults filled in.
struct Target {
  std::string profile_name, name, type = "postgres";
  std::string host, user, database, schema;
  Secret password;
  std::int64_t port = 5432, threads = 1, connect_timeout = 10, retries = 1;
  std::int64_t keepalives_idle = 0;  // 0: the system's
  std::optional<std::string> role, search_path, sslmode, sslcert, sslkey, sslrootcert;
  std::string application_name = "dbt";
  Data::Dict extra;                      // other keys of the target, carried into `target`
  std::vector<std::string> all_targets;  // of the profile
  std::string file;                      // profiles.yml, as people write it

  // What templates see as `target`: never the password.
  Data context() const;
};

struct ProfileOptions {
  std::filesystem::path project_dir;
  std::optional<std::filesystem::path> profiles_dir;  // else DBT_PROFILES_DIR, the project's folder, ~/.dbt
  std::string profile;                                // name in the file
  std::optional<std::string> target;                  // else DBT_TARGET, the file's `target`, "default"
  std::optional<std::int64_t> threads;
  Data::Dict vars;  // of --vars
};

// Where profiles.yml is looked for, in order.
std::vector<std::filesystem::path> profile_folders(ProfileOptions const& options);
// Errors: Config, with place; an unknown profile or target comes with the nearest names.
Result<Target> load_profile(ProfileOptions const& options);

}  // namespace weir::project
