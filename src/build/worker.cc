#include "build/worker.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include <fmt/format.h>

#include "base/text.h"
#include "build/cte.h"
#include "sql/name.h"
#include "sql/statement.h"
#include "swap/fence.h"

namespace weir::build {
namespace {

std::vector<std::pair<std::string, std::string>> parameters(project::Target const& target) {
  std::vector<std::pair<std::string, std::string>> out{
      {"host", target.host}, {"port", std::to_string(target.port)}, {"user", target.user}, {"dbname", target.database}};
  auto add = [&out](char const* key, std::optional<std::string> const& value) {
    if (value) out.emplace_back(key, *value);
  };
  // dbt leaves it to libpq, whose default is `prefer`.
  out.emplace_back("sslmode", target.sslmode.value_or("prefer"));
  add("sslcert", target.sslcert);
  add("sslkey", target.sslkey);
  add("sslrootcert", target.sslrootcert);
  if (target.keepalives_idle > 0) out.emplace_back("keepalives_idle", std::to_string(target.keepalives_idle));
  return out;
}

// The role's and database's own settings, as psql would see them; dates are written in ISO form, as the templates'
// values need them, and read in the order that the server has.
std::string session_settings(project::Target const& target) {
  std::string sql = "RESET search_path; RESET TimeZone; RESET IntervalStyle; RESET DateStyle; SET DateStyle = 'ISO'";
  if (target.search_path) sql += fmt::format("; SET search_path = {}", *target.search_path);
  if (target.role) sql += fmt::format("; SET ROLE {}", *target.role);
  return sql;
}

}  // namespace

Result<pg::Session> connect(project::Target const& target) {
  pg::SessionOptions options{.parameters = parameters(target),
                             .password = target.password,
                             .application_name = target.application_name,
                             .connect_timeout_s = static_cast<int>(target.connect_timeout),
                             .endpoint = fmt::format("{}.{}", target.profile_name, target.name)};
  if (auto const step = swap::job_fence_name(); !step.empty())
    options.application_name = fmt::format("weir/{}/dbt", step);
  for (std::int64_t attempt = 0;; ++attempt) {
    auto session = pg::Session::connect(options);
    if (session.ok()) {
      WEIR_DO(session->execute(session_settings(target)));
      return session;
    }
    if (session.error().kind() != ErrorKind::Unavailable || attempt >= target.retries) {
      auto error = std::move(session).error();
      return std::move(error.context(fmt::format("connecting as profile \"{}\", target \"{}\"", target.profile_name,
                                                 target.name)))
          .where(target.file)
          .state("nothing was run");
    }
    std::this_thread::sleep_for(std::chrono::seconds(attempt * attempt));
  }
}

Result<pg::Session*> Worker::session() {
  if (is_offline)
    return Error(ErrorKind::Usage, "the template asks the warehouse, which --no-introspect forbids")
        .state("nothing was asked")
        .next("leave --no-introspect out, or put the question behind {% if flags.INTROSPECT %}");
  if (session_ && session_->is_broken()) {
    cancel_.reset();
    session_.reset();
  }
  if (!session_) {
    WEIR_TRY(auto fresh, connect(target_));
    session_.emplace(std::move(fresh));
    session_->set_comment(comment_, comment_place_);
    session_->set_listener(&log_);
    cancel_.emplace(*session_, stop_);
  }
  return &*session_;
}

void Worker::name_statements(std::string const& connection, std::string comment, pg::Session::CommentPlace place) {
  log_.set_connection(connection);
  comment_ = std::move(comment);
  comment_place_ = place;
  if (session_) session_->set_comment(comment_, comment_place_);
}

bool Worker::in_transaction() const {
  return session_ && !session_->is_broken() && session_->transaction_state() != pg::TransactionState::Idle;
}

Status Worker::begin() {
  WEIR_TRY(auto* own, session());
  stands_alone = false;
  if (in_transaction()) return {};
  WEIR_DO(own->execute("BEGIN"));
  return {};
}

Status Worker::commit() {
  stands_alone = false;
  if (!in_transaction()) return {};
  if (auto const held = swap::hold_job_fence(*session_); !held.ok()) {
    WEIR_DO(rollback());
    return held.error().clone();
  }
  note_commit();
  WEIR_DO(session_->execute("COMMIT"));
  return {};
}

Status Worker::rollback() {
  stands_alone = false;
  if (!in_transaction()) return {};
  auto done = session_->execute("ROLLBACK");
  if (done.ok()) return {};
  cancel_.reset();
  session_.reset();  // the server rolls back
  return {};
}

Result<pg::Rows> Worker::execute(std::string_view sql) {
  WEIR_TRY(auto* own, session());
  WEIR_DO(begin());
  return own->execute(sql);
}

bool controls_transaction(std::string_view sql) {
  return sql::read_ddl(sql.substr(skip_space_and_comments(sql, 0))).kind == sql::DdlKind::Transaction;
}

bool needs_no_transaction(std::string_view sql) {
  auto const at = skip_space_and_comments(sql, 0);
  std::string const head = to_lower(sql.substr(at, 200));
  if (head.starts_with("vacuum") || head.starts_with("create database") || head.starts_with("drop database") ||
      head.starts_with("alter system"))
    return true;
  bool const index = head.starts_with("create") || head.starts_with("drop") || head.starts_with("reindex") ||
                     head.starts_with("refresh") || head.starts_with("alter");
  return index && !head.starts_with("refresh") && head.find("concurrently") != std::string::npos;
}

}  // namespace weir::build
