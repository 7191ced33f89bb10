#include "swap/fence.h"

#include <algorithm>
#include <atomic>

#include <fmt/format.h>

#include "sql/name.h"

namespace weir::swap {
namespace {

JobFence& job_fence() {
  static JobFence fence;
  return fence;
}
std::atomic<bool> g_is_raised = false;  // what only reads raises nothing, and has nothing to hold

std::string whose(std::string const& scope) {
  return fmt::format("{:08x}", sql::stable_hash(scope) & 0xffffffff);
}

// A program that is frozen keeps its sessions, their locks and what they have not committed.
Status end_earlier_sessions(pg::Session& session) {
  for (int tries = 0; tries < 100; ++tries) {
    WEIR_TRY(auto left, session.query("SELECT pg_terminate_backend(pid), pg_sleep(0.05) FROM pg_stat_activity WHERE "
                                      "datname = current_database() AND usename = current_user AND application_name ~ "
                                      "$1 AND substring(application_name FROM $1)::bigint < $2::bigint",
                                      {fmt::format("^weir/{}\\.([0-9]+)/", whose(job_fence().scope)),
                                       std::to_string(job_fence().token)}));
    if (left.size() == 0) break;
  }
  return {};
}

Error overtaken(std::int64_t seen) {
  auto const& [scope, token] = job_fence();
  std::string const what = scope.substr(std::min(scope.find(": "), scope.size() - 2) + 2);
  return Error(ErrorKind::Refused, fmt::format("this attempt was overtaken: a later one has {}", what))
      .object(what)
      .cause(fmt::format("its token is {}, and the warehouse has seen {}", token, seen))
      .state("nothing of this attempt is published any more")
      .next(
          "nothing to do: the later attempt goes on; if an older copy of the state was put back, see docs/workers.md");
}

// A role that weir's own tables belong not to.
Error no_right(Error error) {
  if (error.kind() != ErrorKind::Denied) return error;
  return std::move(error.state("nothing was changed"))
      .next("GRANT USAGE ON SCHEMA weir TO the role, and SELECT, INSERT, UPDATE ON weir.fence");
}

}  // namespace

std::string raise_statement(std::string_view scope, std::string_view token) {
  return fmt::format(
      "INSERT INTO weir.fence AS f (scope, token) VALUES ({}, {}) ON CONFLICT (scope) DO UPDATE SET token = "
      "excluded.token, taken_at = clock_timestamp() WHERE f.token <= excluded.token RETURNING token",
      scope, token);
}

Error fenced(std::string const& scope, std::int64_t token, std::int64_t seen) {
  return Error(ErrorKind::Refused, fmt::format("attempt {} of \"{}\" was overtaken by attempt {}", token, scope, seen))
      .object(scope)
      .state("nothing was changed by this attempt")
      .next("nothing to do: the newer attempt's rows stand");
}

void set_job_fence(JobFence fence) {
  job_fence() = std::move(fence);
  g_is_raised = false;
}

std::string job_fence_name() {
  auto const& [scope, token] = job_fence();
  return token == 0 ? std::string() : fmt::format("{}.{}", whose(scope), token);
}

Result<std::map<std::string, std::int64_t>> job_fences(pg::Session& session) {
  WEIR_TRY(auto const rows, session.query("SELECT scope, token FROM weir.fence WHERE starts_with(scope, 'state ')"));
  std::map<std::string, std::int64_t> fences;
  for (std::size_t i = 0; i < rows.size(); ++i) fences.emplace(rows.text(i, 0), rows.integer(i, 1));
  return fences;
}

Status raise_job_fence(pg::Session& session) {
  auto const& [scope, token] = job_fence();
  if (token == 0) return {};
  WEIR_DO(end_earlier_sessions(session));
  auto raised = session.query(raise_statement("$1", "$2"), {scope, std::to_string(token)});
  if (!raised.ok()) return no_right(std::move(raised).error());
  g_is_raised = true;
  return raised->size() == 1 ? Status() : hold_job_fence(session);
}

Status hold_job_fence(pg::Session& session) {
  if (!g_is_raised) return {};
  auto const& [scope, token] = job_fence();
  auto seen = session.query("SELECT token FROM weir.fence WHERE scope = $1 FOR SHARE", {scope});
  if (!seen.ok()) return no_right(std::move(seen).error());
  std::int64_t const highest = seen->size() == 1 ? seen->integer(0, 0) : 0;
  return highest == token ? Status() : overtaken(highest);
}

}  // namespace weir::swap
