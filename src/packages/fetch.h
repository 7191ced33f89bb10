#pragma once
// Packages as they come from where they are: the hub's answers, git repositories, unpacked tarballs. Everything lands
// in a temporary folder that goes with the Fetcher; what was fetched once is not fetched again. For this folder only;
// one thread.

#include <filesystem>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "yaml/node.h"

namespace weir::packages {

inline constexpr char const* kNothingInstalled = "installed packages are as they were";  // what errors say of the state

// One version of a package, as the hub tells it.
struct HubVersion {
  std::string version, name, tarball, sha1;
  std::vector<std::string> require_dbt_version;
  yaml::NodePtr entry;  // the whole of it; its own packages stand under `packages`
};

struct Checkout {
  std::filesystem::path folder;
  std::string commit;
};

class Fetcher {
 public:
  // `hub`: its address. Error: Config where no temporary folder can be made.
  static Result<Fetcher> create(std::string hub, std::stop_token stop);

  // All versions of a package, in the hub's order. A name that is not there: Config, with the nearest ones.
  Result<std::vector<HubVersion> const*> hub_versions(std::string const& package);
  // A repository at a branch, tag, commit or HEAD, without its history.
  Result<Checkout> git(std::string const& address, std::string const& revision);
  // The one folder that an archive (tar, or tar.gz) holds. `sha1`: what the archive's bytes must give; empty: anything.
  Result<std::filesystem::path> tarball(std::string const& address, std::string const& sha1);

 private:
  Fetcher(std::string hub, TempFolder folder, std::stop_token stop)
      : hub_(std::move(hub)), folder_(std::move(folder)), stop_(std::move(stop)) {}
  Result<std::string> body(std::string const& address, std::uint64_t most_bytes);
  Result<std::vector<std::string>> hub_index();
  std::filesystem::path next_folder();
  Status run_git(std::vector<std::string> arguments, std::filesystem::path const& folder, std::string const& address,
                 std::string* said = nullptr);

  std::string hub_;
  TempFolder folder_;
  std::stop_token stop_;
  int count_ = 0;
  std::map<std::string, std::vector<HubVersion>> hub_packages_;
  std::map<std::pair<std::string, std::string>, Checkout> checkouts_;
  std::map<std::string, std::filesystem::path> tarballs_;
};

}  // namespace weir::packages
