#pragma once
// Moves the rows of one RowReader into one COPY ... FROM STDIN (FORMAT binary): a thread of its own reads, the calling
// thread writes, a bounded queue lies between them, so that memory is flat. Whatever ends one side ends the other: an
// error of either, a stop, a warehouse that takes nothing for longer than the limit (a source must never be left
// waiting with its locks: research on slow consumers). The first error wins; errors that only follow from it are
// dropped.

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "pg/session.h"
#include "source/source.h"

namespace weir::sync {

struct CopyOptions {
  std::stop_token stop;
  Duration stall_limit = std::chrono::seconds(60);
  std::size_t buffer_bytes = 8 * 1024 * 1024;
  // Rows and bytes of this COPY so far; called by the writing thread after each batch.
  std::function<void(std::uint64_t rows, std::uint64_t bytes)> on_progress;
};

struct CopyResult {
  std::uint64_t rows_read = 0;   // as the reader counted them
  std::uint64_t rows_taken = 0;  // as the warehouse counted them: equal, or copy_rows() is an error (Data)
  std::uint64_t bytes = 0;
};

// `statement` is the whole COPY. The session is in the caller's transaction, if any; after an error that transaction
// has failed. On success the reader's report() is complete.
Result<CopyResult> copy_rows(source::RowReader& reader, pg::Session& session, std::string const& statement,
                             CopyOptions const& options);

}  // namespace weir::sync
