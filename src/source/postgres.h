#pragma once
// PostgreSQL 13+ as a source. Rows pass through as the server's own COPY BINARY bytes; only types that the warehouse
// may not have (enums, composites, types of extensions) are turned into text by the source's server.

#include <memory>

#include "base/result.h"
#include "source/open.h"
#include "source/source.h"

namespace weir::source {

// Settings: those of pg/settings.h.
Result<std::unique_ptr<Source>> open_postgres(SourceOptions const& options);

}  // namespace weir::source
