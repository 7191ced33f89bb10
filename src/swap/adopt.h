#pragma once
// Adoption: an ordinary table (Airbyte's, dbt's, anybody's) becomes a shell once. Its storage becomes the first leaf;
// views keep their OIDs, since they are pointed at the shell by CREATE OR REPLACE.

#include <string>
#include <vector>

#include "swap/capture.h"

namespace weir::swap {

// Why the table cannot be adopted with everything kept; empty = it can. Pure.
std::vector<std::string> adoption_obstacles(Capture const& capture);

// The statements that turn the ordinary table into an empty shell, its old storage detached as `old_leaf`; the new leaf
// is attached afterwards, and `replay` (queries/replay.sql, read before) and the views follow. Pure.
struct AdoptionScript {
  std::vector<std::string> detach;   // move the table away, make the shell
  std::vector<std::string> restore;  // after the new leaf is attached: views, ownership, grants, triggers, comments
};
struct ReplayStatement {
  int order = 0;
  std::string sql;
};
AdoptionScript adoption_script(Capture const& capture, sql::QualifiedName const& old_leaf,
                               std::vector<ReplayStatement> const& replay);
Result<std::vector<ReplayStatement>> load_replay(pg::Session& session, sql::QualifiedName const& relation);

}  // namespace weir::swap
