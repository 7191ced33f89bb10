#include "project/package_files.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/text.h"

namespace weir::project {
namespace {

using Kind = PackageSpec::Kind;

Error wrong(yaml::Node const& at, std::string message) {
  return yaml::error_at(at.mark, std::move(message)).state("nothing was installed");
}

// Python's json.dumps writes ASCII alone.
std::string ascii_json(Data const& data) {
  std::string text, out;
  append_json(text, data, KeyOrder::Sorted);
  auto const escape = [&out](std::uint32_t unit) { out += fmt::format("\\u{:04x}", unit); };
  for (std::size_t i = 0; i < text.size();) {
    auto const lead = static_cast<unsigned char>(text[i]);
    std::size_t const length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (length == 1) {
      out += text[i++];
      continue;
    }
    std::uint32_t point = lead & (0xFFU >> (length + 1));
    for (std::size_t k = 1; k < length && i + k < text.size(); ++k)
      point = point << 6U | (static_cast<unsigned char>(text[i + k]) & 0x3FU);
    i += length;
    if (point < 0x10000) {
      escape(point);
    } else {
      escape(0xD800 + ((point - 0x10000) >> 10U));
      escape(0xDC00 + ((point - 0x10000) & 0x3FFU));
    }
  }
  return out;
}

// Keys an entry may have, the first of which says its kind.
struct EntryShape {
  std::string_view key;
  Kind kind;
  std::vector<std::string> others;
};

std::vector<EntryShape> const& shapes() {
  static std::vector<EntryShape> const all{
      {"package", Kind::Hub, {"version", "install_prerelease", "install-prerelease", "name"}},
      {"git", Kind::Git, {"revision", "warn-unpinned", "warn_unpinned", "subdirectory", "name"}},
      {"private", Kind::Git, {"provider", "revision", "warn-unpinned", "warn_unpinned", "subdirectory", "name"}},
      {"tarball", Kind::Tarball, {"name"}},
      {"local", Kind::Local, {"name"}}};
  return all;
}

Result<EntryShape const*> shape_of(yaml::Node const& entry) {
  static std::vector<std::string> const kinds{"package", "git", "private", "tarball", "local"};
  if (entry.kind != yaml::Kind::Mapping)
    return wrong(entry, "a package is a mapping like {package: dbt-labs/dbt_utils, version: 1.3.0}");
  EntryShape const* found = nullptr;
  for (auto const& shape : shapes())
    if (entry.find(shape.key) != nullptr && found == nullptr) found = &shape;
  if (found == nullptr)
    return wrong(entry, "a package says where it comes from, and this one does not")
        .next("give it one of: " + join(kinds, ", "));
  for (auto const& pair : entry.entries) {
    auto const& key = pair.key->text;
    if (key == found->key || std::find(found->others.begin(), found->others.end(), key) != found->others.end())
      continue;
    std::string next = did_you_mean(key, found->others);
    return wrong(*pair.key, fmt::format("a package with \"{}\" has no key \"{}\"", found->key, key))
        .next(next.empty() ? "remove it" : next);
  }
  return found;
}

// Where a company's own repository stands, by its provider.
Result<std::string> private_address(std::string const& path, Data const& provider, yaml::Node const& entry) {
  std::string const name = provider.is_none() ? "github" : provider.str();
  if (name == "github") return fmt::format("git@github.com:{}.git", path);
  if (name == "gitlab") return fmt::format("git@gitlab.com:{}.git", path);
  if (name == "azure_active_directory" || name == "ado") return fmt::format("git@ssh.dev.azure.com:v3/{}", path);
  return wrong(entry, fmt::format("provider \"{}\" of a private package does not exist", name))
      .next("there is: github, gitlab, ado; or write it as a git package");
}

// The entry in the form that dbt hashes.
std::string canonical_form(EntryShape const& shape, Data const& said, Data const& written) {
  Data::Dict form{{std::string(shape.key), said[shape.key]}, {"unrendered", written}};
  if (!said["name"].is_none()) form.emplace_back("name", said["name"]);
  if (shape.kind == Kind::Hub) {
    form.emplace_back("version", said["version"]);
    form.emplace_back("install_prerelease", said["install_prerelease"].truth());
  } else if (shape.kind == Kind::Git) {
    form.emplace_back("revision", said["revision"]);
    form.emplace_back("subdirectory", said["subdirectory"]);
    form.emplace_back("warn-unpinned", said["warn-unpinned"]);
    if (shape.key == "private") form.emplace_back("provider", said["provider"]);
  }
  return ascii_json(Data(std::move(form)));
}

Status check_hub(PackageSpec const& spec, yaml::Node const& entry) {
  if (spec.source.find('/') == std::string::npos)
    return wrong(entry, fmt::format("\"{}\" names no package of the hub: its namespace is missing", spec.source))
        .next("write it like dbt-labs/dbt_utils");
  if (spec.versions.empty())
    return wrong(entry, fmt::format("package \"{}\" has no version", spec.source))
        .next("add version: with a version or a list of bounds, like [\">=1.1.0\", \"<2.0.0\"]");
  return {};
}

Result<PackageSpec> spec_of(yaml::Node const& entry, RenderText const& render) {
  WEIR_TRY(auto const* shape, shape_of(entry));
  WEIR_TRY(Data const said, render_yaml(entry, render));
  Data const written = to_data(entry);
  PackageSpec spec;
  spec.kind = shape->kind;
  spec.place = entry.mark.text();
  spec.source = said[shape->key].is_none() ? "" : said[shape->key].str();
  spec.written = written[shape->key].str();
  if (spec.source.empty()) return wrong(entry, fmt::format("\"{}\" of a package is empty", shape->key));
  spec.canonical = canonical_form(*shape, said, written);
  spec.name = said["name"].is_none() ? "" : said["name"].str();
  spec.subdirectory = said["subdirectory"].is_none() ? "" : said["subdirectory"].str();
  spec.versions = said[spec.kind == Kind::Git ? "revision" : "version"].texts();
  spec.with_prereleases = said["install_prerelease"].truth() || said["install-prerelease"].truth();
  for (auto const* key : {"warn-unpinned", "warn_unpinned"})
    if (!said[key].is_none()) spec.warn_unpinned = said[key].truth();
  if (shape->key == "private") {
    WEIR_TRY(spec.source, private_address(spec.source, said["provider"], entry));
    spec.written = spec.source;
  }
  if (spec.kind == Kind::Tarball && spec.name.empty())
    return wrong(entry, "a tarball has no name").next("add name: with the name of the project in it");
  if (spec.kind == Kind::Hub) {
    WEIR_DO(check_hub(spec, entry));
  }
  return spec;
}

// Null where the file is not there or empty.
Result<yaml::NodePtr> read_if_there(std::filesystem::path const& path) {
  std::error_code failed;
  if (!std::filesystem::exists(path, failed)) return yaml::NodePtr();
  WEIR_TRY(std::string text, read_file(path));
  WEIR_TRY(auto root, read_yaml(path.filename().string(), std::move(text)));
  if (root->kind == yaml::Kind::Null) return yaml::NodePtr();
  if (root->kind != yaml::Kind::Mapping)
    return wrong(*root,
                 fmt::format("{} is a mapping of keys, not {}", path.filename().string(), kind_name(root->kind)));
  return root;
}

}  // namespace

std::string PackageSpec::label() const {
  return subdirectory.empty() ? source : source + "/" + subdirectory;
}

Result<std::vector<PackageSpec>> package_specs(yaml::Node const& root, RenderText const& render) {
  std::vector<PackageSpec> specs;
  auto const* list = root.find("packages");
  if (list == nullptr || list->kind == yaml::Kind::Null) return specs;
  if (list->kind != yaml::Kind::Sequence)
    return wrong(*list, fmt::format("\"packages\" is a list of packages, not {}", kind_name(list->kind)));
  for (auto const& entry : list->items) {
    WEIR_TRY(auto spec, spec_of(*entry, render));
    specs.push_back(std::move(spec));
  }
  return specs;
}

Result<DeclaredPackages> read_declared_packages(std::filesystem::path const& folder, RenderText const& render) {
  WEIR_TRY(auto const packages, read_if_there(folder / kPackagesFile));
  WEIR_TRY(auto const dependencies, read_if_there(folder / kDependenciesFile));
  DeclaredPackages declared;
  bool const in_dependencies = dependencies != nullptr && dependencies->find("packages") != nullptr;
  if (packages != nullptr) {
    if (in_dependencies && packages->find("packages") != nullptr)
      return wrong(*packages, fmt::format("\"packages\" stands in both {} and {}", kPackagesFile, kDependenciesFile))
          .next("keep one of the two");
    for (auto const& entry : packages->entries)
      if (entry.key->text != "packages")
        return wrong(*entry.key, fmt::format("{} has no key \"{}\"", kPackagesFile, entry.key->text))
            .next(entry.key->text == "projects" ? fmt::format("move it to {}", kDependenciesFile)
                                                : "it holds a list under \"packages\"");
  }
  if (in_dependencies) {
    RenderText const as_written = [](std::string_view text) -> Result<Data> { return Data(std::string(text)); };
    declared.file = kDependenciesFile;
    WEIR_TRY(declared.specs, package_specs(*dependencies, as_written));
  } else if (packages != nullptr) {
    WEIR_TRY(declared.specs, package_specs(*packages, render));
  }
  return declared;
}

std::string specs_hash(std::vector<PackageSpec> const& specs) {
  std::vector<std::string> forms;
  for (auto const& spec : specs) forms.push_back(spec.canonical);
  std::sort(forms.begin(), forms.end());
  return sha1_hex(join(forms, "\n"));
}

}  // namespace weir::project
