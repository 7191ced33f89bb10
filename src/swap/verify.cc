// The proof at the end of every publish: nothing of theirs changed but what the plan says.

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "swap/leaf.h"
#include "swap/publish.h"

namespace weir::swap {
namespace {

using warehouse::Fact;

// The parts of a definition that may or may not be a column's name: words, quoted names, everything else by the
// character.
std::vector<std::string> tokens(std::string_view text) {
  auto const is_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' || c < 0;
  };
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i + 1;
    if (text[i] == '"' || text[i] == '\'') {
      // A doubled quote ends one part and begins the next: all the same when parts are compared.
      end = std::min(text.find(text[i], i + 1), text.size() - 1) + 1;
    } else if (is_word(text[i])) {
      while (end < text.size() && is_word(text[end])) ++end;
    }
    if (text[i] != ' ' && text[i] != '\n') parts.emplace_back(text.substr(i, end - i));
    i = end;
  }
  return parts;
}

// Which differences the plan accounts for.
class Expected {
 public:
  Expected(Publication const& p, std::vector<Fact> const& after)
      : plan_(p.plan), columns_(*p.plan.column_plan), before_(p.before), after_(after), nullable_(columns_.relaxed) {
    nullable_.insert(p.relaxed.begin(), p.relaxed.end());
  }

  bool lost(Fact const& fact) const {
    if (fact.object == "leaf") return lost_on_leaf(fact);
    if (fact.aspect == "valid" && fact.value == "false") return true;
    return by_column(fact, columns_.dropped) || by_type(fact) || rewritten(fact) || no_longer_not_null(fact) ||
           any_of(after_, [&](Fact const& now) { return is_renamed(fact, now); });
  }
  bool gained(Fact const& fact) const {
    if (fact.object == "leaf") return gained_on_leaf(fact);
    if (fact.aspect == "valid" && fact.value == "true") return true;
    return by_column(fact, columns_.added) || by_type(fact) || rewritten(fact) || no_longer_not_null(fact) ||
           any_of(before_, [&](Fact const& then) { return is_renamed(then, fact); });
  }

 private:
  template <class Facts, class Test>
  static bool any_of(Facts const& facts, Test const& test) {
    return std::any_of(facts.begin(), facts.end(), test);
  }
  static std::string column_object(std::string const& column) {
    return "relation column " + sql::quote_pg_if_needed(column);
  }
  bool is_default_of(Fact const& fact, std::string const& column) const {
    return fact.object == fmt::format("default value for column {} of table {}", column, plan_.request.target.text());
  }
  bool is_about(Fact const& fact, std::string const& column) const {
    return fact.object == column_object(column) || is_default_of(fact, column);
  }

  // All that a column that comes or goes brings or takes along; what others put on it is never among that.
  bool by_column(Fact const& fact, std::set<std::string> const& columns) const {
    if (fact.aspect == "grant" || fact.aspect == "security label") return false;
    return any_of(columns, [&](std::string const& c) { return is_about(fact, c); });
  }
  bool by_type(Fact const& fact) const {
    bool const in_place = plan_.method == Method::Merge || plan_.method == Method::Truncate;
    return any_of(columns_.retyped, [&](std::string const& c) {
      if (is_default_of(fact, c)) return true;
      return fact.object == column_object(c) &&
             (fact.aspect == "type" || fact.aspect == "default" || fact.aspect == "storage" ||
              (in_place && (fact.aspect == "number" || fact.aspect == "not null")));
    });
  }
  // PostgreSQL 18 has a constraint for every NOT NULL; a column made anew in place has one of another name.
  bool no_longer_not_null(Fact const& fact) const {
    auto const is_constraint_of = [&](std::string const& c) {
      Fact const definition{fact.object, "definition", "NOT NULL " + sql::quote_pg_if_needed(c)};
      return fact.object.starts_with("constraint ") &&
             (std::binary_search(before_.begin(), before_.end(), definition) ||
              std::binary_search(after_.begin(), after_.end(), definition));
    };
    return any_of(nullable_,
                  [&](std::string const& c) {
                    return (fact.object == column_object(c) && fact.aspect == "not null") || is_constraint_of(c);
                  }) ||
           any_of(columns_.retyped, is_constraint_of) || any_of(columns_.dropped, is_constraint_of);
  }
  bool rewritten(Fact const& fact) const {
    if (fact.aspect != "definition" && fact.aspect != "stored rule") return false;
    if (plan_.method == Method::View && fact.object == "relation") return true;
    return any_of(columns_.rewritten, [&](Dependent const& d) { return d.object == fact.object; });
  }

  // ---- renamed columns: what is theirs is found under the new name, and definitions print that one ----
  bool is_renamed(Fact const& then, Fact const& now) const {
    if (then.aspect != now.aspect) return false;
    bool const text = then.aspect == "definition" || then.object == "leaf";
    if (then.object == now.object && text) return same_but_for_names(then.value, now.value);
    if (then.value != now.value) return false;
    return any_of(columns_.renamed, [&](auto const& name) {
      return (then.object == column_object(name.second) && now.object == column_object(name.first)) ||
             (is_default_of(then, name.second) && is_default_of(now, name.first));
    });
  }
  bool same_but_for_names(std::string_view then, std::string_view now) const {
    if (columns_.renamed.empty()) return false;
    auto const old = tokens(then), fresh = tokens(now);
    std::size_t i = 0;
    for (std::size_t k = 0; k < old.size(); ++k) {
      if (i >= fresh.size()) return false;
      if (old[k] == fresh[i++]) continue;
      bool const renamed = any_of(columns_.renamed, [&](auto const& name) {
        return old[k] == sql::quote_pg_if_needed(name.second) && fresh[i - 1] == sql::quote_pg_if_needed(name.first);
      });
      if (!renamed) return false;
      // A query's column keeps its name: "qty" has become "qty__int4 AS qty".
      if (i + 1 < fresh.size() && fresh[i] == "AS" && fresh[i + 1] == old[k] &&
          (k + 1 == old.size() || old[k + 1] != "AS"))
        i += 2;
    }
    return i == fresh.size();
  }

  // ---- the leaf: weir's own key on it, and the keys that it takes over ----
  std::string own_key() const {
    std::string columns;
    for (std::string const& key : plan_.request.key)
      columns += (columns.empty() ? "" : ", ") + sql::quote_pg_if_needed(key);
    return "PRIMARY KEY (" + columns + ")";
  }
  static bool is_demoted(std::string_view primary, std::string_view unique) {
    constexpr std::string_view kPrimary = "PRIMARY KEY", kUnique = "UNIQUE";
    return primary.starts_with(kPrimary) && unique.starts_with(kUnique) &&
           primary.substr(kPrimary.size()) == unique.substr(kUnique.size());
  }
  // Parts of a definition follow the definition.
  bool was_defined(Fact const& fact) const {
    auto const& leaf = plan_.capture->leaf;
    if (!plan_.request.defines_parts || !leaf) return false;
    return any_of(leaf->constraints,
                  [&](warehouse::Constraint const& k) {
                    return k.definition == fact.value && is_defined_part(*leaf, k.name);
                  }) ||
           any_of(leaf->indexes, [&](warehouse::Index const& i) {
             return fact.value.starts_with(i.tail) && is_defined_part(*leaf, i.name.name);
           });
  }
  bool lost_on_leaf(Fact const& fact) const {
    if (was_defined(fact)) return true;
    if (any_of(after_, [&](Fact const& now) {
          return now.object == "leaf" && now.aspect == fact.aspect &&
                 (is_demoted(fact.value, now.value) || is_renamed(fact, now));
        }))
      return true;
    auto const& leaf = plan_.capture->leaf;
    if (fact.aspect == "index")  // it belongs to the table's own index now, which was not valid without it
      return any_of(plan_.capture->relation->indexes,
                    [&](warehouse::Index const& i) { return !i.valid && i.tail == fact.value; });
    return leaf && !plan_.request.key.empty() && any_of(leaf->constraints, [&](warehouse::Constraint const& k) {
             return k.definition == fact.value && k.name == sql::derive_identifier(leaf->name.name, "__pkey");
           });
  }
  bool gained_on_leaf(Fact const& fact) const {
    if (plan_.request.defines_parts) return true;
    if (fact.aspect == "partitions") return !plan_.capture->leaf && fact.value == "1";
    if (fact.aspect == "constraint" && !plan_.request.key.empty() && fact.value == own_key()) return true;
    auto const from = [&](std::string const& definition) {
      return is_demoted(definition, fact.value) || same_but_for_names(definition, fact.value) ||
             (plan_.adopts_table && definition == fact.value);
    };
    auto const& like = plan_.adopts_table ? plan_.capture->relation : plan_.capture->leaf;
    if (!like) return false;
    if (fact.aspect == "index")
      return any_of(like->indexes,
                    [&](warehouse::Index const& i) { return from(i.tail) || (i.unique && from(i.tail + " unique")); });
    return any_of(like->constraints, [&](warehouse::Constraint const& k) { return from(k.definition); });
  }

  Plan const& plan_;
  ColumnPlan const& columns_;
  std::vector<Fact> const &before_, &after_;
  std::set<std::string> nullable_;
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
  p.report.dependents_verified = warehouse::count_dependents(p.plan.capture->dependents);
  warehouse::FactDifference const difference = compare(p.before, after);
  Expected const expected(p, after);
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
               fmt::format("could not publish {}: {} would differ afterwards", in_quotes(p.plan.request.target),
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
