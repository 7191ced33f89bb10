#pragma once
// Private to source/: a PostgreSQL source's tables, from its catalog. The types rule stands in map_type().

#include <string>

#include "base/result.h"
#include "pg/session.h"
#include "source/source.h"

namespace weir::source {

Result<DiscoveredCatalog> discover_postgres(pg::Session& session, DiscoverRequest const& request);

// A column's type as the source's catalog has it, domains resolved.
struct CatalogType {
  std::string name;  // "mood", "numeric": pg_type.typname
  std::string text;  // format_type(): "numeric(18,4)", "public.mood"
  std::uint32_t oid = 0;
  char kind = 'b';         // pg_type.typtype: b(ase), c(omposite), e(num), r(ange), m(ultirange), p(seudo)
  bool in_catalog = true;  // made by PostgreSQL itself
};

// How a column comes out of the source: its type in the warehouse, and the cast that makes it so ("" = as it is).
struct MappedType {
  std::string pg_type;
  std::string cast;
  std::string loss;
  std::string refusal;
};

// Types of PostgreSQL itself pass as they are, unless their values mean something on their own server only (reg*) or
// cannot be read back (pg_node_tree); all others become text. Arrays follow their elements. `element`: of an array,
// else null.
MappedType map_type(CatalogType const& type, CatalogType const* element);

}  // namespace weir::source
