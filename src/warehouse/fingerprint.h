#pragma once
// The catalog fingerprint of a relation and of everything that depends on it: queries/fingerprint.sql.

#include <string>
#include <vector>

#include "base/result.h"
#include "pg/session.h"
#include "sql/name.h"
#include "warehouse/dependents.h"

namespace weir::warehouse {

struct Fact {
  std::string object, aspect, value;
  // "view mart.v: owner = dbt"
  std::string text() const;
  auto operator<=>(Fact const&) const = default;
};

// Sorted. Equal before and after a refresh. Where readers wait meanwhile, Omit the text of views: what is stored of
// them is a fact as well, and printing would lock them.
Result<std::vector<Fact>> load_fingerprint(pg::Session& session, sql::QualifiedName const& relation,
                                           Definitions definitions);

struct FactDifference {
  std::vector<Fact> lost, gained;
  bool empty() const { return lost.empty() && gained.empty(); }
};
FactDifference compare(std::vector<Fact> const& before, std::vector<Fact> const& after);

}  // namespace weir::warehouse
