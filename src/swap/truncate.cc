// Method truncate: the table is emptied and filled in one transaction. Readers wait for the whole copy, and the plan
// says so.

#include <fmt/format.h>

#include "swap/leaf.h"
#include "swap/publish.h"

namespace weir::swap {
namespace {

// The staged rows go through a second session, because only COPY ... FREEZE keeps older snapshots from an empty table.
Result<std::uint64_t> pump(pg::Session& from, std::string const& out, pg::Session& to, std::string const& in) {
  WEIR_TRY(auto source, from.copy_out(out));
  WEIR_TRY(auto sink, to.copy_in(in));
  for (;;) {
    WEIR_TRY(auto piece, source.read());
    if (!piece) break;
    WEIR_DO(sink.write(*piece));
  }
  return std::move(sink).finish();
}

}  // namespace

Status truncate_and_fill(Publication& p) {
  std::string const target = p.plan.request.target.quoted();
  std::string here, there;
  for (LoadColumn const& c : p.plan.column_plan->load) {
    if (c.fill != Fill::Copied && c.fill != Fill::Cast) continue;
    here += (here.empty() ? "" : ", ") + sql::quote_pg(c.table_name);
    there += (there.empty() ? "" : ", ") + sql::quote_pg(c.name);
  }
  WEIR_TRY(auto reader, pg::Session::connect(p.session.options()));
  WEIR_DO(reader.query("SELECT set_config('role', $1, false)", {p.plan.capture->role}));
  WEIR_DO(take_facts(p));
  WEIR_DO(with_exclusive_lock(p, target, "TRUNCATE ONLY " + target));
  WEIR_TRY(p.report.rows_after,
           pump(reader, fmt::format("COPY {} ({}) TO STDOUT (FORMAT binary)", p.relation.quoted(), there), p.session,
                fmt::format("COPY {} ({}) FROM STDIN (FORMAT binary, FREEZE)", target, here)));
  p.report.inserted = p.report.rows_after;
  if (p.report.rows_after != p.rows)
    return Error(ErrorKind::Data, fmt::format("cannot publish \"{}\": {} rows were loaded and {} arrived",
                                              p.plan.request.target.text(), p.rows, p.report.rows_after))
        .state("rolled back: the rows of before are still served")
        .next("run it again");
  for (std::string const& ddl : p.plan.column_plan->after) {
    WEIR_DO(p.session.execute(fmt::format("ALTER TABLE {} {}", target, ddl)));
  }
  return {};
}

}  // namespace weir::swap
