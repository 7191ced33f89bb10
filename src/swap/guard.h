#pragma once
// Statements that a project says itself, run so that nobody else loses anything. A relation that is dropped or renamed
// away while others depend on it stays, under another name, until a new relation takes its name; then everything that
// hung on the old one moves to the new one, in the same transaction, with proof. What nothing depends on is dropped as
// asked, never by CASCADE.
//
// One Guard a session and a piece of work (a node of a run); it belongs to the session's thread. Statements run in the
// transaction that is open, or in one of their own. finish() ends the piece of work: what was dropped and never came
// back is put back where others depend on it. A rollback of the caller's undoes what the guard did; the guard notices.
// Errors: those of the server; Refused where something would be lost, naming it: then roll back.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "pg/session.h"
#include "sql/name.h"
#include "swap/swap.h"

namespace weir::swap {

enum class CascadePolicy {
  Keep,   // others' objects stay
  Allow,  // DROP ... CASCADE in the project's text runs as it stands; the report says what it took
};

struct GuardOptions {
  CascadePolicy policy = CascadePolicy::Keep;
  ColumnPolicy dropped =
      ColumnPolicy::Keep;  // a column that dependents use and the new relation has not: Keep (NULL) or Hold
};

struct GuardReport {
  std::vector<std::string> moved;  // dependents that are bound to a new relation now
  std::vector<std::string> kept;   // what was to be dropped and stays, with the reason
  std::vector<std::string> taken;  // what a CASCADE took (CascadePolicy::Allow) or a dropped schema held
  std::vector<std::string> notes;
};

class Guard {
 public:
  explicit Guard(pg::Session& session, GuardOptions options = {});
  Guard(Guard&&) noexcept;
  ~Guard();

  // One or more statements. The answer is that of the last one.
  Result<pg::Rows> execute(std::string_view text);

  // The same as a statement would, by name; nothing happens where there is no such relation.
  Status drop(sql::QualifiedName const& relation);
  Status rename(sql::QualifiedName const& from, sql::QualifiedName const& to);
  Status truncate(sql::QualifiedName const& relation);
  Status drop_schema(std::string const& schema);

  // Behind the last statement, in the caller's transaction or without one.
  Status finish();
  GuardReport take_report();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir::swap
