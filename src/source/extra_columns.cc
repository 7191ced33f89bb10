#include "source/extra_columns.h"

#include <cstring>
#include <string>

namespace weir::source {

void append_extra(RowBuilder& row, ExtraColumn const& extra, std::mt19937_64& random) {
  if (extra.kind == ExtraColumn::Kind::Constant) {
    row.raw(extra.constant_binary);
    return;
  }
  std::uint64_t const bits[2] = {random(), random()};
  unsigned char bytes[16];
  std::memcpy(bytes, bits, sizeof bytes);
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0f) | 0x40);  // version 4
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);  // variant 1
  if (extra.pg_type == "uuid") {
    row.uuid(bytes);
    return;
  }
  static constexpr char kHex[] = "0123456789abcdef";
  char text[36];
  std::size_t at = 0;
  for (std::size_t i = 0; i < sizeof bytes; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text[at++] = '-';
    text[at++] = kHex[bytes[i] >> 4];
    text[at++] = kHex[bytes[i] & 15];
  }
  row.raw({text, sizeof text});
}

}  // namespace weir::source
