#include "packages/fetch.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/child_process.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/text.h"
#include "http/fetch.h"
#include "packages/unpack.h"
#include "project/yaml_data.h"

namespace weir::packages {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMostOfArchive = 200U << 20;
constexpr std::uint64_t kMostOfAnswer = 32U << 20;
constexpr auto kLongestGit = std::chrono::minutes(10);

std::string text_at(yaml::Node const& mapping, std::string_view key) {
  auto const* node = mapping.find(key);
  return node == nullptr || !node->is_scalar() || node->kind == yaml::Kind::Null ? "" : node->text;
}

Error strange_answer(std::string const& address, std::string_view what) {
  return Error(ErrorKind::Data, fmt::format("the answer of {} is not what a hub of packages says: {}", address, what))
      .object(address)
      .state(kNothingInstalled)
      .next("check DBT_PACKAGE_HUB_URL, or try again later");
}

// JSON written anew, without its escapes, is YAML: what a hub says of a package's own packages is read as packages.yml
// is.
Result<yaml::NodePtr> read_answer(std::string const& address, std::string const& body) {
  auto const json = nlohmann::ordered_json::parse(body, nullptr, false);
  if (json.is_discarded()) return strange_answer(address, "it is no JSON");
  return project::read_yaml(address, json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

Result<std::vector<HubVersion>> versions_of(std::string const& address, yaml::NodePtr const& root) {
  auto const* versions = root->kind == yaml::Kind::Mapping ? root->find("versions") : nullptr;
  if (versions == nullptr || versions->kind != yaml::Kind::Mapping)
    return strange_answer(address, "it has no \"versions\"");
  std::vector<HubVersion> made;
  for (auto const& pair : versions->entries) {
    auto const* downloads = pair.value->kind == yaml::Kind::Mapping ? pair.value->find("downloads") : nullptr;
    if (downloads == nullptr || downloads->kind != yaml::Kind::Mapping || text_at(*pair.value, "name").empty())
      return strange_answer(address, fmt::format("version \"{}\" has no \"name\" or \"downloads\"", pair.key->text));
    HubVersion version{
        pair.key->text, text_at(*pair.value, "name"), text_at(*downloads, "tarball"), text_at(*downloads, "sha1"), {},
        pair.value};
    if (auto const* require = pair.value->find("require_dbt_version"); require != nullptr)
      version.require_dbt_version = project::to_data(*require).texts();
    made.push_back(std::move(version));
  }
  return made;
}

void warn_of_redirect(std::string const& package, yaml::Node const& root) {
  std::string const owner = text_at(root, "redirectnamespace"), name = text_at(root, "redirectname");
  if (owner.empty() && name.empty()) return;
  log_info("[WARNING]: package \"{}\" has moved: name it {}/{}", package,
           owner.empty() ? text_at(root, "namespace") : owner, name.empty() ? text_at(root, "name") : name);
}

// As in an archive, no link may lead out. One that leads nowhere is its makers' affair.
Status check_links(fs::path const& root, std::string const& address) {
  std::error_code failed;
  fs::path const top = fs::canonical(root, failed);
  for (fs::recursive_directory_iterator at(root, failed), end; !failed && at != end; at.increment(failed)) {
    if (!at->is_symlink()) continue;
    fs::path const target = fs::read_symlink(at->path(), failed);
    auto const leads = fs::weakly_canonical(at->path(), failed).lexically_relative(top);
    if (failed || target.is_absolute() || leads.empty() || *leads.begin() == "..")
      return Error(ErrorKind::Refused, fmt::format("cannot install {}: link \"{}\" leads out of it, to \"{}\"", address,
                                                   at->path().lexically_relative(root).string(), target.string()))
          .object(address)
          .state(kNothingInstalled)
          .next("ask who made the package");
  }
  if (failed)
    return Error(ErrorKind::Config, fmt::format("cannot read what came from {}: {}", address, failed.message()));
  return {};
}

// git's first complaint, without its "fatal:".
std::string complaint(std::string const& said) {
  for (auto const& line : split(said, '\n'))
    for (std::string_view const mark : {"fatal: ", "error: ", "ERROR: "})
      if (line.starts_with(mark)) return std::string(trim(std::string_view(line).substr(mark.size())));
  return std::string(trim(said));
}

}  // namespace

Result<Fetcher> Fetcher::create(std::string hub, std::stop_token stop) {
  if (!hub.ends_with('/')) hub += '/';
  WEIR_TRY(auto folder, TempFolder::create("weir-packages-"));
  return Fetcher(std::move(hub), std::move(folder), std::move(stop));
}

fs::path Fetcher::next_folder() {
  return folder_.path() / std::to_string(++count_);
}

Result<std::string> Fetcher::body(std::string const& address, std::uint64_t most_bytes) {
  WEIR_TRY(auto response, http::fetch({.url = address, .most_bytes = most_bytes, .stop = stop_}));
  if (response.status >= 400)
    return Error(ErrorKind::Config, fmt::format("there is nothing at {} (HTTP {})", address, response.status))
        .object(address)
        .state(kNothingInstalled)
        .next("correct the address");
  return std::move(response.body);
}

Result<std::vector<std::string>> Fetcher::hub_index() {
  std::string const address = hub_ + "api/v1/index.json";
  WEIR_TRY(auto text, body(address, kMostOfAnswer));
  WEIR_TRY(auto const root, read_answer(address, text));
  return project::to_data(*root).texts();
}

Result<std::vector<HubVersion> const*> Fetcher::hub_versions(std::string const& package) {
  if (auto const found = hub_packages_.find(package); found != hub_packages_.end()) return &found->second;
  std::string const address = fmt::format("{}api/v1/{}.json", hub_, package);
  WEIR_TRY(auto response, http::fetch({.url = address, .most_bytes = kMostOfAnswer, .stop = stop_}));
  if (response.status >= 400) {
    WEIR_TRY(auto const known, hub_index());
    std::string next = did_you_mean(package, known);
    return Error(ErrorKind::Config, fmt::format("package \"{}\" does not exist in the hub", package))
        .object(package)
        .cause(fmt::format("{} answered with HTTP {}", address, response.status))
        .state(kNothingInstalled)
        .next(next.empty() ? "look for its name at https://hub.getdbt.com" : next);
  }
  WEIR_TRY(auto const root, read_answer(address, response.body));
  WEIR_TRY(auto versions, versions_of(address, root));
  warn_of_redirect(package, *root);
  return &hub_packages_.emplace(package, std::move(versions)).first->second;
}

Status Fetcher::run_git(std::vector<std::string> arguments, fs::path const& folder, std::string const& address,
                        std::string* said) {
  // Within a hook of git these name the repository that is committed to: it is none of ours.
  std::vector<std::string> command{"/usr/bin/env"};
  for (char const* name : {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY",
                           "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE", "GIT_PREFIX", "GIT_IMPLICIT_WORK_TREE",
                           "GIT_QUARANTINE_PATH", "GIT_SHALLOW_FILE", "GIT_GRAFT_FILE"})
    command.insert(command.end(), {"-u", name});
  command.insert(command.end(), {"LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "git"});
  command.insert(command.end(), arguments.begin(), arguments.end());
  fs::path const output = folder_.path() / fmt::format("git-{}.txt", ++count_);
  WEIR_TRY(int const status, run_child(command, {.folder = folder, .output = output}, kLongestGit, stop_));
  WEIR_TRY(std::string const text, read_file(output));
  if (said != nullptr) *said = std::string(trim(text));
  if (status == 0) return {};
  if (status == 127)
    return Error(ErrorKind::Config, fmt::format("cannot fetch {}: the program \"git\" is not installed", address))
        .object(address)
        .state(kNothingInstalled)
        .next("install git");
  return Error(ErrorKind::Unavailable, fmt::format("could not fetch {}", address))
      .object(address)
      .cause("git: " + complaint(text))
      .state(kNothingInstalled)
      .next("check the address and the revision, and that git itself may read it: git ls-remote " + address);
}

Result<Checkout> Fetcher::git(std::string const& address, std::string const& revision) {
  auto const key = std::pair(address, revision);
  if (auto const found = checkouts_.find(key); found != checkouts_.end()) return found->second;
  fs::path const folder = next_folder();
  std::error_code failed;
  fs::create_directory(folder, failed);
  WEIR_DO(run_git({"init", "--quiet"}, folder, address));
  // A name that is both a tag and a branch is the tag, by git's own rule.
  WEIR_DO(run_git({"fetch", "--quiet", "--depth", "1", "--no-recurse-submodules", "--", address, revision}, folder,
                  address));
  WEIR_DO(run_git({"checkout", "--quiet", "FETCH_HEAD"}, folder, address));
  Checkout made{folder, {}};
  WEIR_DO(run_git({"rev-parse", "HEAD"}, folder, address, &made.commit));
  fs::remove_all(folder / ".git", failed);
  WEIR_DO(check_links(folder, address));
  return checkouts_.emplace(key, std::move(made)).first->second;
}

Result<fs::path> Fetcher::tarball(std::string const& address, std::string const& sha1) {
  if (auto const found = tarballs_.find(address); found != tarballs_.end()) return found->second;
  WEIR_TRY(std::string const archive, body(address, kMostOfArchive));
  if (std::string const is = sha1_hex(archive); !sha1.empty() && !equals_ignoring_case(is, sha1))
    return Error(ErrorKind::Refused, fmt::format("{} is not the archive that the hub knows", address))
        .object(address)
        .cause(fmt::format("its sha1 is {}, the hub says {}", is, sha1))
        .state(kNothingInstalled)
        .next("try again; if it stays so, install the package as a git package and tell its makers");
  fs::path const folder = next_folder();
  std::error_code failed;
  fs::create_directory(folder, failed);
  WEIR_DO(unpack(archive, folder, address, stop_));
  std::vector<fs::path> found;
  for (auto const& entry : fs::directory_iterator(folder, failed)) found.push_back(entry.path());
  if (found.size() != 1 || !fs::is_directory(found[0], failed))
    return Error(ErrorKind::Data, fmt::format("{} holds {}, and one folder was expected", address,
                                              plural(found.size(), "thing") + " at its top"))
        .object(address)
        .state(kNothingInstalled)
        .next("make the archive of one folder that holds dbt_project.yml");
  return tarballs_.emplace(address, found[0]).first->second;
}

}  // namespace weir::packages
