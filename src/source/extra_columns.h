#pragma once
// Private to source/: the columns that every row ends with, for readers that encode rows themselves.

#include <random>

#include "source/copy_encode.h"
#include "source/source.h"

namespace weir::source {

// A RowUuid is a random one (RFC 4122, 4.4), as 16 bytes for a uuid column and as text for any other.
void append_extra(RowBuilder& row, ExtraColumn const& extra, std::mt19937_64& random);

}  // namespace weir::source
