#include "warehouse/fingerprint.h"

#include <algorithm>
#include <iterator>

#include "warehouse/query.h"

namespace weir::warehouse {
namespace {

constexpr std::string_view kStatement = "weir_fingerprint";

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

Result<std::vector<Fact>> load_fingerprint(pg::Session& session, sql::QualifiedName const& relation) {
  WEIR_TRY(auto rows,
           session.query(catalog_query("fingerprint", {{"root", relation.quoted()}, {"definitions", "yes"}})));
  return facts_of(rows);
}

Result<Fingerprint> Fingerprint::prepare(pg::Session& session, sql::QualifiedName const& relation) {
  // A statement of that name may be left from a publish that failed; deallocating one that is not there would fail the
  // transaction, deallocating by the catalog does not.
  WEIR_TRY(auto left, session.query("SELECT FROM pg_prepared_statements WHERE name = $1", {std::string(kStatement)}));
  if (left.size() > 0) {
    WEIR_DO(session.execute("DEALLOCATE " + std::string(kStatement)));
  }
  WEIR_DO(session.execute("PREPARE " + std::string(kStatement) + " AS " +
                          catalog_query("fingerprint", {{"root", relation.quoted()}, {"definitions", "no"}})));
  return Fingerprint(session);
}

Fingerprint::~Fingerprint() = default;

Result<std::vector<Fact>> Fingerprint::take() {
  WEIR_TRY(auto rows, session_->execute("EXECUTE " + std::string(kStatement)));
  return facts_of(rows);
}

FactDifference compare(std::vector<Fact> const& before, std::vector<Fact> const& after) {
  FactDifference difference;
  std::set_difference(before.begin(), before.end(), after.begin(), after.end(), std::back_inserter(difference.lost));
  std::set_difference(after.begin(), after.end(), before.begin(), before.end(), std::back_inserter(difference.gained));
  return difference;
}

}  // namespace weir::warehouse
