#include "packages/install.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "packages/add.h"
#include "packages/fetch.h"
#include "packages/lock_file.h"
#include "packages/resolve.h"
#include "project/package_files.h"
#include "project/profile_render.h"
#include "project/project_file.h"

namespace weir::packages {
namespace {

namespace fs = std::filesystem;
using project::Data;
using project::PackageSpec;
using Kind = PackageSpec::Kind;

constexpr char const* kIncoming = "__incoming";       // of the packages folder; the project's reader skips such names
constexpr char const* kInstalled = ".installed.yml";  // what is there, in the form of a lock file

struct Root {
  fs::path folder, packages;
  std::string name;
};

bool is_at_or_below(fs::path const& path, fs::path const& folder) {
  auto const relative = path.lexically_relative(folder);
  return !relative.empty() && *relative.begin() != "..";
}

// What is in the packages folder and not in the lock file goes away, so it must be a folder for nothing else.
Status check_packages_folder(Root const& root, project::ProjectFile const& file) {
  bool holds_others = is_at_or_below(root.folder, root.packages);
  for (auto const& path : file.all_source_paths())
    holds_others = holds_others || is_at_or_below((root.folder / path).lexically_normal(), root.packages);
  if (!holds_others) return {};
  return Error(ErrorKind::Refused,
               fmt::format("packages-install-path \"{}\" is where sources of the project stand", file.packages_path))
      .where("dbt_project.yml")
      .state("nothing was changed")
      .next("give packages a folder of their own, like dbt_packages");
}

Result<Root> read_root(InstallOptions const& options) {
  WEIR_TRY(auto const folder, project::find_project_folder(options.project_dir));
  project::RenderText const as_written = [](std::string_view text) -> Result<Data> { return Data(std::string(text)); };
  WEIR_TRY(auto file, project::read_project_file(folder, as_written));
  if (project::has_template(file.packages_path)) {
    WEIR_TRY(Data const path, project::profile_renderer(options.vars)(file.packages_path));
    file.packages_path = path.str();
  }
  Root root{folder, (folder / file.packages_path).lexically_normal(), file.name};
  if (!root.packages.has_filename()) root.packages = root.packages.parent_path();
  WEIR_DO(check_packages_folder(root, file));
  return root;
}

struct Lock {
  std::vector<PackageSpec> specs;
};

// The lock file that is there, if it was made for packages with this hash.
Result<std::optional<Lock>> read_lock(fs::path const& path, std::string const& hash,
                                      project::RenderText const& render) {
  std::error_code failed;
  if (!fs::exists(path, failed)) return std::optional<Lock>();
  WEIR_TRY(std::string text, read_file(path));
  WEIR_TRY(auto const root, project::read_yaml(path.filename().string(), std::move(text)));
  auto const* made_for = root->find("sha1_hash");
  if (made_for == nullptr || made_for->text != hash) return std::optional<Lock>();
  Lock lock;
  WEIR_TRY(lock.specs, project::package_specs(*root, render));
  return std::optional(std::move(lock));
}

// The lock file as it is to be: the one that is there, else a new one.
Result<Lock> current_lock(Root const& root, InstallOptions const& options, std::vector<PackageSpec> const& specs,
                          ResolveOptions const& how, Fetcher& fetcher) {
  fs::path const path = root.folder / project::kLockFile;
  std::string const hash = project::specs_hash(specs);
  if (!options.upgrade) {
    WEIR_TRY(auto there, read_lock(path, hash, how.render));
    if (there) return std::move(*there);
  }
  WEIR_TRY(auto const pinned, resolve(specs, how, fetcher));
  WEIR_DO(write_file(path, lock_text(pinned, hash)));
  log_info("Updating lock file in file path: {}", path.lexically_relative(fs::current_path()).string());
  WEIR_TRY(auto made, read_lock(path, hash, how.render));
  return made ? std::move(*made) : Lock{};
}

// The entry of a lock file, as it is compared with what is installed.
Data entry_of(PackageSpec const& spec) {
  Pinned pinned{spec, spec.name, spec.versions.empty() ? "" : spec.versions.front(), {}, {}, {}, {}};
  return lock_entry(pinned);
}

// What is in the packages folder, as it was written down when it was put there.
Data::List installed_entries(fs::path const& folder) {
  auto text = read_file(folder / kInstalled);
  if (!text.ok()) return {};
  auto const root = project::read_yaml(kInstalled, std::move(text).value());
  if (!root.ok() || (*root)->kind != yaml::Kind::Mapping) return {};
  return project::to_data(**root)["packages"].items();
}

bool is_installed(Root const& root, PackageSpec const& spec, Data::List const& entries) {
  std::error_code failed;
  fs::path const folder = root.packages / spec.name;
  if (spec.name.empty() || !fs::exists(folder / "dbt_project.yml", failed)) return false;
  if (spec.kind == Kind::Local) return fs::equivalent(folder, root.folder / spec.source, failed);
  for (auto const& entry : entries)
    if (entry["name"].str() == spec.name) return entry == entry_of(spec);
  if (spec.kind != Kind::Hub) return false;
  // Put there by others, perhaps with the project: its own word for its version is taken.
  project::RenderText const as_written = [](std::string_view text) -> Result<Data> { return Data(std::string(text)); };
  auto const file = project::read_project_file(folder, as_written);
  return file.ok() && file->name == spec.name && spec.versions == std::vector{file->version};
}

Error not_placed(fs::path const& path, std::error_code const& why) {
  return Error(ErrorKind::Config, fmt::format("could not put a package into {}: {}", path.string(), why.message()))
      .where(path.string())
      .next("check the folder's rights and the space on its disk, then run dbt deps again");
}

// A link from a repository's subdirectory to elsewhere in the repository: what it stands for comes along.
Status follow_links(fs::path const& from, fs::path const& to) {
  std::error_code failed;
  fs::path const top = fs::canonical(from, failed);
  for (fs::recursive_directory_iterator at(from, failed), end; !failed && at != end; at.increment(failed)) {
    if (!at->is_symlink() || !fs::exists(at->path())) continue;
    fs::path const really = fs::canonical(at->path(), failed);
    if (failed || *really.lexically_relative(top).begin() != "..") continue;
    fs::path const copy = to / at->path().lexically_relative(from);
    fs::remove(copy, failed);
    fs::copy(really, copy, fs::copy_options::recursive | fs::copy_options::copy_symlinks, failed);
    if (failed) return not_placed(copy, failed);
  }
  if (failed) return not_placed(to, failed);
  return {};
}

// Puts a package beside the installed ones.
Status bring(Root const& root, Pinned const& package, Fetcher& fetcher) {
  fs::path const to = root.packages / kIncoming / package.name;
  std::error_code failed;
  fs::path from = package.folder;
  if (package.spec.kind == Kind::Local) {
    fs::create_directory_symlink(from, to, failed);
    if (!failed) return {};
  } else if (package.spec.kind == Kind::Hub) {
    WEIR_TRY(from, fetcher.tarball(package.tarball, package.sha1));
  }
  fs::copy(from, to, fs::copy_options::recursive | fs::copy_options::copy_symlinks, failed);
  if (failed) return not_placed(to, failed);
  return package.spec.subdirectory.empty() ? Status() : follow_links(from, to);
}

Result<Pinned> fetch_one(Root const& root, PackageSpec const& spec, ResolveOptions const& how, Fetcher& fetcher) {
  auto pinned = pin(spec, how, fetcher);
  Status brought = pinned.ok() ? bring(root, *pinned, fetcher) : Status(std::move(pinned).error());
  if (!brought.ok()) return std::move(brought).error().context(fmt::format("installing package \"{}\"", spec.label()));
  return pinned;
}

void say_installed(Pinned const& package) {
  auto const& spec = package.spec;
  switch (spec.kind) {
    case Kind::Hub:
      log_info("Installed from version {}", package.version);
      if (package.latest == package.version) {
        log_info("Up to date!");
      } else {
        log_info("Updated version available: {}", package.latest);
      }
      break;
    case Kind::Git:
      log_info("Installed from revision {}", package.version);
      if (!spec.subdirectory.empty()) log_info("and subdirectory {}", spec.subdirectory);
      break;
    case Kind::Tarball:
      log_info("Installed from tarball (url: {})", spec.source);
      break;
    case Kind::Local:
      log_info("Installed from <local @ {}>", spec.source);
      break;
  }
}

// The new ones in the place of the old ones; what the lock file does not name goes away.
Status put_in_place(Root const& root, std::vector<std::string> const& fresh, Lock const& lock) {
  std::error_code failed;
  if (!fresh.empty()) fs::remove(root.packages / kInstalled, failed);  // vouches for nothing until all are in place
  for (auto const& name : fresh) {
    fs::remove_all(root.packages / name, failed);
    if (!failed) fs::rename(root.packages / kIncoming / name, root.packages / name, failed);
    if (failed) return not_placed(root.packages / name, failed);
  }
  Data::List entries;
  std::vector<std::string> kept{kInstalled};
  for (auto const& spec : lock.specs) {
    entries.push_back(entry_of(spec));
    kept.push_back(spec.name);
  }
  std::vector<fs::path> leaving;
  for (auto const& entry : fs::directory_iterator(root.packages, failed))
    if (std::find(kept.begin(), kept.end(), entry.path().filename().string()) == kept.end())
      leaving.push_back(entry.path());
  for (auto const& path : leaving) fs::remove_all(path, failed);
  return write_file(root.packages / kInstalled, block_yaml(Data::Dict{{"packages", std::move(entries)}}));
}

// A lock file of an older dbt says no names: a package's own word is asked.
Status complete_names(Lock& lock, ResolveOptions const& how, Fetcher& fetcher) {
  for (auto& spec : lock.specs) {
    if (!spec.name.empty()) continue;
    WEIR_TRY(auto const pinned, pin(spec, how, fetcher));
    spec.name = pinned.name;
  }
  return {};
}

Status install(Root const& root, Lock const& lock, InstallOptions const& options, ResolveOptions const& how,
               Fetcher& fetcher) {
  std::error_code failed;
  fs::path const incoming = root.packages / kIncoming;
  fs::remove_all(incoming, failed);
  fs::create_directories(incoming, failed);
  if (failed) return not_placed(incoming, failed);
  auto const cleaner = TempFolder::adopt(incoming);
  auto const entries = installed_entries(root.packages);
  std::vector<std::string> fresh, behind;
  for (auto const& spec : lock.specs) {
    log_info("Installing {}", spec.kind == Kind::Tarball ? spec.name : spec.label());
    if (!options.upgrade && is_installed(root, spec, entries)) {
      log_info("Already there");
      continue;
    }
    WEIR_TRY(auto const pinned, fetch_one(root, spec, how, fetcher));
    if (pinned.name != spec.name)
      return Error(ErrorKind::Config, fmt::format("package {} is called \"{}\" now, and \"{}\" in {}", spec.label(),
                                                  pinned.name, spec.name, project::kLockFile))
          .object(spec.label())
          .state("installed packages are as they were")
          .next("weir dbt deps --upgrade");
    say_installed(pinned);
    fresh.push_back(pinned.name);
    if (pinned.latest != (spec.kind == Kind::Hub ? pinned.version : "")) behind.push_back(spec.source);
  }
  WEIR_DO(put_in_place(root, fresh, lock));
  if (!behind.empty())
    log_info("Updates available for packages: {}; change their versions and run dbt deps", join(behind, ", "));
  return {};
}

}  // namespace

Status install_packages(InstallOptions const& options) {
  WEIR_TRY(auto const root, read_root(options));
  ResolveOptions const how{root.folder, root.name, project::profile_renderer(options.vars), options.check_dbt_version};
  WEIR_TRY(auto declared, project::read_declared_packages(root.folder, how.render));
  if (options.add) {
    WEIR_DO(add_package(root.folder, declared.file, *options.add));
    WEIR_TRY(declared, project::read_declared_packages(root.folder, how.render));
  }
  if (declared.specs.empty()) {
    log_info("Warning: No packages were found in packages.yml");
    return {};
  }
  WEIR_TRY(auto fetcher, Fetcher::create(options.hub, options.stop));
  WEIR_TRY(auto lock, current_lock(root, options, declared.specs, how, fetcher));
  if (options.lock_only) return {};
  WEIR_DO(complete_names(lock, how, fetcher));
  return install(root, lock, options, how, fetcher);
}

}  // namespace weir::packages
