#include "build/written_sql.h"

#include <fstream>

#include <fmt/format.h>

#include "base/file.h"

namespace weir::build {
namespace {

using project::NodeKind;

// dbt's rule: what a file of its own holds stands at that file's place; what a properties file (or dbt_project.yml)
// holds stands in a folder of that name.
std::filesystem::path path_in_target(RunContext const& context, std::string_view tree) {
  auto const& node = context.node();
  auto const file = std::filesystem::path(node.original_file_path).lexically_normal();
  auto const below =
      node.kind == NodeKind::UnitTest ? file.parent_path() / (node.name + ".sql") : std::filesystem::path(node.path);
  auto path = file.filename() == below.filename() ? file : file / below;
  if (context.batch)  // models/daily/daily_2024-01-01.sql
    path = path.parent_path() / path.stem() /
           fmt::format("{}_{}{}", path.stem().string(), context.batch->label, path.extension().string());
  return context.target_folder() / tree / node.package_name / path;
}

// Not forced to the disk: the next run writes it again, and a trivial model costs less than an fsync. What stands there
// already is not written: the server's next fsync would wait for a file that was cut off and filled again.
Status write_sql(std::filesystem::path const& path, std::string_view text) {
  if (auto const there = read_file(path); there.ok() && *there == text) return {};
  std::error_code failure;
  std::filesystem::create_directories(path.parent_path(), failure);
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text << std::flush;
  return file ? Status() : write_file(path, text);  // which says why
}

}  // namespace

Status write_run_sql(RunContext const& context, std::string_view text) {
  return write_sql(path_in_target(context, "run"), context.run().as_published(std::string(text)));
}

std::filesystem::path compiled_sql_file(RunContext const& context) {
  return path_in_target(context, "compiled");
}

Status write_compiled_sql(RunContext const& context, std::string_view text) {
  return write_sql(compiled_sql_file(context), context.run().as_published(std::string(text)));
}

}  // namespace weir::build
