#pragma once
// Writes a session's statements to the log of the run, as dbt's events: each before it is sent, with how it ended.
// Belongs to the session's thread.

#include <chrono>
#include <string>

#include "build/events.h"
#include "pg/session.h"

namespace weir::build {

class StatementLog final : public pg::StatementListener {
 public:
  explicit StatementLog(EventLog& log) : log_(log) {}
  // dbt's name for what sends them: a node's unique id, "master" ...
  void set_connection(std::string name) { connection_ = std::move(name); }
  void sent(std::string_view sql) override;
  void answered(std::string_view tag, Error const* error) override;

 private:
  EventLog& log_;
  std::string connection_ = "master";
  std::chrono::steady_clock::time_point sent_at_;
};

}  // namespace weir::build
