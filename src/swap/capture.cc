#include "swap/capture.h"

#include <fmt/format.h>

namespace weir::swap {
namespace {

bool is_shell(warehouse::Relation const& relation, std::vector<warehouse::Leaf> const& leaves) {
  return relation.kind == 'p' && relation.partition_key.starts_with("LIST (") &&
         relation.partition_key.find(".* IS NULL)") != std::string::npos && leaves.size() <= 1 &&
         (leaves.empty() || (leaves[0].is_default && leaves[0].name.schema == kDataSchema));
}

Status capture_place(pg::Session& session, Capture& capture) {
  WEIR_TRY(auto rows, session.query(R"(
SELECT current_user, to_regnamespace(quote_ident($1)) IS NOT NULL,
       CASE WHEN to_regnamespace(quote_ident($1)) IS NULL THEN has_database_privilege(current_database(), 'CREATE')
            ELSE has_schema_privilege(to_regnamespace(quote_ident($1)), 'CREATE') END,
       to_regclass('weir.generation') IS NOT NULL, current_database())",
                                    {capture.target.schema}));
  capture.prepared = rows.boolean(0, 3);
  capture.role = rows.text(0, 0);
  capture.database = rows.text(0, 4);
  capture.schema_exists = rows.boolean(0, 1);
  capture.can_create = rows.boolean(0, 2);
  capture.server_version = session.server_version();
  return {};
}

Status capture_memory(pg::Session& session, Capture& capture) {
  // A plan can be asked for before the warehouse is prepared; the probe then tells later.
  capture.shell_key = "whole row";
  if (!capture.prepared) return {};
  WEIR_TRY(auto key, session.query("SELECT value FROM weir.meta WHERE name = 'shell_key'"));
  if (key.size() > 0) capture.shell_key = key.text(0, 0);
  WEIR_TRY(capture.published, find_generation(session, capture.target, "{published}"));
  WEIR_TRY(capture.previous, find_generation(session, capture.target, "{previous}"));
  WEIR_TRY(auto rows, session.query("SELECT column_name, shadow_name, old_type, reason FROM weir.shadow "
                                    "WHERE target_schema = $1 AND target_name = $2 ORDER BY shadow_name",
                                    {capture.target.schema, capture.target.name}));
  for (std::size_t i = 0; i < rows.size(); ++i)
    capture.shadows.push_back({.column = std::string(rows.text(i, 0)),
                               .shadow = std::string(rows.text(i, 1)),
                               .old_type = std::string(rows.text(i, 2)),
                               .reason = std::string(rows.text(i, 3))});
  WEIR_TRY(rows, session.query("SELECT column_name FROM weir.unfinished WHERE target_schema = $1 AND target_name = $2 "
                               "ORDER BY 1",
                               {capture.target.schema, capture.target.name}));
  for (std::size_t i = 0; i < rows.size(); ++i) capture.unfinished.emplace_back(rows.text(i, 0));
  return {};
}

Status capture_leaf(pg::Session& session, Capture& capture, std::vector<warehouse::Leaf> const& leaves) {
  if (leaves.empty()) return {};
  WEIR_TRY(capture.leaf, warehouse::load_relation(session, leaves[0].name));
  WEIR_TRY(auto users, warehouse::load_dependents(session, leaves[0].name, warehouse::Definitions::Omit));
  for (Dependent& user : users)
    if (user.direct && (user.kind == "view" || user.kind == "materialized view" || user.kind == "function"))
      capture.on_leaf.push_back(std::move(user));
  return {};
}

}  // namespace

std::string in_quotes(sql::QualifiedName const& name) {
  return fmt::format("\"{}.{}\"", name.schema, name.name);
}

std::int64_t Capture::known_rows() const {
  if (leaf && leaf->estimated_rows >= 0) return leaf->estimated_rows;
  if (relation && relation->estimated_rows >= 0) return relation->estimated_rows;
  return published ? published->rows : -1;
}

Result<std::optional<Generation>> find_generation(pg::Session& session, sql::QualifiedName const& target,
                                                  std::string_view states) {
  WEIR_TRY(auto rows, session.query(R"(
SELECT id, n, token, rows, relation_schema, relation, method, state, columns, frozen FROM weir.generation
WHERE target_schema = $1 AND target_name = $2 AND state = ANY ($3::text[]) ORDER BY n DESC LIMIT 1)",
                                    {target.schema, target.name, std::string(states)}));
  if (rows.size() == 0) return std::optional<Generation>();
  return std::optional<Generation>(Generation{.id = rows.integer(0, 0),
                                              .n = rows.integer(0, 1),
                                              .token = rows.integer(0, 2),
                                              .rows = rows.is_null(0, 3) ? -1 : rows.integer(0, 3),
                                              .relation = {std::string(rows.text(0, 4)), std::string(rows.text(0, 5))},
                                              .method = std::string(rows.text(0, 6)),
                                              .state = std::string(rows.text(0, 7)),
                                              .columns = std::string(rows.text(0, 8)),
                                              .frozen = rows.boolean(0, 9)});
}

Result<std::shared_ptr<Capture const>> capture(pg::Session& session, sql::QualifiedName const& target) {
  return capture(session, target, warehouse::Definitions::Print);
}

Result<std::shared_ptr<Capture const>> capture(pg::Session& session, sql::QualifiedName const& target,
                                               warehouse::Definitions definitions) {
  auto capture = std::make_shared<Capture>();
  capture->target = target;
  WEIR_DO(capture_place(session, *capture));
  WEIR_DO(capture_memory(session, *capture));
  WEIR_TRY(capture->relation, warehouse::load_relation(session, target));
  if (!capture->relation) return std::shared_ptr<Capture const>(std::move(capture));

  char const kind = capture->relation->kind;
  capture->kind = kind == 'r' || kind == 'p' ? TargetKind::Table : TargetKind::Other;
  if (kind == 'v' && capture->published && capture->published->method == "view") capture->kind = TargetKind::View;
  if (capture->kind == TargetKind::View) {
    WEIR_TRY(capture->leaf, warehouse::load_relation(session, capture->published->relation));
  }
  if (kind == 'p') {
    WEIR_TRY(auto leaves, warehouse::load_leaves(session, target));
    if (is_shell(*capture->relation, leaves)) {
      capture->kind = TargetKind::Shell;
      WEIR_DO(capture_leaf(session, *capture, leaves));
    }
  }
  if (kind != 'S' && kind != 'i' && kind != 'I') {
    WEIR_TRY(capture->dependents, warehouse::load_dependents(session, target, definitions));
    WEIR_TRY(capture->late_bound, warehouse::load_late_bound(session, target));
  }
  return std::shared_ptr<Capture const>(std::move(capture));
}

std::vector<Dependent> const& dependents(Capture const& capture) {
  return capture.dependents;
}

}  // namespace weir::swap
