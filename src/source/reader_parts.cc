#include "source/reader_parts.h"

#include <fmt/format.h>

namespace weir::source {

void begin_batch(Batch& batch, ReadRequest const& request) {
  if (batch.bytes.capacity() > 16 * request.batch_bytes + 65536) std::string().swap(batch.bytes);
  batch.bytes.clear();
  batch.rows = 0;
}

Error read_error(Error error, ReadRequest const& request, std::uint64_t rows) {
  return std::move(
      error.object(request.table.text())
          .context(fmt::format("reading \"{}\", {}, after {} rows", request.table.text(), request.chunk.text(), rows)));
}

Error bad_value(ReadRequest const& request, Column const& column, std::string const& row, std::string_view what,
                std::string next) {
  return Error(ErrorKind::Data,
               fmt::format("cannot load column \"{}\" of \"{}\": it {}", column.name, request.table.text(), what))
      .object(request.table.text())
      .where("the row with " + row)
      .state("nothing of this table is published")
      .next(std::move(next));
}

}  // namespace weir::source
