#pragma once
// A relation of the warehouse by the name that somebody typed.

#include <string_view>

#include "app/command.h"
#include "base/result.h"
#include "pg/session.h"
#include "sql/name.h"
#include "warehouse/relation.h"

namespace weir::app {

struct OpenRelation {
  sql::QualifiedName name;
  config::Endpoint const* endpoint = nullptr;
  pg::Session session;
  warehouse::Relation relation;
};

// What a command's RELATION names, in the warehouse that it means, over a session of its own. Error: Usage, with the
// nearest names that exist.
Result<OpenRelation> open_relation(Context& context);

}  // namespace weir::app
