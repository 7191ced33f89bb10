#include "swap/leaf.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"

namespace weir::swap {
namespace {

using sql::quote_pg;

std::string column_ddl(LoadColumn const& column) {
  std::string text = quote_pg(column.name) + " " + column.type;
  if (!column.collation.empty()) text += " COLLATE " + column.collation;
  return text;
}

std::string filler_name(sql::QualifiedName const& load) {
  return sql::QualifiedName{load.schema, sql::derive_identifier(load.name, "__fill")}.quoted();
}

// One column of the filler below.
std::string fill_block(LoadColumn const& shadow) {
  return fmt::format(R"(
DECLARE old {2}; back {3};
BEGIN
  IF NEW.{1} IS NOT NULL THEN
    old := NEW.{1}::text;
    back := old::text;
    IF back::text IS NOT DISTINCT FROM NEW.{1}::text THEN NEW.{0} := old; END IF;
  END IF;
EXCEPTION WHEN data_exception OR integrity_constraint_violation THEN NEW.{0} := NULL;
END;)",
                     quote_pg(shadow.name), quote_pg(shadow.of), shadow.type, shadow.of_type);
}

std::vector<LoadColumn const*> cast_columns(Plan const& plan) {
  std::vector<LoadColumn const*> casts;
  for (LoadColumn const& c : plan.column_plan->load)
    if (c.fill == Fill::Cast) casts.push_back(&c);
  return casts;
}

bool covers(std::vector<warehouse::Index> const& indexes, warehouse::Index const& wanted) {
  return std::any_of(indexes.begin(), indexes.end(),
                     [&](warehouse::Index const& i) { return i.unique == wanted.unique && i.tail == wanted.tail; });
}

// Names of things on a leaf: derived from the leaf's own name, so that two leaves of one table never clash.
class Names {
 public:
  explicit Names(warehouse::Relation const& leaf) : leaf_(leaf) {}
  std::string next(std::string_view suffix) {
    for (;;) {
      std::string name = sql::derive_identifier(leaf_.name.name, fmt::format("__{}{}", suffix, ++counter_));
      bool taken = false;
      for (auto const& i : leaf_.indexes) taken = taken || i.name.name == name;
      for (auto const& k : leaf_.constraints) taken = taken || k.name == name;
      if (!taken) return name;
    }
  }

 private:
  warehouse::Relation const& leaf_;
  int counter_ = 0;
};

}  // namespace

bool uses_leaf(Plan const& plan) {
  return plan.method == Method::Shell || plan.method == Method::View;
}

sql::QualifiedName generation_name(sql::QualifiedName const& target, std::int64_t n) {
  return {std::string(kDataSchema),
          sql::derive_identifier(target.schema + "__" + target.name, fmt::format("__g{}", n))};
}

int writer_lock_key(sql::QualifiedName const& target) {
  return static_cast<int>(static_cast<std::uint32_t>(sql::stable_hash(target.quoted())));
}

std::string load_digest(Plan const& plan) {
  std::string text = fmt::format("{}\n{}\n{}\n", static_cast<int>(plan.request.operation),
                                 uses_leaf(plan) ? "leaf" : "staging", plan.request.read_fingerprint);
  for (LoadColumn const& c : plan.column_plan->load)
    text += fmt::format("{}|{}|{}|{}\n", c.name, normal_type(c.type), static_cast<int>(c.fill), c.of);
  for (TargetColumn const& c : plan.request.columns) text += c.name + "\n";
  text += "key " + join(plan.request.key, ",");
  return fmt::format("{:016x}", sql::stable_hash(text));
}

std::vector<std::string> create_load(Plan const& plan, sql::QualifiedName const& name, bool empty) {
  bool const leaf = uses_leaf(plan);
  std::vector<std::string> statements;
  std::string columns;
  std::vector<std::string> extras;
  for (LoadColumn const& c : plan.column_plan->load) {
    if (!leaf && c.fill != Fill::Copied && c.fill != Fill::Cast) continue;
    std::string ddl = column_ddl(c);
    if (c.fill == Fill::Generated) ddl += fmt::format(" GENERATED ALWAYS AS ({}) STORED", c.expression);
    if (leaf && c.not_null && !c.may_relax) ddl += " NOT NULL";
    columns += (columns.empty() ? "" : ", ") + ddl;
    if (leaf && !c.storage.empty())
      extras.push_back(
          fmt::format("ALTER TABLE {} ALTER COLUMN {} SET STORAGE {}", name.quoted(), quote_pg(c.name), c.storage));
    if (leaf && !c.compression.empty())
      extras.push_back(fmt::format("ALTER TABLE {} ALTER COLUMN {} SET COMPRESSION {}", name.quoted(), quote_pg(c.name),
                                   c.compression));
  }
  std::string const tablespace = leaf && plan.capture->relation && !plan.capture->relation->tablespace.empty()
                                     ? " TABLESPACE " + quote_pg(plan.capture->relation->tablespace)
                                     : "";
  bool const written_later = plan.request.operation != Operation::Replace;
  // A leaf that is frozen and never updated has nothing to vacuum, and autovacuum must not stand in the way of the
  // swap.
  std::string const with = leaf && !written_later ? " WITH (autovacuum_enabled = false)"
                           : leaf                 ? ""
                                                  : " WITH (autovacuum_enabled = false)";
  statements.push_back(fmt::format("CREATE {}TABLE {} ({}){}{}", leaf || empty ? "" : "UNLOGGED ", name.quoted(),
                                   columns, with, tablespace));
  statements.insert(statements.end(), extras.begin(), extras.end());

  auto const casts = cast_columns(plan);
  if (casts.empty() || empty) return statements;
  // While rows are copied, a trigger fills the shadows: the old type's value where it is exactly the new one's, else
  // NULL. (A generated column would be quicker, but before PostgreSQL 15 it goes with the function that it was computed
  // by.)
  std::string body;
  for (LoadColumn const* shadow : casts) body += fill_block(*shadow);
  statements.push_back(
      fmt::format("CREATE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql AS $weir$ BEGIN {}\nRETURN NEW; END $weir$",
                  filler_name(name), body));
  statements.push_back(fmt::format("CREATE TRIGGER weir_fill BEFORE INSERT ON {} FOR EACH ROW EXECUTE FUNCTION {}()",
                                   name.quoted(), filler_name(name)));
  return statements;
}

std::vector<std::string> settle_columns(Plan const& plan, sql::QualifiedName const& name) {
  if (cast_columns(plan).empty()) return {};
  return {fmt::format("DROP TRIGGER IF EXISTS weir_fill ON {}", name.quoted()),
          fmt::format("DROP FUNCTION IF EXISTS {}()", filler_name(name))};
}

sql::QualifiedName keys_name(sql::QualifiedName const& staging) {
  return {staging.schema, sql::derive_identifier(staging.name, "__keys")};
}

std::string drop_load(sql::QualifiedName const& name) {
  return fmt::format("DROP TABLE IF EXISTS {}, {}; DROP FUNCTION IF EXISTS {}()", name.quoted(),
                     keys_name(name).quoted(), filler_name(name));
}

bool is_defined_part(warehouse::Relation const& leaf, std::string_view name) {
  if (!name.starts_with(std::string_view(leaf.name.name).substr(0, 40)) || name.ends_with("__pkey")) return false;
  std::size_t const mark = name.rfind("__");
  if (mark == std::string_view::npos || mark + 3 > name.size()) return true;
  char const what = name[mark + 2];
  bool const mirrored = (what == 'k' || what == 'i') && parse_int(name.substr(mark + 3)).has_value();
  return !mirrored;
}

std::vector<std::string> complete_leaf(Plan const& plan, warehouse::Relation const& leaf,
                                       std::vector<std::string> const& relaxed) {
  std::vector<std::string> statements;
  std::string const table = leaf.name.quoted();
  std::string const alter = "ALTER TABLE " + table + " ";
  Capture const& capture = *plan.capture;
  bool const attaches = plan.method == Method::Shell;
  Names names(leaf);

  for (LoadColumn const& c : plan.column_plan->load) {
    warehouse::Column const* const has = leaf.find_column(c.name);
    if (has == nullptr) statements.push_back(alter + "ADD COLUMN " + column_ddl(c));
    bool const given_up = std::find(relaxed.begin(), relaxed.end(), c.name) != relaxed.end();
    if (attaches && c.not_null && !given_up && (has == nullptr || !has->not_null))
      statements.push_back(alter + fmt::format("ALTER COLUMN {} SET NOT NULL", quote_pg(c.name)));
  }

  // Keys first: the load's own, then those of the leaf before, then other indexes.
  warehouse::Relation const* const like = capture.leaf                        ? &*capture.leaf
                                          : capture.kind == TargetKind::Table ? &*capture.relation
                                                                              : nullptr;
  bool has_primary = std::any_of(leaf.indexes.begin(), leaf.indexes.end(), [](auto const& i) { return i.primary; });
  if (!plan.request.key.empty() && !has_primary) {
    statements.push_back(alter + fmt::format("ADD CONSTRAINT {} PRIMARY KEY ({})",
                                             quote_pg(sql::derive_identifier(leaf.name.name, "__pkey")),
                                             sql::quote_pg_list(plan.request.key)));
    has_primary = true;
  }
  std::vector<warehouse::Index> made = leaf.indexes;
  auto readable = [&](std::vector<std::string> const& columns) {
    return std::all_of(columns.begin(), columns.end(), [&](std::string const& c) {
      bool const shadowed = std::any_of(plan.column_plan->new_shadows.begin(), plan.column_plan->new_shadows.end(),
                                        [&](Shadow const& s) { return plan.column_plan->old_name(s) == c; });
      return shadowed || plan.column_plan->find(c) != nullptr;
    });
  };
  // A shadowed column's indexes and checks name it as the table does until the publish: so does the leaf for a moment.
  for (Shadow const& s : plan.column_plan->new_shadows) {
    std::string const old = plan.column_plan->old_name(s);
    if (!s.column.empty())
      statements.push_back(
          alter + fmt::format("RENAME COLUMN {} TO {}", quote_pg(old), quote_pg(sql::derive_identifier(old, "__new"))));
    statements.push_back(alter + fmt::format("RENAME COLUMN {} TO {}", quote_pg(s.shadow), quote_pg(old)));
  }
  if (like != nullptr) {
    for (warehouse::Index const& index : like->indexes) {
      if (index.constraint_type.empty() || index.attached || !readable(index.columns)) continue;
      if (plan.request.defines_parts && is_defined_part(*like, index.name.name)) continue;
      bool const weirs_own =
          index.primary && capture.leaf && index.name.name == sql::derive_identifier(like->name.name, "__pkey");
      if (weirs_own && !plan.request.key.empty()) continue;
      auto const constraint = std::find_if(like->constraints.begin(), like->constraints.end(),
                                           [&](auto const& k) { return k.name == index.constraint_name; });
      if (constraint == like->constraints.end() || covers(made, index)) continue;
      std::string definition = constraint->definition;
      if (index.primary && has_primary) {
        if (index.columns == plan.request.key) continue;
        definition = "UNIQUE" + definition.substr(std::string_view("PRIMARY KEY").size());
      }
      std::string const name = weirs_own ? sql::derive_identifier(leaf.name.name, "__pkey") : names.next("k");
      statements.push_back(alter + fmt::format("ADD CONSTRAINT {} {}", quote_pg(name), definition));
      if (!constraint->comment.empty())
        statements.push_back(fmt::format("COMMENT ON CONSTRAINT {} ON {} IS {}", quote_pg(name), table,
                                         sql::literal_pg(constraint->comment)));
      made.push_back(index);
    }
  }
  auto mirror = [&](warehouse::Index const& index) {
    if (!index.constraint_type.empty() || !readable(index.columns) || covers(made, index)) return;
    statements.push_back(fmt::format("CREATE {}INDEX {} ON {} {}", index.unique ? "UNIQUE " : "",
                                     quote_pg(names.next("i")), table, index.tail));
    made.push_back(index);
  };
  if (attaches && capture.kind == TargetKind::Shell)
    for (warehouse::Index const& index : capture.relation->indexes) mirror(index);
  if (like != nullptr)
    for (warehouse::Index const& index : like->indexes)
      if (!index.attached && !(plan.request.defines_parts && is_defined_part(*like, index.name.name))) mirror(index);

  if (attaches && capture.relation) {
    std::string const& identity = capture.relation->replica_identity;
    if ((identity == "f" || identity == "n") && leaf.replica_identity != identity)
      statements.push_back(alter + "REPLICA IDENTITY " + (identity == "f" ? "FULL" : "NOTHING"));
    for (warehouse::Constraint const& k : capture.relation->constraints) {
      if (!k.own || (k.type != "c" && k.type != "f") || !readable(k.columns)) continue;
      bool const has = std::any_of(leaf.constraints.begin(), leaf.constraints.end(),
                                   [&](auto const& l) { return l.name == k.name && l.type == k.type; });
      if (!has) statements.push_back(alter + fmt::format("ADD CONSTRAINT {} {}", quote_pg(k.name), k.definition));
    }
    for (warehouse::Column const& c : capture.relation->columns) {
      LoadColumn const* const load = plan.column_plan->find(c.name);
      warehouse::Column const* const has = leaf.find_column(c.name);
      if (load != nullptr && c.statistics_target >= 0 &&
          (has == nullptr || has->statistics_target != c.statistics_target))
        statements.push_back(alter +
                             fmt::format("ALTER COLUMN {} SET STATISTICS {}", quote_pg(c.name), c.statistics_target));
      if (load != nullptr && !c.options.empty() && (has == nullptr || has->options != c.options))
        statements.push_back(alter + fmt::format("ALTER COLUMN {} SET ({})", quote_pg(c.name), c.options));
      if (load == nullptr || c.generated || !c.default_expression || normal_type(load->type) != normal_type(c.type))
        continue;
      if (has == nullptr || has->default_expression != c.default_expression)
        statements.push_back(alter +
                             fmt::format("ALTER COLUMN {} SET DEFAULT {}", quote_pg(c.name), *c.default_expression));
    }
  }
  for (Shadow const& s : plan.column_plan->new_shadows) {
    std::string const old = plan.column_plan->old_name(s);
    statements.push_back(alter + fmt::format("RENAME COLUMN {} TO {}", quote_pg(old), quote_pg(s.shadow)));
    if (!s.column.empty())
      statements.push_back(
          alter + fmt::format("RENAME COLUMN {} TO {}", quote_pg(sql::derive_identifier(old, "__new")), quote_pg(old)));
  }
  return statements;
}

}  // namespace weir::swap
