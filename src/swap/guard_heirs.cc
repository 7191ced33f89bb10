// What hung on a relation that gave its name up goes to the one that takes the name.
#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "swap/guard_state.h"

namespace weir::swap {

using sql::quote_pg;

Status Guard::State::successions() {
  for (std::size_t i = 0; i < departed.size();) {
    Departed const old = departed[i];
    WEIR_TRY(auto now, name_now(old.oid));
    if (now && *now == old.name) {  // it has its name again, or a rollback gave it back
      departed.erase(departed.begin() + static_cast<std::ptrdiff_t>(i));
      continue;
    }
    WEIR_TRY(auto heir, find(old.name.quoted()));
    if (!heir) {
      ++i;
      continue;
    }
    WEIR_DO(in_transaction([&] { return succeed(old, *heir); }));
    departed.erase(departed.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return {};
}

Status Guard::State::keep_columns(Legacy const& legacy, Found const& heir, std::vector<std::string>& names) {
  std::string ddl;
  for (std::string const& column : legacy.used_columns()) {
    if (std::find(names.begin(), names.end(), column) != names.end()) continue;
    warehouse::Column const* const was = legacy.relation.find_column(column);
    if (was == nullptr) continue;
    std::vector<Holder> users;
    for (Holder const& h : legacy.holders)
      if (std::find(h.uses.begin(), h.uses.end(), column) != h.uses.end()) users.push_back(h);
    if (options.dropped == ColumnPolicy::Hold || (heir.kind != 'r' && heir.kind != 'p'))
      return refused(fmt::format("cannot replace {}: the new one has no column \"{}\"", in_quotes(legacy.name), column),
                     names_of(users));
    ddl += fmt::format("{}ADD COLUMN {} {}", ddl.empty() ? "" : ", ", quote_pg(column), was->type);
    names.push_back(column);
    report.notes.push_back(fmt::format("column \"{}\" stays in {}, holding NULL: it is used by {}", column,
                                       in_quotes(legacy.name), names_of(users)));
  }
  if (ddl.empty()) return {};
  WEIR_DO(session.execute(fmt::format("ALTER TABLE {} {}", heir.name.quoted(), ddl)));
  return {};
}

// Where others' objects cannot be pointed at the new table: the old one comes back and takes the new one's rows. False
// where the two are not alike, and where the old one is not to go.
Result<bool> Guard::State::refill(Departed const& old, Found const& heir) {
  warehouse::Relation const& before = old.legacy->relation;
  WEIR_TRY(auto const now, name_now(old.oid));
  bool const tables = heir.kind == 'r' && (before.kind == 'r' || before.kind == 'p');
  if (!now || !old.drop_asked || !tables || before.force_row_security) return false;
  WEIR_TRY(auto const after, warehouse::load_relation(session, heir.name));
  if (!after->indexes.empty() || !after->constraints.empty() || after->columns.size() != before.columns.size())
    return false;
  std::string names;
  for (warehouse::Column const& c : after->columns) {
    warehouse::Column const* const was = before.find_column(c.name);
    if (was == nullptr || was->type != c.type || was->generated || !was->identity.empty()) return false;
    names += (names.empty() ? "" : ", ") + quote_pg(c.name);
  }
  WEIR_DO(session.execute(fmt::format("DELETE FROM {0}; INSERT INTO {0} ({1}) SELECT {1} FROM {2}; DROP TABLE {2}",
                                      now->quoted(), names, heir.name.quoted())));
  WEIR_DO(come_back(old, *now));
  report.notes.push_back(fmt::format("{} took the new rows in place: it is used by {}", in_quotes(old.name),
                                     names_of(old.legacy->holders)));
  return true;
}

Status Guard::State::succeed(Departed const& old, Found const& heir) {
  return with_settings([&]() -> Status {
    Legacy const& legacy = *old.legacy;
    if (auto const obstacles = legacy.obstacles(); !obstacles.empty()) {
      WEIR_TRY(bool const refilled, refill(old, heir));
      if (refilled) return {};
      return refused(fmt::format("cannot replace {}", in_quotes(legacy.name)), obstacles[0]);
    }
    WEIR_TRY(auto relation, warehouse::load_relation(session, heir.name));
    std::vector<std::string> names;
    for (warehouse::Column const& c : relation->columns) names.push_back(c.name);
    WEIR_DO(keep_columns(legacy, heir, names));
    Heir to{.name = heir.name, .kind = heir.kind, .leaf = {}, .columns = names};
    if (heir.kind == 'p') {
      WEIR_TRY(auto leaves, warehouse::load_leaves(session, heir.name));
      if (leaves.size() == 1) to.leaf = leaves[0].name;
    }
    std::string const stubs = let_go_text(legacy);
    if (!stubs.empty()) {
      WEIR_DO(session.execute(stubs));
    }
    Hold hold{.moved = report.moved, .notes = report.notes};
    WEIR_DO(take_hold(session, legacy, hold));
    // The names of its indexes are wanted for the new ones.
    WEIR_TRY(auto now, name_now(old.oid));
    if (now) {
      int number = 0;
      WEIR_TRY(auto before, warehouse::load_relation(session, *now));
      for (warehouse::Index const& i : before->indexes) {
        WEIR_DO(session.execute(fmt::format("ALTER INDEX {} RENAME TO {}", i.name.quoted(),
                                            quote_pg(fmt::format("parked_{}_{}", old.oid, ++number)))));
      }
    }
    std::vector<std::string> later;
    WEIR_DO(inherit(session, legacy, to, ColumnPolicy::Keep, later, report.notes));
    WEIR_TRY(int const facts, verify_succession(session, legacy, to, hold));
    static_cast<void>(facts);
    if (!later.empty()) deferred.emplace_back(heir.oid, std::move(later));
    if (!old.drop_asked || !now) return {};
    WEIR_DO(session.execute(fmt::format("DROP {} {}", drop_word(legacy.relation.kind), now->quoted())));
    return {};
  });
}

}  // namespace weir::swap
