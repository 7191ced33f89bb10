// Reads one table of a SQL Server through weir's own source, to nowhere, and says what that cost: rows/s and CPU a
// cell.
//   source_read HOST PORT DATABASE USER SCHEMA.TABLE [batch bytes]      password in WEIR_BENCH_PASSWORD
#include <sys/resource.h>

#include <chrono>
#include <cstdlib>

#include <fmt/format.h>

#include "base/text.h"
#include "source/sqlserver.h"

namespace {

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  auto const seconds = [](timeval const& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

weir::Status measure(char** words, int count) {
  using namespace weir::source;
  SqlServerOptions options;
  options.host = words[1];
  options.port = static_cast<int>(weir::parse_int(words[2]).value_or(1433));
  options.database = words[3];
  options.user = words[4];
  char const* const password = std::getenv("WEIR_BENCH_PASSWORD");
  options.password = weir::Secret(password ? password : "");
  options.encrypt = Encrypt::Off;
  WEIR_TRY(auto source, open_sqlserver(options));
  WEIR_TRY(auto catalog, source->discover({.schemas = {}, .tables = {words[5]}, .views = true}));
  if (catalog.tables.size() != 1) return weir::Error(weir::ErrorKind::Usage, "no such table");
  ReadRequest request;
  request.table = catalog.tables[0];
  if (count > 6) request.batch_bytes = static_cast<std::size_t>(weir::parse_int(words[6]).value_or(65536));
  double const cpu = cpu_seconds();
  auto const start = std::chrono::steady_clock::now();
  WEIR_TRY(auto reader, source->read(request));
  Batch batch;
  for (bool more = true; more;) {
    WEIR_TRY(more, reader->next(batch));
  }
  double const used = cpu_seconds() - cpu;
  double const wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  auto const rows = static_cast<double>(reader->report().rows);
  auto const cells = rows * static_cast<double>(request.table.columns.size());
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  fmt::print("{} rows x {} columns, {}: wall {:.2f} s ({:.0f} rows/s), CPU {:.2f} s = {:.1f} ns a cell, RSS {} MB\n",
             reader->report().rows, request.table.columns.size(), weir::format_bytes(reader->report().bytes), wall,
             rows / wall, used, used / cells * 1e9, usage.ru_maxrss / 1024);
  return {};
}

}  // namespace

int main(int count, char** words) {
  if (count < 6) return fmt::print(stderr, "source_read HOST PORT DATABASE USER SCHEMA.TABLE [batch bytes]\n"), 64;
  weir::Status const done = measure(words, count);
  if (!done.ok()) fmt::print(stderr, "{}\n", done.error().to_text());
  return done.ok() ? 0 : 1;
}
