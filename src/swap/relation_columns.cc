// Columns of a table that keeps its rows: added, dropped, retyped in place.

#include <algorithm>

#include <fmt/format.h>

#include "swap/columns.h"
#include "swap/publish.h"
#include "swap/relation_parts.h"

namespace weir::swap {
namespace {

using sql::quote_pg;

std::vector<Holder> users(Legacy const& legacy, std::string_view column) {
  std::vector<Holder> found;
  for (Holder const& h : legacy.holders)
    if (std::find(h.uses.begin(), h.uses.end(), column) != h.uses.end()) found.push_back(h);
  return found;
}

class ColumnChanger {
 public:
  ColumnChanger(pg::Session& session, Legacy const& legacy, ColumnPolicy dropped, RelationReport& report)
      : session_(session), legacy_(legacy), dropped_(dropped), report_(report) {}

  Status plan(std::span<ColumnChange const> changes) {
    for (ColumnChange const& change : changes) {
      warehouse::Column const* const has = legacy_.relation.find_column(change.column);
      if (change.what == ColumnChange::What::Add) {
        act(fmt::format("ADD COLUMN {} {}", quote_pg(change.column), change.type));
        continue;
      }
      if (has == nullptr)
        return Error(ErrorKind::Refused,
                     fmt::format("table {} has no column \"{}\"", in_quotes(legacy_.name), change.column))
            .object(legacy_.name.text())
            .state("nothing was changed");
      if (change.what == ColumnChange::What::Drop) {
        WEIR_DO(drop(*has));
      } else {
        retype(*has, change);
      }
    }
    return {};
  }

  // One string: holders let go, the table changes.
  Result<std::string> text() {
    std::string sql;
    if (!let_go_.empty()) sql += let_go_text(moved());
    if (!let_go_.empty()) {
      WEIR_TRY(auto policies,
               session_.query("SELECT polname FROM pg_policy WHERE polrelid = $1::regclass", {legacy_.name.quoted()}));
      for (std::size_t i = 0; i < policies.size(); ++i)
        sql += fmt::format("DROP POLICY {} ON {}; ", quote_pg(policies.text(i, 0)), legacy_.name.quoted());
      policies_dropped_ = policies.size() > 0;
    }
    return sql + fmt::format("LOCK TABLE {0} IN ACCESS EXCLUSIVE MODE NOWAIT; ALTER TABLE {0} {1}",
                             legacy_.name.quoted(), actions_);
  }
  Hold const& hold() const { return hold_; }
  bool nothing() const { return actions_.empty(); }

  Status give_back() {
    WEIR_DO(take_hold(session_, moved(), hold_));
    if (!policies_dropped_) return {};
    for (ReplayStatement const& s : legacy_.replay)
      if (s.order == 54 || (s.order == 82 && s.sql.starts_with("COMMENT ON POLICY "))) {
        WEIR_DO(session_.execute(s.sql));
      }
    return {};
  }

 private:
  void act(std::string action) { actions_ += (actions_.empty() ? "" : ", ") + std::move(action); }

  Status drop(warehouse::Column const& column) {
    auto const used_by = users(legacy_, column.name);
    if (used_by.empty()) {
      act(fmt::format("DROP COLUMN {}", quote_pg(column.name)));
      return {};
    }
    if (dropped_ == ColumnPolicy::Hold)
      return Error(ErrorKind::Refused,
                   fmt::format("cannot drop column \"{}\" of {}", column.name, in_quotes(legacy_.name)))
          .object(legacy_.name.text())
          .cause("it is used by " + names_of(used_by))
          .state("nothing was changed")
          .next("keep the column, or change what uses it");
    if (column.not_null) act(fmt::format("ALTER COLUMN {} DROP NOT NULL", quote_pg(column.name)));
    report_.notes.push_back(
        fmt::format("column \"{}\" stays, new rows hold NULL: it is used by {}", column.name, names_of(used_by)));
    return {};
  }

  void retype(warehouse::Column const& column, ColumnChange const& change) {
    if (normal_type(column.type) == normal_type(change.type)) return;
    std::string const name = quote_pg(column.name);
    if (column.default_expression && !column.generated) act(fmt::format("ALTER COLUMN {} DROP DEFAULT", name));
    act(fmt::format("ALTER COLUMN {0} TYPE {1} USING {2}", name, change.type,
                    change.using_.empty() ? fmt::format("{}::{}", name, change.type) : change.using_));
    if (column.default_expression && !column.generated)
      act(fmt::format("ALTER COLUMN {} SET DEFAULT ({})::{}", name, *column.default_expression, change.type));
    let_go_.insert(column.name);
  }

  // The holders that use a retyped column; a materialized view is made anew, and so its own users let go as well.
  Legacy const& moved() {
    if (moved_) return *moved_;
    moved_ = legacy_;
    bool anew = false;
    auto const uses = [&](Holder const& h) {
      return std::any_of(h.uses.begin(), h.uses.end(), [&](std::string const& c) { return let_go_.contains(c); });
    };
    for (Holder const& h : legacy_.holders) anew = anew || (h.kind == "materialized view" && uses(h));
    std::erase_if(moved_->holders, [&](Holder const& h) { return !uses(h) && !(anew && h.uses.empty()); });
    return *moved_;
  }

  pg::Session& session_;
  Legacy const& legacy_;
  ColumnPolicy const dropped_;
  RelationReport& report_;
  std::string actions_;
  std::set<std::string> let_go_;
  std::optional<Legacy> moved_;
  Hold hold_{.moved = report_.moved, .notes = report_.notes};
  bool policies_dropped_ = false;
};

Status check_movable(Legacy const& legacy, std::span<ColumnChange const> changes) {
  for (ColumnChange const& change : changes) {
    if (change.what != ColumnChange::What::Retype) continue;
    for (Holder const& h : users(legacy, change.column))
      if (!h.obstacle.empty() || !h.can_alter)
        return Error(ErrorKind::Refused, fmt::format("cannot change the type of column \"{}\" of {}", change.column,
                                                     in_quotes(legacy.name)))
            .object(legacy.name.text())
            .cause(fmt::format("{} (owner {}) uses it: {}", h.object, h.owner,
                               h.obstacle.empty() ? "it belongs to another role" : h.obstacle))
            .state("nothing was changed")
            .next("change what uses the column, or build the table anew");
  }
  return {};
}

}  // namespace

Result<RelationReport> change_columns(pg::Session& session, sql::QualifiedName const& table,
                                      std::span<ColumnChange const> changes, ColumnPolicy dropped,
                                      PublishLimits const& limits) {
  RelationReport report;
  report.target = table;
  report.way = Way::Merge;
  WEIR_TRY(auto settings, CatalogSettings::enter(session));
  WEIR_TRY(auto legacy, read_legacy(session, table));
  if (!legacy || (legacy->relation.kind != 'r' && legacy->relation.kind != 'p'))
    return Error(ErrorKind::Refused, fmt::format("cannot change the columns of {}: it is no table", in_quotes(table)))
        .object(table.text());
  WEIR_DO(check_movable(*legacy, changes));
  ColumnChanger changer(session, *legacy, dropped, report);
  WEIR_DO(changer.plan(changes));
  if (changer.nothing()) {
    WEIR_DO(settings.leave());
    return report;
  }
  WEIR_TRY(std::string const text, changer.text());
  PublishOptions options;
  options.stop = limits.stop;
  Publication p{.session = session,
                .plan = {},
                .relation = {},
                .generation = 0,
                .rows = 0,
                .relaxed = {},
                .options = options,
                .report = {},
                .started = {},
                .locked_at = {},
                .before = {},
                .careful = false,
                .patience = limits.window};
  Status done = with_exclusive_lock(p, "", text);
  if (!done.ok()) return std::move(done).error().context(fmt::format("changing the columns of {}", in_quotes(table)));
  WEIR_DO(changer.give_back());
  WEIR_TRY(auto now, describe_relation(session, table.quoted()));
  Heir heir{.name = table, .kind = legacy->relation.kind, .leaf = {}, .columns = {}};
  for (DescribedColumn const& c : now) heir.columns.push_back(c.name);
  WEIR_TRY(report.facts_verified, verify_succession(session, *legacy, heir, changer.hold()));
  report.lock_tries = p.report.lock_tries;
  if (p.locked_at != Duration::zero()) report.locked = system_clock().monotonic() - p.locked_at;
  WEIR_DO(settings.leave());
  return report;
}

}  // namespace weir::swap
