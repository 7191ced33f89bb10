#pragma once
// What publish() needs to know of a Load.

#include <optional>

#include "pg/session.h"
#include "swap/swap.h"

namespace weir::swap {

struct Load::State {
  pg::Session* session = nullptr;
  Plan plan;
  std::string scope;
  std::int64_t token = 0;
  bool frozen = true;
  bool ready = false;
  bool locked = false;          // holds the writer lock
  std::int64_t generation = 0;  // weir.generation.id
  sql::QualifiedName relation;
  std::uint64_t rows = 0;
  std::optional<pg::Transaction> transaction;  // a frozen load: from CREATE TABLE until finish()
};

struct LoadAccess {
  static Load::State const& state(Load const& load) { return *load.state_; }
  static Load make(std::unique_ptr<Load::State> state) { return Load(std::move(state)); }
};

// One writer a table: a session-level advisory lock. Busy names the session that has it.
Status take_writer_lock(pg::Session& session, sql::QualifiedName const& target);
void release_writer_lock(pg::Session& session, sql::QualifiedName const& target);

// What one scan of the loaded rows says.
struct Proof {
  std::uint64_t rows = 0;
  std::vector<std::string> relaxed;  // columns that hold NULL though the table says NOT NULL
  std::vector<std::string> notes;    // values that did not fit a shadow
};
Result<Proof> prove(pg::Session& session, Plan const& plan, sql::QualifiedName const& relation);

}  // namespace weir::swap
