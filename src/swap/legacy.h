#pragma once
// What hangs on a relation that another one is to succeed: who holds on to it from outside, and what others hung on it.
// Read while it has its name; then the holders let go, the new relation takes the name, the holders take hold again,
// and the new relation inherits the rest. All in one transaction. Names come out qualified: search_path must be
// pg_catalog (CatalogSettings).

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "swap/adopt.h"
#include "swap/swap.h"
#include "warehouse/fingerprint.h"
#include "warehouse/relation.h"

namespace weir::swap {

// One thing outside that is bound to the relation: queries/holders.sql.
struct Holder {
  std::string kind, object, owner;
  bool can_alter = false;
  std::uint32_t oid = 0;
  sql::QualifiedName name;        // where it is a relation
  std::vector<std::string> uses;  // columns of the relation
  std::string let_go, take_hold, pinned, obstacle;
  std::vector<ReplayStatement> replay;  // a materialized view is made anew: what hangs on it
};
// "view a.b (owner bi), ..."
std::string names_of(std::vector<Holder> const& holders);

struct Legacy {
  sql::QualifiedName name;
  std::string role;  // current_user
  warehouse::Relation relation;
  std::vector<Dependent> dependents;
  std::vector<Holder> holders;  // in an order in which they can take hold
  std::set<std::string> own;    // indexes, constraints, triggers ... of the relation itself
  std::vector<ReplayStatement> replay;
  std::vector<warehouse::Fact> facts;

  // "view mart.v (owner bi): it belongs to "bi"", for each holder that cannot let go.
  std::vector<std::string> obstacles() const;
  // Columns that holders use.
  std::set<std::string> used_columns() const;
};

// Nothing where there is no relation of that name.
Result<std::shared_ptr<Legacy const>> read_legacy(pg::Session& session, sql::QualifiedName const& name);

// One string: everything that holds on lets go, the outermost first, as readers lock.
std::string let_go_text(Legacy const& legacy);

// What the new relation is.
struct Heir {
  sql::QualifiedName name;
  char kind = 'r';
  sql::QualifiedName leaf;  // of a shell
  std::vector<std::string> columns;
};
// What taking hold did.
struct Hold {
  std::vector<std::string>& moved;
  std::vector<std::string>& notes;
  std::set<std::string> rewritten = {};  // all of `moved`, and what was rewritten above a view that was made anew
  std::set<std::string> remade = {};     // views that could not be replaced in place: a column has another type now
};
// A view whose columns get other types is made anew, with all that hung on it; it keeps its types by casts where that
// cannot be. Refused: a holder does not fit the new relation.
Status take_hold(pg::Session& session, Legacy const& legacy, Hold& hold);
// Owner, grants, comments, column settings at once; `deferred` gets the rest (indexes, constraints, triggers, policies
// ...), in order. Refused where something cannot stand on the new kind and is not `unfit`-archived.
Status inherit(pg::Session& session, Legacy const& legacy, Heir const& heir, ColumnPolicy unfit,
               std::vector<std::string>& deferred, std::vector<std::string>& notes);
// Refused (the same refusals as inherit()): something cannot stand on a relation of that kind.
Status check_fit(Legacy const& legacy, char kind, ColumnPolicy unfit);
// The facts of now are those of before but for what a succession changes. Gives the number of facts compared.
Result<int> verify_succession(pg::Session& session, Legacy const& legacy, Heir const& heir, Hold const& hold);

// Runs statements of inherit() that were deferred, if `relation` is still the one they are about; what was made anew
// meanwhile stays as it is.
Status run_deferred(pg::Session& session, sql::QualifiedName const& relation, std::vector<std::string> const& deferred,
                    std::vector<std::string>& notes);

// Settings of the transaction for reading the catalog and for DDL, and those of the caller again.
class CatalogSettings {
 public:
  // `first`: statements that are carried out before, in the same round trip.
  static Result<CatalogSettings> enter(pg::Session& session, std::string_view first = "");
  // The same as a statement, ahead of a query with the columns that of() reads (those of queries/plain.sql).
  static std::string_view entering();
  static CatalogSettings of(pg::Session& session, pg::Rows const& rows);
  Status leave();                                            // not needed after an error: the rollback gives them back
  std::string const& restoring() const { return restore_; }  // leave() as a statement
  // Statements that set what the caller's own text is to run with, and back again.
  std::string const& callers() const { return callers_; }
  static std::string_view ours() { return "SET LOCAL search_path = pg_catalog; SET LOCAL row_security = off"; }

 private:
  explicit CatalogSettings(pg::Session& session) : session_(&session) {}
  pg::Session* session_;
  std::string restore_, callers_;
};

}  // namespace weir::swap
