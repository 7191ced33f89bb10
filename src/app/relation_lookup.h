#pragma once
// A relation of the warehouse by the name that somebody typed.

#include <string_view>

#include "base/result.h"
#include "pg/session.h"
#include "sql/name.h"
#include "warehouse/relation.h"

namespace weir::app {

// Error: Usage, with the nearest names that exist.
Result<warehouse::Relation> look_up(pg::Session& session, sql::QualifiedName const& name);
std::string_view relation_kind(char relkind);  // "table", "view", ...

}  // namespace weir::app
