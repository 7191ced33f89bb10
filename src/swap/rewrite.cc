// Policy upgrade: views that use a column of another type are emptied and refilled by CREATE OR REPLACE, never dropped.
// OID, grants, comments, triggers and everything above them stay.

#include <fmt/format.h>

#include "swap/leaf.h"
#include "swap/publish.h"

namespace weir::swap {
namespace {

struct View {
  Dependent dependent;
  std::string name, stub, pinned;
};

// "SELECT NULL::int4 AS id, ..." with the view's own columns, and its definition cast back to them.
Result<View> describe(pg::Session& session, Dependent const& dependent) {
  View view{.dependent = dependent,
            .name = sql::QualifiedName{dependent.schema, dependent.name}.quoted(),
            .stub = {},
            .pinned = {}};
  WEIR_TRY(auto rows, session.query(R"(
SELECT string_agg(format('NULL::%s%s AS %I', format_type(a.atttypid, a.atttypmod), k.text, a.attname), ', ' ORDER BY a.attnum),
       string_agg(format('q.%1$I::%2$s%3$s AS %1$I', a.attname, format_type(a.atttypid, a.atttypmod), k.text), ', ' ORDER BY a.attnum),
       pg_get_viewdef($1::oid)
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
CROSS JOIN LATERAL (SELECT CASE WHEN a.attcollation <> t.typcollation THEN ' COLLATE ' || a.attcollation::regcollation::text ELSE '' END AS text) k
WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped)",
                                    {std::to_string(dependent.oid)}));
  std::string const head = fmt::format("CREATE OR REPLACE VIEW {}{} AS ", view.name,
                                       dependent.options.empty() ? "" : " WITH (" + dependent.options + ")");
  std::string body(rows.text(0, 2));
  while (!body.empty() && (body.back() == ';' || body.back() == '\n' || body.back() == ' ')) body.pop_back();
  view.stub = head + "SELECT " + std::string(rows.text(0, 0)) + " WHERE false";
  view.pinned = head + "SELECT " + std::string(rows.text(0, 1)) + " FROM (" + body + ") q";
  view.dependent.definition = head + body;
  return view;
}

}  // namespace

Status swap_with_rewrite(Publication& p, std::string const& locks, std::string const& swap) {
  std::vector<View> views;
  std::string statements;
  for (Dependent const& dependent : p.plan.column_plan->rewritten) {
    WEIR_TRY(View view, describe(p.session, dependent));
    WEIR_DO(p.session.query(
        "INSERT INTO weir.archive (object, kind, owner, definition, reason) VALUES ($1, $2, $3, $4, $5)",
        {dependent.object, dependent.kind, dependent.owner, view.dependent.definition,
         "a column of " + p.plan.request.target.text() + " changed its type"}));
    statements += view.stub + "; ";
    views.push_back(std::move(view));
  }
  // Readers lock the view before the table, and so does this: the stubs come first.
  WEIR_DO(with_exclusive_lock(p, "", statements + "LOCK TABLE " + locks + " IN ACCESS EXCLUSIVE MODE NOWAIT; " + swap));
  for (View const& view : views) {
    WEIR_DO(p.session.execute("SAVEPOINT weir_view"));
    auto done = p.session.execute(view.dependent.definition);
    if (done.ok()) continue;
    if (done.error().sqlstate() != "42P16") return std::move(done).error();
    WEIR_DO(p.session.execute("ROLLBACK TO SAVEPOINT weir_view; " + view.pinned));
    p.report.notes.push_back(
        fmt::format("{} keeps its column types: what stands above it expects them", view.dependent.object));
  }
  return {};
}

}  // namespace weir::swap
