#include "warehouse/fingerprint.h"

#include <algorithm>
#include <iterator>

#include "warehouse/query.h"

namespace weir::warehouse {
namespace {

std::vector<Fact> facts_of(pg::Rows const& rows) {
  std::vector<Fact> facts;
  facts.reserve(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i)
    facts.push_back({std::string(rows.text(i, 0)), std::string(rows.text(i, 1)), std::string(rows.text(i, 2))});
  std::sort(facts.begin(), facts.end());
  return facts;
}

}  // namespace

std::string Fact::text() const {
  return object + ": " + aspect + " = " + value;
}

Result<std::vector<Fact>> load_fingerprint(pg::Session& session, sql::QualifiedName const& relation,
                                           Definitions definitions) {
  WEIR_TRY(auto rows, catalog_rows(session, "fingerprint",
                                   {{"root", relation.quoted()},
                                    {"definitions", definitions == Definitions::Print ? "yes" : "no"}}));
  return facts_of(rows);
}

FactDifference compare(std::vector<Fact> const& before, std::vector<Fact> const& after) {
  FactDifference difference;
  std::set_difference(before.begin(), before.end(), after.begin(), after.end(), std::back_inserter(difference.lost));
  std::set_difference(after.begin(), after.end(), before.begin(), before.end(), std::back_inserter(difference.gained));
  return difference;
}

}  // namespace weir::warehouse
