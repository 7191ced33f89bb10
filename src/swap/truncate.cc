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
    auto const* const has = p.plan.capture->relation->find_column(c.table_name);
    // A column that is left out would get its default; NULL is what the other methods write.
    bool const empty = c.fill == Fill::Empty && (has == nullptr || has->identity.empty());
    if (c.fill != Fill::Copied && c.fill != Fill::Cast && !empty) continue;
    here += (here.empty() ? "" : ", ") + sql::quote_pg(c.table_name);
    there += (there.empty() ? "" : ", ") + (empty ? "NULL::" + c.type : sql::quote_pg(c.name));
  }
  WEIR_TRY(auto reader, pg::Session::connect(p.session.options()));
  WEIR_DO(reader.query("SELECT set_config('role', $1, false)", {p.plan.capture->role}));
  WEIR_DO(take_facts(p));
  WEIR_TRY(auto before, p.session.query("SELECT count(*) FROM ONLY " + target));
  WEIR_DO(with_exclusive_lock(p, target, "TRUNCATE ONLY " + target));
  WEIR_TRY(p.report.rows_after,
           pump(reader, fmt::format("COPY (SELECT {} FROM {}) TO STDOUT (FORMAT binary)", there, p.relation.quoted()),
                p.session, fmt::format("COPY {} ({}) FROM STDIN (FORMAT binary, FREEZE)", target, here)));
  p.report.inserted = p.report.rows_after;
  p.report.rows_before = p.report.deleted = static_cast<std::uint64_t>(before.integer(0, 0));
  if (p.report.rows_after != p.rows)
    return Error(ErrorKind::Data, fmt::format("cannot publish {}: {} rows were loaded and {} arrived",
                                              in_quotes(p.plan.request.target), p.rows, p.report.rows_after))
        .state("rolled back: the rows of before are still served")
        .next("run it again");
  return columns_after(p);
}

}  // namespace weir::swap
