// weir dbt docs generate and docs serve: catalog.json, and pages that show it.
#include <spawn.h>

#include <charconv>
#include <numeric>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/commands/dbt.h"
#include "app/dbt_invocation.h"
#include "app/dbt_project.h"
#include "base/embedded.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "http/server.h"

namespace weir::app {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kPage = "web/docs.html";

// The page with the project's data in it: one file to send around.
Result<std::string> page_with_data(fs::path const& folder) {
  WEIR_TRY(auto const manifest, read_file(folder / "manifest.json"));
  WEIR_TRY(auto const catalog, read_file(folder / "catalog.json"));
  // "</script>" within a text must not end the element.
  std::string const data =
      replace_all(fmt::format(R"({{"manifest": {}, "catalog": {}}})", manifest, catalog), "<", "\\u003c");
  constexpr std::string_view kPlace = R"(<script id="data" type="application/json">)";
  std::string page(embedded_file(kPage));
  page.insert(page.find(kPlace) + kPlace.size(), data);
  return page;
}

// `asset-paths`: pictures that descriptions show, as the page finds them.
Status copy_assets(project::ProjectFile const& root, fs::path const& folder) {
  for (auto const& said : root.asset_paths) {
    auto const path = fs::path(said).lexically_normal();
    bool const is_inside = path.is_relative() && !path.empty() && *path.begin() != ".." && *path.begin() != ".";
    if (!is_inside)
      return Error(ErrorKind::Config, fmt::format("the asset path \"{}\" is no folder within the project", said))
          .where((root.root / "dbt_project.yml").string())
          .state("the catalog is written, the assets are not copied");
    std::error_code failed;
    if (!fs::exists(root.root / path, failed)) continue;
    fs::remove_all(folder / path, failed);
    fs::create_directories((folder / path).parent_path(), failed);
    fs::copy(root.root / path, folder / path, fs::copy_options::recursive, failed);
    if (failed)
      return Error(ErrorKind::Config, fmt::format("could not copy the assets in \"{}\": {}", said, failed.message()))
          .where((folder / path).string())
          .state("the catalog is written");
  }
  return {};
}

Result<int> port_of(Arguments const& arguments) {
  std::string const text = arguments.value("port", "8080");
  int port = -1;
  auto const [end, failed] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (failed == std::errc() && end == text.data() + text.size() && port >= 0 && port <= 65535) return port;
  return Error(ErrorKind::Usage, fmt::format("\"{}\" is no port", text))
      .object(text)
      .state("nothing is served")
      .next("name one from 1 to 65535, or 0 for a free one");
}

void open_browser(std::string const& url) {
  char program[] = "xdg-open";
  std::string address = url;
  char* const words[] = {program, address.data(), nullptr};
  pid_t child = 0;
  if (posix_spawnp(&child, program, nullptr, nullptr, words, environ) != 0)
    log_info("no browser could be opened: xdg-open is not there");
}

std::vector<project::NodeIndex> all_nodes(DbtInvocation const& invocation) {
  std::vector<project::NodeIndex> all(invocation.options.project->manifest->nodes().size());
  std::iota(all.begin(), all.end(), project::NodeIndex(0));
  return all;
}

// Whether all could be compiled; else there is nothing to make pages of.
Result<int> compile_for_docs(DbtInvocation const& invocation) {
  WEIR_TRY(auto const report, build::run(invocation.options, *invocation.log));
  if (report.exit_code() != 0)
    invocation.log->write(
        {"CannotGenerateDocs", "E043", build::Level::Info, "compile failed, cannot generate docs", {}, false});
  return report.exit_code();
}

// catalog.json of `catalogued`, and the pages that show it.
Result<int> write_docs(Context const& context, DbtInvocation invocation, std::vector<project::NodeIndex> catalogued) {
  auto const& arguments = context.arguments();
  auto const folder = invocation.options.target_folder;
  auto const project = invocation.options.project;
  auto& log = *invocation.log;
  if (arguments.has("empty-catalog")) {
    catalogued.clear();
  } else {
    log.write({"BuildingCatalog", "E044", build::Level::Info, "Building catalog", {}, false});
  }
  invocation.options.selected = std::move(catalogued);
  WEIR_DO(build::write_catalog(std::move(invocation.options), log));
  WEIR_DO(write_file(folder / "index.html", embedded_file(kPage)));
  WEIR_DO(copy_assets(project->manifest->root(), folder));
  if (arguments.has("static")) {
    WEIR_TRY(auto const page, page_with_data(folder));
    WEIR_DO(write_file(folder / "static_index.html", page));
  }
  log.line("Catalog written to " + (folder / "catalog.json").string());
  return 0;
}

}  // namespace

Result<int> run_dbt_docs_generate(Context& context) {
  WEIR_TRY(auto invocation, begin_dbt(context, build::Command::DocsGenerate, "generate"));
  if (context.arguments().has("no-compile")) {
    auto all = all_nodes(invocation);
    return write_docs(context, std::move(invocation), std::move(all));
  }
  WEIR_DO(choose_dbt_nodes(context, invocation));
  WEIR_TRY(int const status, compile_for_docs(invocation));
  if (status != 0) return status;
  auto selected = invocation.options.selected;
  return write_docs(context, std::move(invocation), std::move(selected));
}

Result<int> retry_dbt_docs(Context const& context, DbtInvocation invocation) {
  WEIR_TRY(int const status, compile_for_docs(invocation));
  if (status != 0) return status;
  auto all = all_nodes(invocation);
  return write_docs(context, std::move(invocation), std::move(all));
}

Result<int> run_dbt_docs_serve(Context& context) {
  auto const& arguments = context.arguments();
  WEIR_TRY(auto const root, unrendered_dbt_project(dbt_project_folder(context)));
  fs::path const folder = root.root / arguments.value("target-path", root.target_path);
  WEIR_TRY(int const port, port_of(arguments));
  if (!fs::exists(folder / "manifest.json") || !fs::exists(folder / "catalog.json"))
    return Error(ErrorKind::Config,
                 fmt::format("there is no catalog in {} to serve", folder.lexically_normal().string()))
        .state("nothing is served")
        .next("weir dbt docs generate writes it");
  // dbt's own page may stand there: this one shows the same files.
  WEIR_DO(write_file(folder / "index.html", embedded_file(kPage)));
  http::FolderServing const serving{.folder = folder, .host = arguments.value("host", "127.0.0.1"), .port = port};
  WEIR_DO(http::serve_folder(serving, context.interrupt().token(), [&](int bound) {
    bool const is_v6 = serving.host.find(':') != std::string::npos;
    std::string const url = fmt::format("http://{}:{}", is_v6 ? "[" + serving.host + "]" : serving.host, bound);
    write_out(fmt::format("Serving docs at {}\n", url));
    log_info("Ctrl-C ends it; nothing is sent to any other host");
    if (arguments.has("browser")) open_browser(url);
  }));
  return 0;
}

}  // namespace weir::app
