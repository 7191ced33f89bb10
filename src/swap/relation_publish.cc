// The short part: what was prepared becomes the relations of its names, all of it or nothing.

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/test_hooks.h"
#include "base/text.h"
#include "sql/statement.h"
#include "swap/leaf.h"
#include "swap/load.h"
#include "swap/publish.h"
#include "swap/relation_parts.h"
#include "swap/statistics.h"

namespace weir::swap {
namespace {

using sql::quote_pg;

// Publishes one relation, in one try.
class Publisher {
 public:
  Publisher(pg::Session& session, Prepared const& prepared, CatalogSettings const& settings,
            PublishOptions const& options, Duration patience)
      : session_(session),
        prepared_(prepared),
        plan_(prepared.plan),
        settings_(settings),
        p_{.session = session,
           .plan = {},
           .relation = prepared.relation,
           .generation = prepared.generation,
           .rows = prepared.rows,
           .relaxed = prepared.relaxed,
           .options = options,
           .report = {},
           .started = {},
           .locked_at = {},
           .before = {},
           .has_facts = false,
           .careful = false,
           .patience = patience} {
    report_.target = plan_.definition.target;
    report_.kind = plan_.definition.kind;
    report_.way = plan_.way;
    report_.rows = prepared.rows;
    report_.notes = prepared.notes;
  }

  // All of the exchange of a leaf that needs no lock: publish() then holds it for as long as the rest takes.
  Status begin_exchange() {
    WEIR_DO(plan_exchange());
    WEIR_DO(take_facts(p_));
    p_.has_facts = true;
    return {};
  }

  Result<RelationReport> publish() {
    WEIR_DO(by_way());
    report_.lock_tries = p_.report.lock_tries;
    report_.notes.insert(report_.notes.end(), p_.report.notes.begin(), p_.report.notes.end());
    if (p_.locked_at != Duration::zero()) report_.locked = system_clock().monotonic() - p_.locked_at;
    return std::move(report_);
  }

 private:
  Status by_way() {
    switch (plan_.way) {
      case Way::Create:
        return create();
      case Way::Leaf:
      case Way::Adopt:
        return exchange();
      case Way::Merge:
        return merge();
      case Way::Replace:
        return replace();
      case Way::Succeed:
        return succeed();
      case Way::Refresh:
        return refresh();
    }
    return Error(ErrorKind::Internal, "a relation without a way was published");
  }

  std::string target() const { return plan_.definition.target.quoted(); }
  bool is_table() const { return plan_.definition.kind == RelationKind::Table; }
  bool is_shell() const { return is_table() && plan_.shape != Shape::Ordinary; }

  // The statements that make the new relation stand at its name, which is free by then.
  Result<std::string> taking_the_name(Legacy const* legacy) {
    RelationDefinition const& d = plan_.definition;
    std::string text;
    if (!plan_.capture->schema_exists)
      text = fmt::format("CREATE SCHEMA IF NOT EXISTS {}; ", quote_pg(d.target.schema));
    if (is_shell()) {
      WEIR_TRY(auto leaf, warehouse::load_relation(session_, prepared_.relation));
      if (!leaf) return gone();
      WEIR_TRY(p_.plan, plan_new_table(plan_, *leaf));
      heir_ = {.name = d.target, .kind = 'p', .leaf = prepared_.relation, .columns = names(leaf->columns)};
      return text + fmt::format("{}; ALTER TABLE {} ATTACH PARTITION {} DEFAULT", shell_ddl(p_.plan), target(),
                                prepared_.relation.quoted());
    }
    bool const materialized = d.kind == RelationKind::MaterializedView;
    bool const made = !prepared_.relation.name.empty();
    if (is_table() || (materialized && made)) {
      WEIR_TRY(auto table, warehouse::load_relation(session_, prepared_.relation));
      if (!table) return gone();
      heir_ = {.name = d.target, .kind = table->kind, .leaf = {}, .columns = names(table->columns)};
      std::string_view const word = materialized ? "MATERIALIZED VIEW" : "TABLE";
      sql::QualifiedName const moved{d.target.schema, prepared_.relation.name};
      return text + fmt::format("ALTER {0} {1} SET SCHEMA {2}; ALTER {0} {3} RENAME TO {4}", word,
                                prepared_.relation.quoted(), quote_pg(d.target.schema), moved.quoted(),
                                quote_pg(d.target.name));
    }
    std::string const query = legacy == nullptr ? d.query : query_with_kept(d.query, *legacy, plan_.columns);
    bool const same_kind = legacy != nullptr && legacy->relation.kind == (materialized ? 'm' : 'v');
    heir_ = {.name = d.target, .kind = materialized ? 'm' : 'v', .leaf = {}, .columns = {}};
    return text + fmt::format("{}; CREATE {} {}{} AS {}\n; {}", settings_.callers(),
                              materialized ? "MATERIALIZED VIEW" : "VIEW", target(),
                              with_options(d.options, same_kind ? legacy->relation.options : ""), query,
                              CatalogSettings::ours());
  }

  Status create() {
    WEIR_TRY(std::string const text, taking_the_name(nullptr));
    WEIR_DO(session_.execute(text));
    return settle_table();
  }

  Status succeed() {
    WEIR_TRY(auto legacy, read_legacy(session_, plan_.definition.target));
    if (!legacy) return changed("it is gone");
    for (std::string const& why : legacy->obstacles()) return changed(why);
    WEIR_TRY(std::string const take, taking_the_name(legacy.get()));
    char const kind = legacy->relation.kind;
    std::string text = let_go_text(*legacy);
    if (kind == 'r' || kind == 'p') text += fmt::format("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE NOWAIT; ", target());
    text += fmt::format("DROP {} {}; ", kind == 'v' ? "VIEW" : kind == 'm' ? "MATERIALIZED VIEW" : "TABLE", target());
    crash_point("kB2");
    WEIR_DO(with_exclusive_lock(p_, "", text + take));
    if (heir_.columns.empty()) {
      WEIR_TRY(auto columns, describe_relation(session_, target()));
      for (DescribedColumn const& c : columns) heir_.columns.push_back(c.name);
      for (warehouse::Column const* c : kept_columns(*legacy, plan_.columns))
        report_.notes.push_back(fmt::format(
            "column \"{}\" is not in the query any more and stays, holding NULL: dependents use it", c->name));
    }
    WEIR_DO(settle_table());
    Hold hold{.moved = report_.moved, .notes = report_.notes};
    WEIR_DO(take_hold(session_, *legacy, hold));
    WEIR_DO(inherit(session_, *legacy, heir_, plan_.definition.unfit, report_.to_complete, report_.notes));
    // Indexes of an earlier definition are not given back: the definition says what there is.
    std::erase_if(report_.to_complete,
                  [](std::string const& sql) { return is_derived_index_name(sql::read_ddl(sql).new_name); });
    crash_point("kB3");
    WEIR_TRY(report_.facts_verified, verify_succession(session_, *legacy, heir_, hold));
    return {};
  }

  // The leaf of a shell, or the storage of an ordinary table that becomes one.
  Status exchange() {
    if (!p_.has_facts) {
      WEIR_DO(plan_exchange());
    }
    WEIR_DO(p_.plan.adopts_table ? adopt_table(p_) : swap_leaf(p_));
    crash_point("kB4");
    WEIR_DO(verify(p_));
    report_.facts_verified = p_.report.dependents_verified;
    return settle_table();
  }

  Status plan_exchange() {
    WEIR_DO(plan_in_place(Method::Shell));
    if (p_.plan.creates_table) return changed("it is gone");
    if (p_.plan.adopts_table != (plan_.way == Way::Adopt)) return changed("another kind of relation stands there now");
    WEIR_DO(queue_politely(p_));
    return complete_again(p_);
  }

  Status merge() {
    WEIR_DO(plan_in_place(Method::Merge));
    std::string ddl;
    for (std::string const& one : p_.plan.column_plan->before)
      ddl += fmt::format("{}ALTER TABLE {} {}", ddl.empty() ? "" : "; ", target(), one);
    if (!ddl.empty()) {
      WEIR_DO(with_exclusive_lock(p_, target(), ddl));
    }
    WEIR_DO(merge_rows(p_));
    WEIR_DO(verify(p_));
    report_.facts_verified = p_.report.dependents_verified;
    WEIR_DO(session_.execute("DROP TABLE " + prepared_.relation.quoted()));
    WEIR_DO(session_.query("UPDATE weir.generation SET state = 'dropped' WHERE id = $1",
                           {std::to_string(prepared_.generation)}));
    report_.rows = p_.report.rows_after;
    return {};
  }

  // PostgreSQL itself keeps identity, grants, comments and dependents; the options must be said again.
  Status replace() {
    WEIR_TRY(auto rows, session_.query("SELECT coalesce(array_to_string(reloptions, ', '), '') FROM pg_class WHERE oid "
                                       "= to_regclass($1) AND relkind = 'v'",
                                       {target()}));
    if (rows.size() == 0) return changed("it is no view any more");
    std::string const text = fmt::format("{}; CREATE OR REPLACE VIEW {}{} AS {}\n; {}", settings_.callers(), target(),
                                         with_options(plan_.definition.options, std::string(rows.text(0, 0))),
                                         plan_.definition.query, CatalogSettings::ours());
    Status done = with_exclusive_lock(p_, "", text);
    if (!done.ok() && done.error().sqlstate() == "42P16") return changed(done.error().message());
    WEIR_DO(std::move(done));
    return forget_private();
  }

  Status refresh() {
    WEIR_TRY(auto now, warehouse::load_relation(session_, plan_.definition.target));
    if (!now || now->kind != 'm') return changed("it is no materialized view any more");
    WEIR_TRY(auto populated,
             session_.query("SELECT relispopulated FROM pg_class WHERE oid = to_regclass($1)", {target()}));
    bool const concurrently =
        populated.boolean(0, 0) && std::any_of(now->indexes.begin(), now->indexes.end(),
                                               [](warehouse::Index const& i) { return i.unique && i.plain; });
    WEIR_DO(
        session_.execute(fmt::format("REFRESH MATERIALIZED VIEW {}{}", concurrently ? "CONCURRENTLY " : "", target())));
    if (!concurrently) report_.notes.push_back("readers waited for the refresh: with a unique index they would not");
    WEIR_DO(match_indexes(*now, ""));
    WEIR_DO(forget_private());
    WEIR_TRY(auto count, session_.query("SELECT count(*) FROM " + target()));
    report_.rows = static_cast<std::uint64_t>(count.integer(0, 0));
    return {};
  }

  Status plan_in_place(Method method) {
    WEIR_TRY(auto now, capture(session_, plan_.definition.target,
                               plan_.way == Way::Adopt ? warehouse::Definitions::Print : warehouse::Definitions::Omit));
    Request const request = request_for(plan_, method);
    WEIR_TRY(p_.plan, swap::plan(now, request));
    return {};
  }

  // Behind the rows: the books, the indexes of the definition, the leaf of before.
  Status settle_table() {
    if (!is_table()) return forget_private();
    if (!is_shell()) {
      WEIR_DO(session_.query("UPDATE weir.generation SET state = 'dropped' WHERE id = $1",
                             {std::to_string(prepared_.generation)}));
      return forget_gone(session_, plan_.definition.target);
    }
    p_.report.rows_after = prepared_.rows;
    WEIR_DO(keep_books(p_));
    if (plan_.way == Way::Succeed) {
      WEIR_DO(forget_shadows(session_, plan_.definition.target));
    }
    report_.generation = prepared_.relation.text();
    if (has_indexes()) {
      WEIR_TRY(auto shell, warehouse::load_relation(session_, plan_.definition.target));
      WEIR_DO(match_indexes(*shell, prepared_.relation.name));
    }
    return drop_previous();
  }

  // By the definition, or of before.
  bool has_indexes() const {
    auto const& now = p_.plan.capture->relation;
    return !plan_.definition.indexes.empty() || (now && !now->indexes.empty());
  }

  // What the definition says and is not there is made; what an earlier definition said and this one does not goes.
  Status match_indexes(warehouse::Relation const& now, std::string const& leaf) {
    std::set<std::string> wanted;
    for (IndexDefinition const& index : plan_.definition.indexes) {
      std::string const name = index_name(plan_.definition.target, index);
      wanted.insert(name);
      if (std::any_of(now.indexes.begin(), now.indexes.end(),
                      [&](warehouse::Index const& i) { return i.name.name == name; }))
        continue;
      if (leaf.empty()) {
        WEIR_DO(session_.execute(create_index(index, name, target())));
      } else if (!index.unique) {  // a unique index cannot stand on a shell: the leaf has it
        WEIR_DO(session_.execute(fmt::format(
            "{}; ALTER INDEX {} ATTACH PARTITION {}", create_index(index, name, "ONLY " + target()),
            sql::QualifiedName{plan_.definition.target.schema, name}.quoted(),
            sql::QualifiedName{prepared_.relation.schema, leaf_index_name(prepared_.relation, index)}.quoted())));
      }
    }
    for (warehouse::Index const& index : now.indexes) {
      if (wanted.contains(index.name.name) || !is_derived_index_name(index.name.name)) continue;
      WEIR_DO(session_.execute("DROP INDEX " + index.name.quoted()));
      report_.notes.push_back(fmt::format("index \"{}\" is not in the definition any more", index.name.name));
    }
    return {};
  }

  Status drop_previous() {
    if (plan_.definition.keep_previous || p_.plan.creates_table || !p_.plan.capture->leaf) return {};
    warehouse::Relation const& leaf = *p_.plan.capture->leaf;
    bool const points_elsewhere =
        std::any_of(leaf.constraints.begin(), leaf.constraints.end(), [](auto const& k) { return k.type == "f"; });
    if (!p_.plan.capture->on_leaf.empty() || points_elsewhere) {
      // Dropping it would lock what its foreign keys point at: tidy_up() does it without haste.
      if (!p_.plan.capture->on_leaf.empty())
        report_.notes.push_back(
            fmt::format("{} is kept: {} reads it", in_quotes(leaf.name), p_.plan.capture->on_leaf.front().object));
      return {};
    }
    WEIR_DO(session_.execute("DROP TABLE " + leaf.name.quoted()));
    WEIR_DO(session_.query(
        "UPDATE weir.generation SET state = 'dropped' WHERE target_schema = $1 AND target_name = $2 AND state IN "
        "('previous', 'old') AND to_regclass(format('%I.%I', relation_schema, relation)) IS NULL",
        {plan_.definition.target.schema, plan_.definition.target.name}));
    return {};
  }

  Status forget_private() {
    if (prepared_.generation == 0) return {};
    WEIR_DO(session_.query("UPDATE weir.generation SET state = 'dropped' WHERE id = $1",
                           {std::to_string(prepared_.generation)}));
    return {};
  }

  static std::vector<std::string> names(std::vector<warehouse::Column> const& columns) {
    std::vector<std::string> list;
    for (warehouse::Column const& c : columns) list.push_back(c.name);
    return list;
  }
  Error changed(std::string what) const {
    return Error(ErrorKind::Refused, fmt::format("could not publish {}: {}", in_quotes(plan_.definition.target), what))
        .object(plan_.definition.target.text())
        .state("nothing was changed once this transaction is rolled back")
        .next("run it again: it plans with what stands there now");
  }
  Error gone() const { return changed(fmt::format("what was prepared ({}) is gone", in_quotes(prepared_.relation))); }

  pg::Session& session_;
  Prepared const& prepared_;
  RelationPlan const& plan_;
  CatalogSettings const& settings_;
  Publication p_;
  Heir heir_;
  RelationReport report_;
};

// Its new rows would be missing for a snapshot that is open now.
bool snapshots_matter(Prepared const& p) {
  return p.plan.definition.kind != RelationKind::View && p.plan.way != Way::Create && p.plan.way != Way::Merge &&
         p.plan.way != Way::Refresh && !p.plan.definition.query.empty();
}

// Every publisher locks the names in the same order.
std::vector<Prepared const*> in_name_order(std::span<Prepared const> prepared) {
  std::vector<Prepared const*> order;
  for (Prepared const& p : prepared) order.push_back(&p);
  std::sort(order.begin(), order.end(),
            [](auto* a, auto* b) { return a->plan.definition.target < b->plan.definition.target; });
  return order;
}

// Readers lock a view before what it reads, and so does this: the views that will be rewritten, the outermost first,
// then all the tables at once, so that none is held while another one is waited for. A change of a view's owner to the
// same one does nothing but lock.
std::string lock_text(std::vector<Prepared const*> const& order) {
  struct View {
    int depth = 0;
    std::string lock;
  };
  std::map<std::string, View> views;
  auto const add = [&](std::string_view kind, sql::QualifiedName const& name, std::string const& owner, int depth) {
    if (kind != "view" && kind != "materialized view") return;
    View& view = views[name.quoted()];
    view.depth = std::max(view.depth, depth);
    view.lock = fmt::format("ALTER {} {} OWNER TO {}", kind == "view" ? "VIEW" : "MATERIALIZED VIEW", name.quoted(),
                            quote_pg(owner));
  };
  std::string tables;
  for (Prepared const* p : order) {
    if (!p->plan.capture->relation || p->plan.way == Way::Merge) continue;
    warehouse::Relation const& now = *p->plan.capture->relation;
    if (now.kind == 'r' || now.kind == 'p') {
      tables += (tables.empty() ? "" : ", ") + p->plan.definition.target.quoted();
    } else if (p->plan.way != Way::Refresh) {
      add(relkind_name(now.kind), p->plan.definition.target, now.owner, 0);
    }
    if (p->plan.way != Way::Succeed && p->plan.way != Way::Adopt) continue;
    for (Dependent const& d : p->plan.dependents)
      if (d.can_alter) add(d.kind, {d.schema, d.name}, d.owner, d.depth);
  }
  std::vector<View> outermost_first;
  for (auto const& [name, view] : views) outermost_first.push_back(view);
  std::stable_sort(outermost_first.begin(), outermost_first.end(),
                   [](View const& a, View const& b) { return a.depth > b.depth; });
  std::string text = "SET LOCAL lock_timeout = '20ms'";
  for (View const& view : outermost_first) text += "; " + view.lock;
  if (!tables.empty()) text += "; LOCK TABLE " + tables + " IN ACCESS EXCLUSIVE MODE NOWAIT";
  return text;
}

// A view among many is planned here and now: what it reads was published before it, and may have other columns than
// when the view was prepared.
Result<RelationReport> publish_view(pg::Session& session, Prepared const& prepared, CatalogSettings const& settings,
                                    PublishOptions const& options) {
  Prepared now = prepared;
  RelationDefinition definition = prepared.plan.definition;
  definition.build_query.clear();
  WEIR_DO(session.execute(settings.callers()));
  WEIR_TRY(auto report, build_plainly(session, definition, {}));
  if (!report) {
    WEIR_TRY(now.plan, plan_relation(session, definition));
  }
  WEIR_DO(session.execute(CatalogSettings::ours()));
  if (report) return std::move(*report);
  return Publisher(session, now, settings, options, Duration::zero()).publish();
}

// Nothing among them changes what hangs on another one's table.
bool leave_others_alone(std::span<Prepared const> prepared) {
  return std::none_of(prepared.begin(), prepared.end(), [](Prepared const& p) {
    return p.plan.way == Way::Succeed || p.plan.way == Way::Adopt || p.plan.way == Way::Merge;
  });
}

// All of them in one try: what needs no lock first, then all locks, then leaves are exchanged, then the rest in order.
// `at_leisure`: as much as can be is done ahead of the locks.
Result<std::vector<RelationReport>> publish_many(pg::Session& session, std::span<Prepared const> prepared,
                                                 CatalogSettings const& settings, PublishOptions const& options,
                                                 std::string const& locks, bool at_leisure) {
  std::vector<std::optional<RelationReport>> reports(prepared.size());
  std::map<std::size_t, Publisher> begun;
  for (std::size_t i = 0; i < prepared.size(); ++i) {
    if (!at_leisure || prepared[i].plan.way != Way::Leaf) continue;
    auto& publisher = begun.try_emplace(i, session, prepared[i], settings, options, Duration::zero()).first->second;
    WEIR_DO(publisher.begin_exchange());
  }
  WEIR_DO(session.execute(locks));
  for (auto& [i, publisher] : begun) {
    WEIR_TRY(reports[i], publisher.publish());
  }
  for (std::size_t i = 0; i < prepared.size(); ++i) {
    if (reports[i]) continue;
    WEIR_TRY(reports[i], prepared[i].plan.definition.kind == RelationKind::View
                             ? publish_view(session, prepared[i], settings, options)
                             : Publisher(session, prepared[i], settings, options, Duration::zero()).publish());
  }
  std::vector<RelationReport> all;
  for (auto& report : reports) all.push_back(std::move(*report));
  return all;
}

Error busy(pg::Session& session, std::vector<Prepared const*> const& order, Error const& last) {
  std::string names, who;
  for (Prepared const* p : order) {
    names += (names.empty() ? "\"" : ", \"") + p->plan.definition.target.text() + "\"";
    if (!who.empty()) continue;
    if (auto blockers = warehouse::load_blockers(session, p->plan.definition.target); blockers.ok())
      for (warehouse::Blocker const& b : *blockers) who += (who.empty() ? "" : "; ") + b.text();
  }
  Error error(ErrorKind::Busy,
              fmt::format("could not publish {}: {} locked", names, order.size() == 1 ? "it is" : "one of them is"));
  error.sqlstate(last.sqlstate()).cause(who.empty() ? last.message() : who);
  error.state("nothing was changed once this transaction is rolled back")
      .next("end that session, or run it again later");
  return error;
}

Result<std::vector<RelationReport>> publish_all(pg::Session& session, std::span<Prepared const> prepared,
                                                PublishLimits const& limits) {
  std::vector<std::string> notes;
  WEIR_TRY(auto settings, CatalogSettings::enter(session));
  if (std::any_of(prepared.begin(), prepared.end(), snapshots_matter)) {
    WEIR_DO(wait_for_snapshots(session, limits, notes));
  }
  std::vector<Prepared const*> const order = in_name_order(prepared);
  bool const many = prepared.size() > 1;
  PublishOptions options;
  options.stop = limits.stop;
  Clock& clock = system_clock();
  Duration const until = clock.monotonic() + limits.window;
  std::minstd_rand jitter{std::random_device{}()};
  int tries = 0;
  std::string const locks = many ? lock_text(order) : "";
  bool at_leisure = leave_others_alone(prepared);
  auto const attempt = [&]() -> Result<std::vector<RelationReport>> {
    WEIR_DO(session.execute("SAVEPOINT weir_publish"));
    if (many) return publish_many(session, prepared, settings, options, locks, at_leisure);
    Publisher publisher(session, prepared[0], settings, options,
                        std::min<Duration>(limits.window, std::chrono::seconds(3)));
    WEIR_TRY(auto report, publisher.publish());
    std::vector<RelationReport> reports;
    reports.push_back(std::move(report));
    return reports;
  };
  for (;;) {
    ++tries;
    auto reports = attempt();
    if (reports.ok()) {
      WEIR_DO(session.execute("RELEASE SAVEPOINT weir_publish"));
      WEIR_DO(settings.leave());
      for (RelationReport& r : *reports) {
        r.lock_tries += tries - 1;
        r.notes.insert(r.notes.end(), notes.begin(), notes.end());
      }
      return reports;
    }
    bool const differs = reports.error().where() == kFingerprintDiffers && tries < 3;
    if (differs) at_leisure = false;
    if ((!may_pass(reports.error()) && !differs) || session.is_broken()) return std::move(reports).error();
    WEIR_DO(session.execute("ROLLBACK TO SAVEPOINT weir_publish"));
    if (clock.monotonic() >= until || limits.stop.stop_requested()) return busy(session, order, reports.error());
    std::uniform_int_distribution<int> pause(10, 60);
    clock.sleep(std::chrono::milliseconds(pause(jitter)), limits.stop);
  }
}

}  // namespace

Status wait_for_snapshots(pg::Session& session, PublishLimits const& limits, std::vector<std::string>& notes,
                          std::string_view first) {
  Clock& clock = system_clock();
  Duration const until = clock.monotonic() + limits.snapshot_wait;
  for (;;) {
    WEIR_TRY(auto rows,
             session.query_prepared("weir_snapshots",
                                    "SELECT pid, coalesce(usename, '') FROM pg_stat_activity WHERE datname = "
                                    "current_database() AND pid <> pg_backend_pid() AND state LIKE 'idle in "
                                    "transaction%' AND backend_xmin IS NOT NULL",
                                    {}, std::exchange(first, "")));
    if (rows.size() == 0) return {};
    if (clock.monotonic() >= until || limits.stop.stop_requested()) {
      notes.push_back(fmt::format(
          "pid {}, role \"{}\", has an open snapshot: it sees the new table empty until its transaction ends",
          rows.text(0, 0), rows.text(0, 1)));
      return {};
    }
    clock.sleep(std::chrono::milliseconds(50), limits.stop);
  }
}

Result<std::vector<RelationReport>> publish(pg::Session& session, std::span<Prepared const> prepared,
                                            PublishLimits const& limits) {
  if (prepared.empty()) return std::vector<RelationReport>();
  auto reports = publish_all(session, prepared, limits);
  if (!reports.ok())
    return std::move(reports).error().context(
        prepared.size() == 1 ? fmt::format("publishing {}", in_quotes(prepared[0].plan.definition.target))
                             : fmt::format("publishing {} together", plural(prepared.size(), "relation")));
  return reports;
}

Status complete(pg::Session& session, RelationReport& report) {
  if (report.to_complete.empty()) return {};
  WEIR_TRY(auto settings, CatalogSettings::enter(session));
  WEIR_DO(run_deferred(session, report.target, report.to_complete, report.notes));
  report.to_complete.clear();
  return settings.leave();
}

Result<RelationReport> build(pg::Session& session, RelationDefinition const& definition, PublishLimits const& limits) {
  WEIR_TRY(auto plainly, build_plainly(session, definition, limits));
  if (plainly) return std::move(*plainly);
  if (session.transaction_state() == pg::TransactionState::Idle) {
    WEIR_DO(session.execute("BEGIN"));
  }
  WEIR_TRY(auto plan, plan_relation(session, definition));
  WEIR_TRY(Prepared const prepared, prepare(session, plan));
  WEIR_TRY(auto reports, publish(session, std::span(&prepared, 1), limits));
  return std::move(reports.front());
}

namespace {

// The statistics of a shell: its leaf was analyzed when it was filled (ADR 0010).
Result<bool> needs_analyze(pg::Session& session, RelationReport const& report) {
  if (report.generation.empty() || report.rows < kShellStatisticsFrom) return false;
  if (report.way != Way::Leaf) return true;
  WEIR_TRY(auto const leaves, warehouse::load_leaves(session, report.target));
  return leaves.size() != 1 ? true : statistics_moved(session, report.target, leaves.front().name);
}

}  // namespace

void tidy_up(pg::Session& session, RelationReport& report) {
  auto const note = [&](std::string_view what, Error const& error) {
    report.notes.push_back(fmt::format("{}: {}", what, error.message()));
  };
  auto const moved = needs_analyze(session, report);
  if (!moved.ok()) note("comparing statistics", moved.error());
  if (!moved.ok() || *moved) {
    auto done = session.execute(
        fmt::format("ANALYZE {}{}", session.server_version() >= 180000 ? "ONLY " : "", report.target.quoted()));
    if (!done.ok()) note("ANALYZE", done.error());
  }
  if (!report.has_old_leaves) return;
  auto old = session.query(
      "SELECT id, relation_schema, relation FROM weir.generation WHERE target_schema = $1 AND target_name = $2 AND "
      "state = 'old'",
      {report.target.schema, report.target.name});
  if (!old.ok()) return note("looking for older leaves", old.error());
  for (std::size_t i = 0; i < old->size(); ++i) {
    sql::QualifiedName const leaf{std::string(old->text(i, 1)), std::string(old->text(i, 2))};
    Status done = drop_generation(session, old->integer(i, 0), leaf);
    if (!done.ok()) note(fmt::format("{} is kept", in_quotes(leaf)), done.error());
  }
}

}  // namespace weir::swap
