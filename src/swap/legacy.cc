#include "swap/legacy.h"

#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>

#include "base/text.h"
#include "warehouse/query.h"

namespace weir::swap {
namespace {

using warehouse::Fact;

Result<std::vector<Holder>> load_holders(pg::Session& session, Legacy& legacy) {
  WEIR_TRY(auto rows, warehouse::catalog_rows(session, "holders", {{"root", legacy.name.quoted()}}));
  std::vector<Holder> holders;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows.text(i, 0) == "own") {
      legacy.own.insert(std::string(rows.text(i, 1)));
      continue;
    }
    holders.push_back({.kind = std::string(rows.text(i, 0)),
                       .object = std::string(rows.text(i, 1)),
                       .owner = std::string(rows.text(i, 2)),
                       .can_alter = rows.boolean(i, 3),
                       .oid = static_cast<std::uint32_t>(rows.integer(i, 4)),
                       .name = {std::string(rows.text(i, 5)), std::string(rows.text(i, 6))},
                       .uses = rows.array(i, 7),
                       .let_go = std::string(rows.text(i, 8)),
                       .take_hold = std::string(rows.text(i, 9)),
                       .pinned = std::string(rows.text(i, 10)),
                       .obstacle = std::string(rows.text(i, 11)),
                       .replay = {}});
  }
  return holders;
}

// A materialized view may read views that took hold again: the order of the dependents is one of creation.
void order_by_depth(std::vector<Holder>& holders, std::vector<Dependent> const& dependents) {
  std::map<std::string, std::size_t> place;
  for (std::size_t i = 0; i < dependents.size(); ++i) place.emplace(dependents[i].object, i);
  auto const of = [&](Holder const& h) {
    auto const found = place.find(h.object);
    return found == place.end() ? dependents.size() : found->second;
  };
  std::stable_sort(holders.begin(), holders.end(), [&](Holder const& a, Holder const& b) { return of(a) < of(b); });
}

// "SET LOCAL ROLE g; GRANT ...; RESET ROLE" must end as the role that is at work, which need not be the login's.
std::string back_to(std::string sql, std::string const& role) {
  static constexpr std::string_view kReset = "; RESET ROLE";
  if (!sql.ends_with(kReset)) return sql;
  sql.resize(sql.size() - kReset.size());
  return sql + "; SET LOCAL ROLE " + sql::quote_pg(role);
}

std::string_view comment_word(char kind) {
  switch (kind) {
    case 'v':
      return "VIEW";
    case 'm':
      return "MATERIALIZED VIEW";
    default:
      return "TABLE";
  }
}

// The orders of queries/replay.sql.
enum class Part { Now, Column, Later, Never };

Part part_of(int order) {
  if (order == 10 || (order >= 70 && order <= 80) || order == 83 || order >= 90) return Part::Now;
  if (order == 20 || order == 21 || order == 81) return Part::Column;
  return Part::Later;
}

bool is_shell_or_table(char kind) {
  return kind == 'r' || kind == 'p';
}

// What can stand on a relation of the kind.
bool fits(ReplayStatement const& s, char kind) {
  int const order = s.order;
  bool const table = is_shell_or_table(kind);
  if (order == 20) return table || (kind == 'm' && s.sql.find(" SET COMPRESSION ") == std::string::npos);
  if (order == 21) return kind == 'v';
  if (order == 28 || order == 30 || order == 60 || order == 54 || order == 55 || order == 90) return table;
  if (order >= 31 && order <= 41) return table || kind == 'm';
  if (order == 82 && (s.sql.starts_with("COMMENT ON INDEX ") || s.sql.starts_with("COMMENT ON STATISTICS ")))
    return table || kind == 'm';
  if (order == 82 && (s.sql.starts_with("COMMENT ON CONSTRAINT ") || s.sql.starts_with("COMMENT ON POLICY ")))
    return table;
  bool const instead = s.sql.find(" INSTEAD OF ") != std::string::npos;
  if (order == 52) return instead ? kind == 'v' : table;
  if (order == 50 || order == 51 || order == 53) return kind != 'm';
  return true;
}

// Without it a table or view is what it was; a policy or a trigger is another matter.
bool is_expendable(ReplayStatement const& s) {
  if (s.order >= 20 && s.order <= 41) return true;
  return s.order == 60 || s.order == 82 || s.order == 90;
}

bool names_missing_column(ReplayStatement const& s, Legacy const& legacy, Heir const& heir) {
  for (warehouse::Column const& c : legacy.relation.columns) {
    if (std::find(heir.columns.begin(), heir.columns.end(), c.name) != heir.columns.end()) continue;
    std::string const shown = sql::quote_pg_if_needed(c.name);
    if (s.sql.find(" COLUMN " + shown + " ") != std::string::npos ||
        s.sql.find("." + shown + " IS ") != std::string::npos || s.sql.find("(" + shown + ")") != std::string::npos)
      return true;
  }
  return false;
}

Error does_not_fit(Legacy const& legacy, std::string what, std::string why) {
  return Error(ErrorKind::Refused, fmt::format("cannot replace {}: {}", in_quotes(legacy.name), what))
      .object(legacy.name.text())
      .cause(std::move(why))
      .state("nothing was changed once this transaction is rolled back")
      .next("change or drop that object, or keep the relation as it is");
}

Error cannot_take_hold(Legacy const& legacy, Holder const& holder, Error error) {
  Error refused = does_not_fit(legacy, fmt::format("{} (owner {}) would not survive", holder.object, holder.owner),
                               error.message());
  refused.sqlstate(error.sqlstate());
  return refused;
}

// In a savepoint. False: refused by the server with `state`, and undone.
Result<bool> try_statement(pg::Session& session, std::string const& sql, std::span<std::string_view const> states) {
  auto done = session.execute("SAVEPOINT weir_try; " + sql + "; RELEASE SAVEPOINT weir_try");
  if (done.ok()) return true;
  if (session.is_broken() ||
      std::find(states.begin(), states.end(), std::string_view(done.error().sqlstate())) == states.end())
    return std::move(done).error();
  WEIR_DO(session.execute("ROLLBACK TO SAVEPOINT weir_try; RELEASE SAVEPOINT weir_try"));
  return false;
}

// The statement of queries/replay.sql is about this relation, or about something that stands on its own (a leaf, a
// statistics object).
bool names_relation(std::string const& sql, sql::QualifiedName const& relation) {
  return sql.find(relation.text()) != std::string::npos || sql.find("weir_data.") != std::string::npos ||
         sql.find("\"weir_data\".") != std::string::npos || sql.starts_with("COMMENT ON ") ||
         sql.starts_with("ALTER STATISTICS ") || sql.starts_with("ALTER INDEX ");
}

// An index of the same definition is there already, whatever its name.
bool has_index(warehouse::Relation const& relation, std::string const& sql) {
  bool const unique = sql.starts_with("CREATE UNIQUE INDEX ");
  if (!unique && !sql.starts_with("CREATE INDEX ")) return false;
  std::size_t const using_at = sql.find(" USING ");
  if (using_at == std::string::npos) return false;
  std::string const tail = sql.substr(using_at + 1);
  return std::any_of(relation.indexes.begin(), relation.indexes.end(),
                     [&](warehouse::Index const& i) { return i.unique == unique && i.tail == tail; });
}

std::string as_heir(ReplayStatement const& s, Legacy const& legacy, Heir const& heir) {
  std::string sql = back_to(s.sql, legacy.role);
  std::string const was = fmt::format("COMMENT ON {} ", comment_word(legacy.relation.kind));
  if (s.order == 80 && sql.starts_with(was))
    sql = fmt::format("COMMENT ON {} {}", comment_word(heir.kind), sql.substr(was.size()));
  if (s.order == 21) return sql;
  if (heir.leaf.name.empty()) return sql;
  // On a shell, keys and unique indexes stand on the leaf.
  std::string const table = legacy.name.text();
  if (s.order == 30) {
    std::string const head = "ALTER TABLE " + table + " ";
    if (sql.starts_with(head)) sql = "ALTER TABLE " + heir.leaf.quoted() + " " + sql.substr(head.size());
  }
  if (s.order == 31 && sql.starts_with("CREATE UNIQUE INDEX"))
    sql = replace_all(std::move(sql), " ON " + table + " ", " ON " + heir.leaf.quoted() + " ");
  return sql;
}

}  // namespace

std::string names_of(std::vector<Holder> const& holders) {
  std::string text;
  for (Holder const& h : holders) text += fmt::format("{}{} (owner {})", text.empty() ? "" : ", ", h.object, h.owner);
  return text;
}

std::vector<std::string> Legacy::obstacles() const {
  std::vector<std::string> why;
  for (Holder const& h : holders) {
    if (!h.obstacle.empty()) why.push_back(fmt::format("{} (owner {}): {}", h.object, h.owner, h.obstacle));
    if (h.obstacle.empty() && !h.can_alter)
      why.push_back(fmt::format("{} belongs to \"{}\", and role \"{}\" may not point it at another relation", h.object,
                                h.owner, role));
  }
  if (!relation.extension.empty()) why.push_back("it belongs to extension " + relation.extension);
  return why;
}

std::set<std::string> Legacy::used_columns() const {
  std::set<std::string> columns;
  for (Holder const& h : holders) columns.insert(h.uses.begin(), h.uses.end());
  return columns;
}

Result<std::shared_ptr<Legacy const>> read_legacy(pg::Session& session, sql::QualifiedName const& name) {
  auto legacy = std::make_shared<Legacy>();
  legacy->name = name;
  WEIR_TRY(auto relation, warehouse::load_relation(session, name));
  if (!relation) return std::shared_ptr<Legacy const>();
  legacy->relation = std::move(*relation);
  WEIR_TRY(auto role, session.query("SELECT current_user"));
  legacy->role = role.text(0, 0);
  WEIR_TRY(legacy->dependents, warehouse::load_dependents(session, name, warehouse::Definitions::Omit));
  WEIR_TRY(legacy->holders, load_holders(session, *legacy));
  order_by_depth(legacy->holders, legacy->dependents);
  for (Holder& h : legacy->holders) {
    if (h.kind != "materialized view") continue;
    WEIR_TRY(h.replay, load_replay(session, h.name));
  }
  WEIR_TRY(legacy->replay, load_replay(session, name));
  WEIR_TRY(legacy->facts, warehouse::load_fingerprint(session, name, warehouse::Definitions::Print));
  return std::shared_ptr<Legacy const>(std::move(legacy));
}

std::string let_go_text(Legacy const& legacy) {
  std::string text;
  bool functions = false;
  for (auto h = legacy.holders.rbegin(); h != legacy.holders.rend(); ++h) {
    functions = functions || h->kind == "function";
    text += h->let_go + "; ";
  }
  return functions ? "SET LOCAL check_function_bodies = off; " + text : text;
}

// The view is a stub by now: nobody loses anything when it goes and comes back with other column types.
Result<bool> remake_view(pg::Session& session, Holder const& holder, Hold& hold) {
  WEIR_TRY(auto own, read_legacy(session, holder.name));
  if (!own || !own->obstacles().empty()) return false;
  WEIR_DO(session.execute(let_go_text(*own) + "DROP VIEW " + holder.name.quoted() + "; " + holder.take_hold));
  hold.remade.insert(holder.object);
  WEIR_DO(take_hold(session, *own, hold));
  Heir heir{.name = holder.name, .kind = 'v', .leaf = {}, .columns = {}};
  for (warehouse::Column const& c : own->relation.columns) heir.columns.push_back(c.name);
  std::vector<std::string> later;
  WEIR_DO(inherit(session, *own, heir, ColumnPolicy::Keep, later, hold.notes));
  WEIR_DO(run_deferred(session, holder.name, later, hold.notes));
  return true;
}

Status take_hold(pg::Session& session, Legacy const& legacy, Hold& hold) {
  for (Holder const& h : legacy.holders) {
    static constexpr std::array<std::string_view, 1> kOtherColumns{"42P16"};
    auto done =
        try_statement(session, h.take_hold, h.pinned.empty() ? std::span<std::string_view const>() : kOtherColumns);
    if (!done.ok()) return cannot_take_hold(legacy, h, std::move(done).error());
    if (!*done) {
      auto remade = remake_view(session, h, hold);
      if (!remade.ok()) return cannot_take_hold(legacy, h, std::move(remade).error());
      if (!*remade) {
        auto pinned = session.execute(h.pinned);
        if (!pinned.ok()) return cannot_take_hold(legacy, h, std::move(pinned).error());
        hold.notes.push_back(fmt::format("{} keeps its column types: what stands above it expects them", h.object));
      }
    }
    for (ReplayStatement const& s : h.replay) {
      auto replayed = session.execute(back_to(s.sql, legacy.role));
      if (!replayed.ok()) return cannot_take_hold(legacy, h, std::move(replayed).error());
    }
    hold.moved.push_back(h.object);
    hold.rewritten.insert(h.object);
  }
  return {};
}

Status check_fit(Legacy const& legacy, char kind, ColumnPolicy unfit) {
  for (ReplayStatement const& s : legacy.replay) {
    if (fits(s, kind) || s.order == 20 || s.order == 21 || s.order == 81 || s.order == 90) continue;
    if (!is_expendable(s) || unfit == ColumnPolicy::Hold)
      return does_not_fit(legacy, fmt::format("what stands on it cannot stand on a {}", relkind_name(kind)), s.sql);
  }
  return {};
}

Status inherit(pg::Session& session, Legacy const& legacy, Heir const& heir, ColumnPolicy unfit,
               std::vector<std::string>& deferred, std::vector<std::string>& notes) {
  WEIR_DO(check_fit(legacy, heir.kind, unfit));
  std::string now;
  for (ReplayStatement const& s : legacy.replay) {
    if (!fits(s, heir.kind)) {
      if (s.order == 20 || s.order == 21 || s.order == 81 || s.order == 90) continue;
      WEIR_DO(session.query(
          "INSERT INTO weir.archive (object, kind, owner, definition, reason) VALUES ($1, $2, $3, $4, $5)",
          {legacy.name.text(), "part", legacy.relation.owner, s.sql,
           fmt::format("{} became a {}", in_quotes(legacy.name), relkind_name(heir.kind))}));
      notes.push_back(fmt::format("cannot stand on a {}, kept in weir.archive: {}", relkind_name(heir.kind), s.sql));
      continue;
    }
    if (names_missing_column(s, legacy, heir)) continue;
    std::string sql = as_heir(s, legacy, heir);
    if (part_of(s.order) == Part::Later)
      deferred.push_back(std::move(sql));
    else
      now += sql + "; ";
  }
  if (now.empty()) return {};
  auto done = session.execute(now);
  if (!done.ok())
    return std::move(done).error().context(fmt::format("giving {} what hung on it before", in_quotes(legacy.name)));
  return {};
}

Status run_deferred(pg::Session& session, sql::QualifiedName const& relation, std::vector<std::string> const& deferred,
                    std::vector<std::string>& notes) {
  // 42710, 42P07: an object of that name is there; 42P16: a second primary key; the rest: the new rows or columns do
  // not allow it.
  static constexpr std::array<std::string_view, 9> kNotAgain{"42710", "42P07", "42P16", "42703", "42704",
                                                             "23505", "23514", "23502", "23503"};
  WEIR_TRY(auto now, warehouse::load_relation(session, relation));
  if (!now) return {};
  for (std::string const& sql : deferred) {
    if (!names_relation(sql, relation)) continue;
    if (has_index(*now, sql)) continue;
    WEIR_TRY(bool const done, try_statement(session, sql, kNotAgain));
    if (!done) notes.push_back(fmt::format("not made again: {}", sql));
  }
  return {};
}

Result<int> verify_succession(pg::Session& session, Legacy const& legacy, Heir const& heir, Hold const& hold) {
  WEIR_TRY(auto after, warehouse::load_fingerprint(session, heir.name, warehouse::Definitions::Print));
  std::set<std::string> rewritten, anew;
  for (Holder const& h : legacy.holders) {
    rewritten.insert(h.object);
    if (h.kind == "materialized view") anew.insert(h.object);
  }
  rewritten.insert(hold.rewritten.begin(), hold.rewritten.end());
  anew.insert(hold.remade.begin(), hold.remade.end());
  std::set<std::string> columns;  // that both have
  for (warehouse::Column const& c : legacy.relation.columns)
    if (std::find(heir.columns.begin(), heir.columns.end(), c.name) != heir.columns.end())
      columns.insert("relation column " + sql::quote_pg_if_needed(c.name));
  auto const accounted = [&](Fact const& f) {
    if (f.object == "relation")
      return f.aspect != "owner" && f.aspect != "grant" && f.aspect != "comment" && f.aspect != "security label";
    if (f.object.starts_with("relation column "))
      return !columns.contains(f.object) ||
             (f.aspect != "grant" && f.aspect != "comment" && f.aspect != "security label");
    if (f.object == "leaf" || legacy.own.contains(f.object)) return true;
    if (rewritten.contains(f.object))
      return f.aspect == "stored rule" || f.aspect == "definition" || (anew.contains(f.object) && f.aspect == "oid");
    for (std::string const& view : hold.remade)
      if (f.object.starts_with(view + " column ")) return f.aspect == "type";
    for (std::string const& m : anew)
      if (f.object.starts_with("index ") && f.aspect == "oid" && m.starts_with("materialized view ")) return true;
    return false;
  };
  warehouse::FactDifference const difference = compare(legacy.facts, after);
  std::string told;
  int count = 0;
  auto const tell = [&](std::string_view sign, Fact const& fact) {
    if (++count <= 10) told += fmt::format("{}{} {}", told.empty() ? "" : "; ", sign, fact.text());
  };
  for (Fact const& f : difference.lost)
    if (!accounted(f)) tell("lost:", f);
  for (Fact const& f : difference.gained) {
    // What the new relation brings of its own.
    bool const of_heir = f.object.starts_with("relation column ") || f.object.starts_with("index ") ||
                         f.object.starts_with("constraint ") || f.object.starts_with("default value ");
    if (!accounted(f) && !of_heir) tell("new:", f);
  }
  if (count == 0) return static_cast<int>(after.size());
  return Error(ErrorKind::Refused,
               fmt::format("could not replace {}: {} would differ afterwards", in_quotes(legacy.name),
                           plural(static_cast<std::uint64_t>(count), "catalog fact")))
      .object(legacy.name.text())
      .cause(told)
      .state("nothing was changed once this transaction is rolled back")
      .next("if somebody changed these objects just now, run it again; else report this as a bug of weir");
}

std::string_view CatalogSettings::entering() {
  return R"(SELECT set_config('weir.' || name, current_setting(name), true), set_config(name, value, true)
FROM (VALUES ('lock_timeout', '3s'), ('row_security', 'off'), ('client_min_messages', 'warning'), ('search_path', 'pg_catalog')) weir(name, value))";
}

Result<CatalogSettings> CatalogSettings::enter(pg::Session& session, std::string_view first) {
  if (first.empty() && session.transaction_state() != pg::TransactionState::InTransaction)
    return Error(ErrorKind::Internal, "a relation was worked on without an open transaction");
  WEIR_TRY(auto rows, session.execute(fmt::format(R"({}{}{};
SELECT current_setting('weir.search_path') AS search_path, current_setting('weir.lock_timeout') AS lock_timeout,
       current_setting('weir.row_security') AS row_security, current_setting('weir.client_min_messages') AS client_min_messages)",
                                                  first, first.empty() ? "" : "; ", entering())));
  return of(session, rows);
}

CatalogSettings CatalogSettings::of(pg::Session& session, pg::Rows const& rows) {
  static constexpr std::array<std::string_view, 4> kNames{"search_path", "lock_timeout", "row_security",
                                                          "client_min_messages"};
  CatalogSettings settings(session);
  std::string_view const path = rows.text(0, "search_path");
  settings.callers_ = fmt::format("SET LOCAL search_path = {}; SET LOCAL row_security = {}", path.empty() ? "''" : path,
                                  rows.text(0, "row_security"));
  for (auto const name : kNames)
    settings.restore_ += fmt::format("{}set_config('{}', {}, true)", settings.restore_.empty() ? "SELECT " : ", ", name,
                                     sql::literal_pg(rows.text(0, name)));
  return settings;
}

Status CatalogSettings::leave() {
  WEIR_DO(session_->execute(restore_));
  return {};
}

}  // namespace weir::swap
