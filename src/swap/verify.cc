// The proof at the end of every publish: nothing of theirs changed but what the plan says.

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "swap/leaf.h"
#include "swap/publish.h"

namespace weir::swap {
namespace {

using warehouse::Fact;

// Which differences the plan accounts for.
class Expected {
 public:
  explicit Expected(Publication const& p) : plan_(p.plan), columns_(*p.plan.column_plan), touched_(columns_.touched) {
    touched_.insert(p.relaxed.begin(), p.relaxed.end());
  }

  bool lost(Fact const& fact) const {
    return either(fact) || (fact.aspect == "valid" && fact.value == "false") ||
           (fact.object == "leaf" && own_key(fact));
  }
  bool gained(Fact const& fact) const {
    return either(fact) || (fact.aspect == "valid" && fact.value == "true") || fact.object == "leaf";
  }

 private:
  bool either(Fact const& fact) const {
    if (about_touched_column(fact)) return true;
    if (rewritten(fact)) return true;
    if (plan_.method == Method::View && fact.object == "relation" &&
        (fact.aspect == "definition" || fact.aspect == "stored rule"))
      return true;
    // Names of renamed columns are printed in definitions; what is stored ("stored rule", OIDs, types) must not differ.
    return columns_.renames && (fact.aspect == "definition" || fact.object == "leaf");
  }
  bool about_touched_column(Fact const& fact) const {
    for (std::string const& column : touched_) {
      std::string const shown = sql::quote_pg_if_needed(column), quoted = sql::quote_pg(column);
      if (fact.object == "relation column " + shown || fact.object == "relation column " + quoted) return true;
      if (fact.object.starts_with("default value for column " + column + " of table " + plan_.request.target.text()))
        return true;
      if (fact.object.starts_with("default value for column " + shown + " of table ") && ends_with_table(fact.object))
        return true;
    }
    // PostgreSQL 18 has a constraint for every NOT NULL.
    return fact.object.starts_with("constraint ") && ends_with_table(fact.object) &&
           fact.object.find("_not_null") != std::string::npos && !touched_.empty();
  }
  bool ends_with_table(std::string const& object) const {
    return object.ends_with(" " + plan_.request.target.text()) || object.ends_with(" " + plan_.request.target.quoted());
  }
  bool rewritten(Fact const& fact) const {
    if (fact.aspect != "definition" && fact.aspect != "stored rule") return false;
    return std::any_of(columns_.rewritten.begin(), columns_.rewritten.end(),
                       [&](Dependent const& d) { return d.object == fact.object; });
  }
  // The key that weir itself gave the leaf follows the source's key; parts of a definition follow the definition.
  bool own_key(Fact const& fact) const {
    if (plan_.request.defines_parts && plan_.capture->leaf) {
      for (auto const& k : plan_.capture->leaf->constraints)
        if (k.definition == fact.value && is_defined_part(*plan_.capture->leaf, k.name)) return true;
      for (auto const& i : plan_.capture->leaf->indexes)
        if (fact.value.starts_with(i.tail) && is_defined_part(*plan_.capture->leaf, i.name.name)) return true;
    }
    if (fact.aspect != "constraint" || !plan_.capture->leaf || plan_.request.key.empty()) return false;
    for (auto const& k : plan_.capture->leaf->constraints)
      if (k.definition == fact.value && k.name == sql::derive_identifier(plan_.capture->leaf->name.name, "__pkey"))
        return true;
    return false;
  }

  Plan const& plan_;
  ColumnPlan const& columns_;
  std::set<std::string> touched_;
};

// An adoption replays definitions, so that their text is proved, too; elsewhere the table's OID stays, and readers
// wait.
Result<std::vector<Fact>> facts_now(Publication& p) {
  return warehouse::load_fingerprint(
      p.session, p.plan.request.target,
      p.plan.adopts_table ? warehouse::Definitions::Print : warehouse::Definitions::Omit);
}

}  // namespace

Status take_facts(Publication& p) {
  WEIR_TRY(p.before, facts_now(p));
  return {};
}

Status verify(Publication& p) {
  if (p.plan.creates_table) return {};
  WEIR_TRY(auto after, facts_now(p));
  std::set<std::string> objects;
  for (Fact const& fact : after)
    if (fact.object.find(" column ") == std::string::npos) objects.insert(fact.object);
  p.report.dependents_verified = static_cast<int>(objects.size()) - 1;
  warehouse::FactDifference const difference = compare(p.before, after);
  Expected const expected(p);
  std::string told;
  int count = 0;
  auto tell = [&](std::string_view sign, Fact const& fact) {
    if (++count <= 10) told += fmt::format("{}{} {}", told.empty() ? "" : "; ", sign, fact.text());
  };
  for (Fact const& fact : difference.lost)
    if (!expected.lost(fact) && !(p.plan.adopts_table && adoption_accounts_for(p, fact, after))) tell("lost:", fact);
  for (Fact const& fact : difference.gained)
    if (!expected.gained(fact) && !(p.plan.adopts_table && adoption_accounts_for(p, fact, after))) tell("new:", fact);
  if (count == 0) return {};
  return Error(ErrorKind::Refused,
               fmt::format("could not publish \"{}\": {} would differ afterwards", p.plan.request.target.text(),
                           plural(static_cast<std::uint64_t>(count), "catalog fact")))
      .object(p.plan.request.target.text())
      .where(std::string(kFingerprintDiffers))
      .cause(told)
      .state("rolled back: nothing changed; the rows of before are still served")
      .next("if somebody changed these objects just now, run it again; else report this as a bug of weir");
}

Result<std::vector<std::string>> fingerprint(pg::Session& session, sql::QualifiedName const& target) {
  WEIR_TRY(auto facts, warehouse::load_fingerprint(session, target, warehouse::Definitions::Print));
  std::vector<std::string> lines;
  for (Fact const& fact : facts) lines.push_back(fact.text());
  return lines;
}

Result<std::string> what_drop_would_say(pg::Session& session, sql::QualifiedName const& target) {
  WEIR_TRY(auto transaction, pg::Transaction::begin(session));
  WEIR_DO(session.execute("SET LOCAL lock_timeout = '3s'"));
  auto tried = session.execute("DROP TABLE " + target.quoted());
  WEIR_DO(std::move(transaction).rollback());
  if (tried.ok()) return std::string("DROP TABLE");
  Error const& error = tried.error();
  return fmt::format("ERROR: {}: {}{}", error.sqlstate(), error.message(),
                     error.cause().empty() ? "" : "\nDETAIL: " + error.cause());
}

}  // namespace weir::swap
