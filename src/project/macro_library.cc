#include "project/macro_library.h"

#include <algorithm>

#include <fmt/format.h>

namespace weir::project {
namespace {

template <typename Names>
MacroCode const* look_up(Names const& names, std::string_view name) {
  auto const found = names.find(name);
  return found == names.end() ? nullptr : found->second;
}

}  // namespace

bool is_internal_package(std::string_view package) {
  return std::find(std::begin(kInternalPackages), std::end(kInternalPackages), package) != std::end(kInternalPackages);
}

MacroLibrary::MacroLibrary(std::vector<MacroCode> macros, std::string root_package, std::vector<DispatchRule> dispatch,
                           std::vector<std::string> packages)
    : macros_(std::move(macros)),
      root_(std::move(root_package)),
      dispatch_(std::move(dispatch)),
      packages_(std::move(packages)) {
  for (auto const& macro : macros_) {
    by_package_[macro.package_name][macro.name] = &macro;
    by_id_[macro.unique_id] = &macro;
  }
  for (auto package = std::rbegin(kInternalPackages); package != std::rend(kInternalPackages); ++package)
    if (auto const found = by_package_.find(*package); found != by_package_.end())
      for (auto const& [name, macro] : found->second) internal_[name] = macro;
  any_ = internal_;
  for (auto const& macro : macros_)
    if (!is_internal_package(macro.package_name)) any_[macro.name] = &macro;
  if (auto const root = by_package_.find(root_); root != by_package_.end())
    for (auto const& [name, macro] : root->second) any_[name] = macro;
}

MacroCode const* MacroLibrary::find(std::string_view local, std::string_view name) const {
  if (!is_internal_package(local))
    if (auto const* macro = find_in(local, name)) return macro;
  if (auto const* macro = find_in(root_, name)) return macro;
  return look_up(internal_, name);
}

MacroCode const* MacroLibrary::find_in(std::string_view package, std::string_view name) const {
  return look_up(of_package(package), name);
}

bool MacroLibrary::has_package(std::string_view package) const {
  return package == "dbt" || (!is_internal_package(package) && by_package_.find(package) != by_package_.end());
}

MacroCode const* MacroLibrary::find_anywhere(std::string_view local, std::string_view name) const {
  if (auto const own = by_package_.find(local); own != by_package_.end())
    if (auto const* macro = look_up(own->second, name)) return macro;
  return look_up(any_, name);
}

MacroCode const* MacroLibrary::by_id(std::string_view unique_id) const {
  return look_up(by_id_, unique_id);
}

std::map<std::string, MacroCode const*, std::less<>> const& MacroLibrary::of_package(std::string_view package) const {
  static Names const none;
  if (package == "dbt") return internal_;
  auto const found = by_package_.find(package);
  return found == by_package_.end() ? none : found->second;
}

MacroCode const* MacroLibrary::dispatch(std::string_view local, std::string_view name, std::string_view macro_namespace,
                                        std::vector<std::string>* tried) const {
  std::vector<std::string> packages{""};
  if (!macro_namespace.empty()) {
    auto const rule = std::find_if(dispatch_.begin(), dispatch_.end(),
                                   [&](auto const& one) { return one.macro_namespace == macro_namespace; });
    bool const is_installed = macro_namespace == root_ || is_internal_package(macro_namespace) ||
                              std::find(packages_.begin(), packages_.end(), macro_namespace) != packages_.end();
    if (rule != dispatch_.end()) {
      packages = rule->search_order;
    } else if (is_installed) {
      packages = {root_, std::string(macro_namespace)};
    }
  }
  for (auto const& package : packages) {
    for (std::string_view const prefix : {"postgres", "default"}) {
      std::string const full = fmt::format("{}__{}", prefix, name);
      auto const* macro = package.empty() ? find(local, full) : find_in(package, full);
      if (macro != nullptr) return macro;
      if (tried != nullptr) tried->push_back(package.empty() ? full : package + "." + full);
    }
  }
  return nullptr;
}

MacroCode const* MacroLibrary::find_generator(std::string_view name, std::string_view package) const {
  if (!package.empty()) return is_internal_package(package) ? nullptr : find_in(package, name);
  if (auto const* macro = find_in(root_, name)) return macro;
  return look_up(internal_, name);
}

std::vector<std::string> MacroLibrary::names() const {
  std::vector<std::string> all;
  for (auto const& [name, macro] : any_) all.push_back(name);
  return all;
}

}  // namespace weir::project
