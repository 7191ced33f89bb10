// The same swap backwards: the previous leaf becomes the table again, the present one becomes the previous.

#include <fmt/format.h>

#include "base/text.h"
#include "swap/leaf.h"
#include "swap/load.h"
#include "swap/publish.h"

namespace weir::swap {
namespace {

Error no_previous(sql::QualifiedName const& target, std::string cause) {
  return Error(ErrorKind::Refused, fmt::format("cannot roll back {}: there is no previous leaf", in_quotes(target)))
      .object(target.text())
      .cause(std::move(cause))
      .state("nothing was changed")
      .next("run a full refresh of the table");
}

Request request_for(Capture const& capture, warehouse::Relation const& leaf) {
  Request request;
  request.target = capture.target;
  request.method = capture.kind == TargetKind::View ? Method::View : Method::Shell;
  for (warehouse::Column const& c : leaf.columns)
    if (!c.generated) request.columns.push_back({.name = c.name, .type = c.type, .not_null = c.not_null});
  // Columns that the leaf lacks came later, from the source or from the table's users: they stay, and hold NULL.
  request.loaded_before.emplace();
  for (TargetColumn const& c : request.columns) request.loaded_before->push_back(c.name);
  return request;
}

Result<Report> roll_back_to(pg::Session& session, sql::QualifiedName const& target, PublishOptions const& options) {
  WEIR_TRY(auto now, capture(session, target));
  if (now->kind != TargetKind::Shell && now->kind != TargetKind::View)
    return no_previous(target,
                       now->relation
                           ? fmt::format("it is an ordinary {}: only shells and stable views keep the rows of before",
                                         relkind_name(now->relation->kind))
                           : "there is no such table");
  if (!now->previous) return no_previous(target, "it was published once only, or the leaf was collected");
  WEIR_TRY(auto leaf, warehouse::load_relation(session, now->previous->relation));
  if (!leaf) return no_previous(target, fmt::format("{} is gone", in_quotes(now->previous->relation)));

  WEIR_TRY(Plan made, plan(now, request_for(*now, *leaf)));
  Publication p{.session = session,
                .plan = std::move(made),
                .relation = now->previous->relation,
                .generation = now->previous->id,
                .rows = static_cast<std::uint64_t>(std::max<std::int64_t>(0, now->previous->rows)),
                .relaxed = {},
                .options = options,
                .report = {},
                .started = {},
                .locked_at = {},
                .before = {},
                .careful = false,
                .patience = std::chrono::seconds(3)};
  if (p.plan.column_plan->renames) {
    // The leaf gets the shadow's column (empty) before it is measured.
    for (std::string const& statement : complete_leaf(p.plan, *leaf, {})) {
      WEIR_DO(session.execute(statement));
    }
  } else {
    std::string missing;
    for (LoadColumn const& c : p.plan.column_plan->load) {
      if (leaf->find_column(c.name) != nullptr) continue;
      std::string const collation = c.collation.empty() ? "" : " COLLATE " + c.collation;
      WEIR_DO(session.execute(fmt::format("ALTER TABLE {} ADD COLUMN {} {}{}", leaf->name.quoted(),
                                          sql::quote_pg(c.name), c.type, collation)));
      missing += (missing.empty() ? "\"" : ", \"") + c.name + "\"";
    }
    if (!missing.empty())
      p.report.notes.push_back(fmt::format("the previous leaf has no column {}: its rows hold NULL there", missing));
  }
  WEIR_TRY(Proof proof, prove(session, p.plan, p.relation));
  p.rows = proof.rows;
  p.relaxed = proof.relaxed;
  // Kept columns that the previous leaf never had are NULL in it.
  return publish_in_window(p);
}

}  // namespace

Result<Report> rollback(pg::Session& session, sql::QualifiedName const& target, PublishOptions const& options) {
  WEIR_DO(take_writer_lock(session, target));
  auto report = roll_back_to(session, target, options);
  release_writer_lock(session, target);
  return report;
}

}  // namespace weir::swap
