#include "packages/resolve.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/log.h"
#include "base/text.h"
#include "project/context.h"
#include "project/project_file.h"
#include "project/version.h"

namespace weir::packages {
namespace {

namespace fs = std::filesystem;
using project::PackageSpec;
using project::Version;
using Kind = PackageSpec::Kind;

std::string_view kind_text(Kind kind) {
  static constexpr std::string_view kTexts[] = {"hub", "git", "tarball", "local"};
  return kTexts[static_cast<int>(kind)];
}

// What is known of each package so far, in the order in which they were first asked for.
class Listing {
 public:
  std::vector<PackageSpec> const& specs() const { return specs_; }

  // The spec as it is with everything that was asked of this package.
  Result<PackageSpec const*> add(PackageSpec const& spec) {
    auto* there = find(spec);
    if (there == nullptr) {
      specs_.push_back(spec);
      return &specs_.back();
    }
    if (there->kind != spec.kind)
      return Error(ErrorKind::Config, fmt::format("\"{}\" is asked for as a {} package and as a {} package",
                                                  spec.label(), kind_text(there->kind), kind_text(spec.kind)))
          .object(spec.label())
          .where(spec.place)
          .state(kNothingInstalled)
          .next("ask for it in one way");
    for (auto const& version : spec.versions)
      if (std::find(there->versions.begin(), there->versions.end(), version) == there->versions.end())
        there->versions.push_back(version);
    there->warn_unpinned = there->warn_unpinned && spec.warn_unpinned;
    return there;
  }
  Status add_all(std::vector<PackageSpec> const& specs) {
    for (auto const& spec : specs) {
      WEIR_TRY([[maybe_unused]] auto const* added, add(spec));
    }
    return {};
  }

 private:
  // With and without .git an address is the same repository.
  static std::string key(PackageSpec const& spec) {
    if (spec.kind != Kind::Git) return spec.source;
    std::string address = spec.source;
    if (address.ends_with(".git")) address.resize(address.size() - 4);
    return address + "/" + spec.subdirectory;
  }
  PackageSpec* find(PackageSpec const& spec) {
    auto const found =
        std::find_if(specs_.begin(), specs_.end(), [&](auto const& one) { return key(one) == key(spec); });
    return found == specs_.end() ? nullptr : &*found;
  }

  std::vector<PackageSpec> specs_;
};

Error no_such_version(PackageSpec const& spec, std::string message) {
  return Error(ErrorKind::Config, std::move(message)).object(spec.source).where(spec.place).state(kNothingInstalled);
}

Result<std::vector<Version>> bounds_of(PackageSpec const& spec) {
  std::vector<Version> bounds;
  for (auto const& text : spec.versions)
    for (auto const& part : split(text, ',')) {
      auto const version = project::parse_version(part);
      if (!version)
        return no_such_version(spec, fmt::format("\"{}\" is no version of package \"{}\"", text, spec.source))
            .next("write it like 1.3.0, \">=1.1.0\" or [\">=1.1.0\", \"<2.0.0\"]");
      bounds.push_back(*version);
    }
  return bounds;
}

bool runs_here(HubVersion const& version) {
  std::vector<Version> bounds{*project::parse_version(project::kDbtVersion)};
  for (auto const& text : version.require_dbt_version)
    for (auto const& part : split(text, ','))
      if (auto const bound = project::parse_version(part)) bounds.push_back(*bound);
  return bounds.size() == 1 || project::reduce(bounds).has_value();
}

struct Candidate {
  Version version;
  HubVersion const* hub;
};

// Versions that may be installed, lowest first.
std::vector<Candidate> candidates(std::vector<HubVersion> const& all, bool check_dbt_version, bool prereleases) {
  std::vector<Candidate> found;
  for (auto const& one : all) {
    auto const version = project::parse_version(one.version);
    if (!version || (!prereleases && !version->prerelease.empty()) || (check_dbt_version && !runs_here(one))) continue;
    found.push_back({*version, &one});
  }
  std::stable_sort(found.begin(), found.end(),
                   [](auto const& a, auto const& b) { return project::compare(a.version, b.version) < 0; });
  return found;
}

Error none_fits(PackageSpec const& spec, project::VersionRange const& range, std::vector<Candidate> const& found,
                std::vector<HubVersion> const& all) {
  // Highest first: the ones people mean.
  std::vector<std::string> names;
  for (auto at = found.rbegin(); at != found.rend() && names.size() < 5; ++at) names.push_back(at->hub->version);
  bool const hidden = std::any_of(all.begin(), all.end(), [](auto const& one) { return !runs_here(one); });
  std::string cause = names.empty()
                          ? "the hub has no version of it that can be installed here"
                          : fmt::format("the hub has {}{}", join(names, ", "), found.size() > 5 ? ", ..." : "");
  if (hidden) cause += fmt::format("; others need another dbt than {}", project::kDbtVersion);
  return no_such_version(spec, fmt::format("package \"{}\" has no version that fits {}", spec.source, range.text()))
      .cause(std::move(cause))
      .next(hidden ? "ask for one of those, or take the others with --no-version-check" : "ask for one of those");
}

Result<Pinned> pin_hub(PackageSpec const& spec, ResolveOptions const& options, Fetcher& fetcher) {
  WEIR_TRY(auto const* all, fetcher.hub_versions(spec.source));
  WEIR_TRY(auto const bounds, bounds_of(spec));
  auto const range = project::reduce(bounds);
  if (!range) {
    std::vector<std::string> asked;
    for (auto const& bound : bounds) asked.push_back(bound.text());
    return no_such_version(spec, fmt::format("no version of package \"{}\" fits all that ask for it", spec.source))
        .cause(fmt::format("asked for: {}", join(asked, ", ")))
        .next("loosen one of the bounds; dbt deps --lock shows the result without installing it");
  }
  bool const prereleases = spec.with_prereleases || std::any_of(bounds.begin(), bounds.end(), [](auto const& bound) {
                             return !bound.prerelease.empty();
                           });
  auto const found = candidates(*all, options.check_dbt_version, prereleases);
  auto const best = std::find_if(found.rbegin(), found.rend(),
                                 [&](auto const& one) { return project::satisfies(one.version, *range); });
  if (best == found.rend()) return none_fits(spec, *range, found, *all);
  auto const& hub = *best->hub;
  return Pinned{spec, hub.name, hub.version, found.back().hub->version, hub.tarball, hub.sha1, {}};
}

// The project in a folder, by its name.
Result<std::string> project_name(fs::path const& folder, PackageSpec const& spec) {
  std::error_code failed;
  if (!fs::exists(folder / "dbt_project.yml", failed))
    return Error(ErrorKind::Config,
                 fmt::format("package \"{}\" is no dbt project: it has no dbt_project.yml", spec.label()))
        .object(spec.label())
        .where(spec.place)
        .state(kNothingInstalled)
        .next(spec.kind == Kind::Git && spec.subdirectory.empty()
                  ? "if the project is in a folder of the repository, name it with subdirectory:"
                  : "check the path");
  project::RenderText const as_written = [](std::string_view text) -> Result<project::Data> {
    return project::Data(std::string(text));
  };
  auto file = project::read_project_file(folder, as_written);
  if (!file.ok()) return std::move(file).error().context(fmt::format("reading package \"{}\"", spec.label()));
  return file->name;
}

bool stays_inside(fs::path const& path) {
  auto const normal = path.lexically_normal();
  return !normal.is_absolute() && (normal.empty() || *normal.begin() != "..");
}

Result<Pinned> pin_git(PackageSpec const& spec, Fetcher& fetcher) {
  std::set<std::string> const asked(spec.versions.begin(), spec.versions.end());
  if (asked.size() > 1)
    return Error(ErrorKind::Config, fmt::format("\"{}\" is asked for at more than one revision", spec.label()))
        .object(spec.label())
        .where(spec.place)
        .cause(fmt::format("asked for: {}", join(std::vector(asked.begin(), asked.end()), ", ")))
        .state(kNothingInstalled)
        .next("ask for one revision");
  std::string const revision = asked.empty() ? "HEAD" : *asked.begin();
  if (!stays_inside(spec.subdirectory))
    return Error(ErrorKind::Config, fmt::format("subdirectory \"{}\" leads out of the repository", spec.subdirectory))
        .object(spec.label())
        .where(spec.place)
        .state(kNothingInstalled)
        .next("name a folder of the repository");
  WEIR_TRY(auto const checkout, fetcher.git(spec.source, revision));
  Pinned pinned{spec, {}, checkout.commit, {}, {}, {}, checkout.folder / spec.subdirectory};
  WEIR_TRY(pinned.name, project_name(pinned.folder, spec));
  return pinned;
}

Result<Pinned> pin_tarball(PackageSpec const& spec, Fetcher& fetcher) {
  WEIR_TRY(auto const folder, fetcher.tarball(spec.source, ""));
  WEIR_TRY(auto const name, project_name(folder, spec));
  return Pinned{spec, spec.name.empty() ? name : spec.name, {}, {}, {}, {}, folder};
}

Result<Pinned> pin_local(PackageSpec const& spec, ResolveOptions const& options) {
  std::error_code failed;
  fs::path const folder = fs::absolute(options.root / spec.source, failed).lexically_normal();
  if (!fs::is_directory(folder, failed))
    return Error(ErrorKind::Config, fmt::format("the folder of local package \"{}\" does not exist", spec.source))
        .object(spec.source)
        .where(spec.place)
        .cause(fmt::format("looked for {}", folder.string()))
        .state(kNothingInstalled)
        .next("paths of local packages are relative to the project that is built");
  WEIR_TRY(auto const name, project_name(folder, spec));
  return Pinned{spec, name, {}, {}, {}, {}, folder};
}

// What a package asks for in turn.
Result<std::vector<PackageSpec>> needs(Pinned const& pinned, ResolveOptions const& options, Fetcher& fetcher) {
  if (pinned.spec.kind != Kind::Hub) {
    auto declared = project::read_declared_packages(pinned.folder, options.render);
    if (!declared.ok())
      return std::move(declared).error().context(fmt::format("reading package \"{}\"", pinned.spec.label()));
    return std::move(declared->specs);
  }
  WEIR_TRY(auto const* all, fetcher.hub_versions(pinned.spec.source));
  auto const hub =
      std::find_if(all->begin(), all->end(), [&](auto const& one) { return one.version == pinned.version; });
  return project::package_specs(*hub->entry, options.render);
}

void warn_if_unpinned(PackageSpec const& spec) {
  if (spec.kind != Kind::Git || !spec.warn_unpinned) return;
  std::string const revision = spec.versions.empty() ? "HEAD" : spec.versions.front();
  if (revision == "HEAD" || revision == "main" || revision == "master")
    log_info("[WARNING]: the git package \"{}\" is not pinned: {} moves on; give it a tag or a commit as revision",
             spec.label(), revision);
}

Status check_names(std::vector<Pinned> const& all, std::string const& root_name) {
  for (std::size_t i = 0; i < all.size(); ++i) {
    auto const& one = all[i];
    auto const same = [&](Pinned const& other) { return other.name == one.name; };
    auto const earlier = std::find_if(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(i), same);
    bool const is_root = one.name == root_name;
    if (!is_root && earlier == all.begin() + static_cast<std::ptrdiff_t>(i)) continue;
    return Error(ErrorKind::Config, fmt::format("two projects are called \"{}\"", one.name))
        .object(one.name)
        .where(one.spec.place)
        .cause(fmt::format("package \"{}\" and {}", one.spec.label(),
                           is_root ? "the project itself" : fmt::format("package \"{}\"", earlier->spec.label())))
        .state(kNothingInstalled)
        .next(is_root ? "rename the project" : "ask for one of the two only");
  }
  return {};
}

Result<Pinned> pin_by_kind(PackageSpec const& spec, ResolveOptions const& options, Fetcher& fetcher) {
  switch (spec.kind) {
    case Kind::Hub:
      return pin_hub(spec, options, fetcher);
    case Kind::Git:
      return pin_git(spec, fetcher);
    case Kind::Tarball:
      return pin_tarball(spec, fetcher);
    case Kind::Local:
      return pin_local(spec, options);
  }
  return Error(ErrorKind::Internal, "a package of no kind");
}

}  // namespace

Result<Pinned> pin(PackageSpec const& spec, ResolveOptions const& options, Fetcher& fetcher) {
  WEIR_TRY(auto pinned, pin_by_kind(spec, options, fetcher));
  // It becomes a folder's name.
  if (!project::is_project_name(pinned.name))
    return Error(ErrorKind::Data, fmt::format("\"{}\" cannot be a project's name", pinned.name))
        .object(spec.label())
        .where(spec.place)
        .state(kNothingInstalled)
        .next("ask who made the package");
  return pinned;
}

Result<std::vector<Pinned>> resolve(std::vector<PackageSpec> const& specs, ResolveOptions const& options,
                                    Fetcher& fetcher) {
  Listing pending, known;
  WEIR_DO(pending.add_all(specs));
  std::set<std::string> seen;  // packages that need each other end here
  while (!pending.specs().empty()) {
    Listing next;
    for (auto const& spec : pending.specs()) {
      WEIR_TRY(auto const* whole, known.add(spec));
      WEIR_TRY(auto const pinned, pin(*whole, options, fetcher));
      if (!seen.insert(fmt::format("{}@{}", spec.label(), join(whole->versions, ","))).second) continue;
      warn_if_unpinned(*whole);
      WEIR_TRY(auto const wanted, needs(pinned, options, fetcher));
      WEIR_DO(next.add_all(wanted));
    }
    pending = std::move(next);
  }
  std::vector<Pinned> all;
  for (auto const& spec : known.specs()) {
    WEIR_TRY(auto pinned, pin(spec, options, fetcher));
    all.push_back(std::move(pinned));
  }
  WEIR_DO(check_names(all, options.root_name));
  return all;
}

}  // namespace weir::packages
