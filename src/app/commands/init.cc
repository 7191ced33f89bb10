// weir init: two small files that work once the addresses are right, and the schemas that editors read.
#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/commands/commands.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"

namespace weir::app {
namespace {

constexpr std::string_view kWeirYml = R"(# yaml-language-server: $schema=.weir/schema/weir.v1.json
# What is loaded, and how. Every key: weir config schema --reference
version: 1

connections:
  core:
    from: core_sql                # a source of endpoints.yml
    into: sync_core               # a schema of the warehouse; weir creates it
    tables:
      - dbo.*                     # weir endpoint discover core_sql lists what there is
#    tables:                      # or with options, table by table:
#      dbo.Country:
#      dbo.User: { mode: incremental_append_dedup, cursor: UpdatedAt, key: [UserId] }
#      dbo.Log*: false
#    guard: hold a refresh that would remove more than half of the rows; see defaults
#    defaults: { guard: { shrink: 50% } }
)";

constexpr std::string_view kEndpointsYml = R"(# yaml-language-server: $schema=.weir/schema/endpoints.v1.json
# Where the databases are. A password is a reference: ${env:NAME}, ${file:PATH} or ${cred:NAME} (systemd).
version: 1

warehouses:
  wh:
    host: localhost
    database: dwh
    user: weir
    password: ${env:WH_PASSWORD}
#    dbt_profile: analytics.prod  # or: take the address from dbt's profiles.yml

sources:
  core_sql:
    kind: sqlserver               # or postgres, odbc
    host: sql.example.com
    database: Core
    user: weir
    password: ${env:CORE_PASSWORD}
    protected: true               # commands that destroy something there need --confirm core_sql
)";

}  // namespace

Result<int> run_init(Context& context) {
  std::filesystem::path const folder = context.arguments().positionals.empty()
                                           ? context.project_folder()
                                           : std::filesystem::path(context.arguments().positionals[0]);
  std::error_code failed;
  std::filesystem::create_directories(folder / ".weir" / "schema", failed);
  if (failed)
    return Error(ErrorKind::Config,
                 fmt::format("could not create folder \"{}\": {}", folder.string(), failed.message()))
        .object(folder.string())
        .next("name a folder that can be written: weir init DIR");
  std::vector<std::string> written, kept;
  auto write = [&](char const* name, std::string_view text) -> Status {
    Status done = write_file(folder / name, text);
    if (done.ok()) return done;
    return std::move(done).error().state(written.empty() ? "no file was written" : "written: " + join(written, ", "));
  };
  auto put = [&](char const* name, std::string_view text) -> Status {
    if (std::filesystem::exists(folder / name)) {
      kept.emplace_back(name);
      return {};
    }
    WEIR_DO(write(name, text));
    written.emplace_back(name);
    return {};
  };
  WEIR_DO(put("weir.yml", kWeirYml));
  WEIR_DO(put("endpoints.yml", kEndpointsYml));
  // The schemas belong to the program: they follow its version.
  WEIR_DO(write(".weir/schema/weir.v1.json", config::weir_schema()));
  WEIR_DO(write(".weir/schema/endpoints.v1.json", config::endpoints_schema()));
  if (context.format() == Format::Json) {
    nlohmann::ordered_json json{{"folder", folder.string()}, {"written", written}, {"kept", kept}};
    write_json(json);
    return 0;
  }
  for (auto const& name : written) write_out(fmt::format("wrote {}\n", (folder / name).lexically_normal().string()));
  for (auto const& name : kept)
    write_out(fmt::format("kept  {} (it was there)\n", (folder / name).lexically_normal().string()));
  log_info("next: correct the addresses in endpoints.yml, set WH_PASSWORD and CORE_PASSWORD, then run weir doctor");
  return 0;
}

}  // namespace weir::app
