// Schemas `weir` and `weir_data`: made and migrated, versioned, in one transaction, under an advisory lock.

#include <fmt/format.h>

#include "base/embedded.h"
#include "base/text.h"
#include "swap/capture.h"
#include "swap/leaf.h"
#include "swap/publish.h"
#include "swap/swap.h"

namespace weir::swap {
namespace {

constexpr std::string_view kFolder = "migrations/warehouse/";

struct Migration {
  std::int64_t version = 0;
  std::string_view file;
};

std::vector<Migration> migrations() {
  std::vector<Migration> all;
  for (std::string_view file : embedded_files(kFolder)) {
    std::string_view const name = file.substr(kFolder.size());
    all.push_back({.version = parse_int(name.substr(0, name.find('_'))).value_or(0), .file = file});
  }
  return all;
}

// The version that the warehouse has; 0 where there is none.
Result<std::int64_t> current_version(pg::Session& session) {
  WEIR_TRY(auto there,
           session.query("SELECT to_regclass('weir.meta') IS NOT NULL AND to_regnamespace('weir_data') IS NOT NULL"));
  if (!there.boolean(0, 0)) return std::int64_t{0};
  WEIR_TRY(auto rows, session.query("SELECT value FROM weir.meta WHERE name = 'schema_version'"));
  return rows.size() == 0 ? std::int64_t{0} : parse_int(rows.text(0, 0)).value_or(0);
}

Error explain_denied(pg::Session& session, Error error) {
  if (error.kind() != ErrorKind::Denied) return error;
  std::string role = "the warehouse role", database = "the database";
  if (auto rows = session.query("SELECT quote_ident(current_user), quote_ident(current_database())"); rows.ok()) {
    role = rows->text(0, 0);
    database = rows->text(0, 1);
  }
  Error explained(ErrorKind::Denied, fmt::format("role {} may not keep weir's tables in database {}", role, database));
  explained.sqlstate(error.sqlstate()).cause(error.message()).state("nothing was changed");
  explained.next(
      fmt::format("as an administrator: GRANT CREATE ON DATABASE {} TO {}; if schemas weir and weir_data exist "
                  "already, make {} their owner",
                  database, role, role));
  return explained;
}

Error too_new(std::int64_t has, std::int64_t known) {
  return Error(ErrorKind::Refused,
               fmt::format("the warehouse was prepared by a newer weir (schema version {}; this program knows {})", has,
                           known))
      .state("nothing was changed")
      .next("use the newer weir");
}

Status migrate(pg::Session& session, std::vector<Migration> const& all) {
  WEIR_TRY(auto transaction, pg::Transaction::begin(session));
  // An advisory lock tells the session nothing of what its last holder committed: only opening a table does. Without
  // that, CREATE SCHEMA IF NOT EXISTS goes by what was looked up before the wait.
  WEIR_DO(session.execute(fmt::format(
      "SET LOCAL lock_timeout = '30s'; SELECT pg_advisory_xact_lock({}, 2); SELECT FROM pg_namespace", kPublishLock)));
  WEIR_DO(
      session.execute("SET LOCAL client_min_messages = warning; CREATE SCHEMA IF NOT EXISTS weir; CREATE SCHEMA IF NOT "
                      "EXISTS weir_data; "
                      "REVOKE ALL ON SCHEMA weir_data FROM PUBLIC"));
  WEIR_TRY(std::int64_t version, current_version(session));
  if (version > all.back().version) return too_new(version, all.back().version);
  for (Migration const& migration : all) {
    if (migration.version <= version) continue;
    WEIR_DO(session.execute(embedded_file(migration.file)));
    WEIR_DO(
        session.query("INSERT INTO weir.meta (name, value) VALUES ('schema_version', $1) ON CONFLICT (name) DO UPDATE "
                      "SET value = excluded.value",
                      {std::to_string(migration.version)}));
  }
  return std::move(transaction).commit();
}

// A shell of two rows is made, swapped and read, and rolled back: what the method needs works on this server, or not.
Status probe_shell(pg::Session& session) {
  WEIR_TRY(auto transaction, pg::Transaction::begin(session));
  auto tried = session.execute(R"(
CREATE TABLE weir_data.weir_probe (id integer, note text) PARTITION BY LIST ((weir_probe.* IS NULL));
CREATE TABLE weir_data.weir_probe_1 (id integer, note text);
INSERT INTO weir_data.weir_probe_1 VALUES (1, 'old'), (2, NULL);
ALTER TABLE weir_data.weir_probe ATTACH PARTITION weir_data.weir_probe_1 DEFAULT;
CREATE TABLE weir_data.weir_probe_2 (note text, id integer, more bigint);
INSERT INTO weir_data.weir_probe_2 (id, note) VALUES (3, 'new'), (NULL, NULL);
ALTER TABLE weir_data.weir_probe DETACH PARTITION weir_data.weir_probe_1;
ALTER TABLE weir_data.weir_probe ADD COLUMN more bigint;
ALTER TABLE weir_data.weir_probe ATTACH PARTITION weir_data.weir_probe_2 DEFAULT;
SELECT count(*) = 2 AND count(*) FILTER (WHERE note = 'new') = 1 FROM weir_data.weir_probe)");
  // What would pass another time says nothing about the server.
  if (!tried.ok() && (session.is_broken() || may_pass(tried.error()))) return std::move(tried).error();
  std::string const verdict = !tried.ok()            ? tried.error().message()
                              : tried->boolean(0, 0) ? "whole row"
                                                     : "a partitioned table showed other rows than its leaf";
  WEIR_DO(std::move(transaction).rollback());
  WEIR_DO(
      session.query("INSERT INTO weir.meta (name, value) VALUES ('shell_key', $1), ('shell_key_server', $2) ON "
                    "CONFLICT (name) DO UPDATE SET value = excluded.value",
                    {verdict, std::to_string(session.server_version() / 10000)}));
  return {};
}

Status prepare(pg::Session& session) {
  std::vector<Migration> const all = migrations();
  WEIR_TRY(std::int64_t version, current_version(session));
  if (version > all.back().version) return too_new(version, all.back().version);
  if (version < all.back().version) {
    WEIR_DO(migrate(session, all));
  }
  WEIR_TRY(auto probed, session.query("SELECT FROM weir.meta WHERE name = 'shell_key_server' AND value = $1",
                                      {std::to_string(session.server_version() / 10000)}));
  if (probed.size() == 0) {
    WEIR_DO(probe_shell(session));
  }
  return {};
}

}  // namespace

Status prepare_warehouse(pg::Session& session) {
  if (session.server_version() < 130000)
    return Error(ErrorKind::Refused,
                 fmt::format("PostgreSQL {} is too old to be a warehouse", session.server_version() / 10000))
        .next("use PostgreSQL 13 or newer");
  Status status = prepare(session);
  if (!status.ok()) return explain_denied(session, std::move(status).error().context("preparing the warehouse"));
  return status;
}

}  // namespace weir::swap
