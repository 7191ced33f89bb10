#pragma once
// Versions of packages and of dbt, and ranges of them, ordered as dbt orders them: semver.org 2.0 with dbt's own rules
// for where a pre-release stands at a bound. Values; any thread.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::project {

// A version, or a bound of a range: ">=1.2.0".
struct Version {
  enum class Bound : std::uint8_t { Exact, Above, AtLeast, Below, AtMost };
  Bound bound = Bound::Exact;
  std::int64_t major = 0, minor = 0, patch = 0;
  std::string prerelease, build;

  std::string text() const;  // with its sign; "=1.2.0" for an exact one
};

// Nothing where it is no version of three numbers. Spaces around the parts are let pass.
std::optional<Version> parse_version(std::string_view text);
// Below, equal, above: <0, 0, >0.
int compare(Version const& a, Version const& b);

struct VersionRange {
  std::optional<Version> from, to;  // nothing: open
  std::string text() const;         // ">=1.0.0, <2.0.0"; "ANY"
};

// What satisfies all of them; nothing if that cannot be.
std::optional<VersionRange> reduce(std::span<Version const> bounds);
bool satisfies(Version const& version, VersionRange const& range);

}  // namespace weir::project
