#include "build/statement_log.h"

#include <fmt/format.h>

namespace weir::build {
namespace {

using project::Data;

// Whoever wants more of a text than this finds it below target/run.
constexpr std::size_t kLongestLogged = 64U << 10;

}  // namespace

void StatementLog::sent(std::string_view sql) {
  sent_at_ = std::chrono::steady_clock::now();
  if (!log_.wants(Level::Debug)) return;
  auto const text = fmt::format("{}{}", sql.substr(0, kLongestLogged), sql.size() > kLongestLogged ? " ..." : "");
  log_.write({"SQLQuery",
              "E016",
              Level::Debug,
              fmt::format("On {}: {}", connection_, text),
              {{"conn_name", Data(connection_)}, {"sql", Data(text)}},
              false});
}

void StatementLog::answered(std::string_view tag, Error const* error) {
  if (!log_.wants(Level::Debug)) return;
  if (error != nullptr) {
    log_.write({"AdapterEventDebug", "E001", Level::Debug, "Postgres error: " + error->message(), {}, false});
    return;
  }
  double const seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - sent_at_).count();
  log_.write({"SQLQueryStatus",
              "E017",
              Level::Debug,
              fmt::format("SQL status: {} in {:.3f} seconds", tag, seconds),
              {{"elapsed", Data(seconds)}, {"query_id", Data("")}, {"status", Data(std::string(tag))}},
              false},
             EventLog::Flush::Later);
}

}  // namespace weir::build
