#include "project/version.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"

namespace weir::project {
namespace {

using Bound = Version::Bound;

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}

class RangeReader {
 public:
  explicit RangeReader(std::string_view text) : rest_(trim(text)) {}

  bool take(std::string_view sign) {
    if (!rest_.starts_with(sign)) return false;
    rest_.remove_prefix(sign.size());
    return true;
  }

  Bound bound() {
    Bound const found = take(">=")   ? Bound::AtLeast
                        : take("<=") ? Bound::AtMost
                        : take(">")  ? Bound::Above
                        : take("<")  ? Bound::Below
                                     : (take("="), Bound::Exact);
    rest_ = trim(rest_);
    return found;
  }

  // Without leading zeros: of "01" only the "0" is taken.
  std::optional<std::int64_t> number() {
    std::size_t length = 0;
    while (length < rest_.size() && is_digit(rest_[length]) && !(length == 1 && rest_[0] == '0')) ++length;
    auto const value = parse_int(rest_.substr(0, length));
    rest_.remove_prefix(length);
    return value;
  }

  // Words of letters, digits and '-', separated by dots; nothing if one is empty.
  std::optional<std::string> words(bool zeros_may_lead) {
    std::string const taken(rest_.substr(0, rest_.find('+')));
    for (auto const& word : split(taken, '.')) {
      bool const is_number = std::all_of(word.begin(), word.end(), is_digit);
      if (word.empty() || !std::all_of(word.begin(), word.end(), [](char c) { return is_digit(c) || is_letter(c); }))
        return std::nullopt;
      if (!zeros_may_lead && is_number && word.size() > 1 && word[0] == '0') return std::nullopt;
    }
    rest_.remove_prefix(taken.size());
    return taken;
  }

  bool at_end() const { return rest_.empty(); }
  bool at(char c) const { return rest_.starts_with(c); }

 private:
  std::string_view rest_;
};

int sign_of(std::int64_t a, std::int64_t b) {
  return a < b ? -1 : a > b ? 1 : 0;
}

int compare_words(std::string const& a, std::string const& b) {
  auto const number_a = parse_int(a), number_b = parse_int(b);
  if (number_a && number_b) return sign_of(*number_a, *number_b);
  if (number_a) return -1;
  if (number_b) return 1;
  return a.compare(b) < 0 ? -1 : a == b ? 0 : 1;
}

int compare_prereleases(Version const& a, Version const& b) {
  if (a.prerelease.empty() && b.prerelease.empty()) return 0;
  // Below 2.0.0 means that 2.0.0-rc1 is not meant either.
  if (a.prerelease.empty()) return a.bound == Bound::Below ? -1 : 1;
  if (b.prerelease.empty()) return -1;
  auto const words_a = split(a.prerelease, '.'), words_b = split(b.prerelease, '.');
  for (std::size_t i = 0; i < std::min(words_a.size(), words_b.size()); ++i)
    if (int const order = compare_words(words_a[i], words_b[i]); order != 0) return order;
  return sign_of(static_cast<std::int64_t>(a.prerelease.size()), static_cast<std::int64_t>(b.prerelease.size()));
}

bool is_lower(Bound bound) {
  return bound == Bound::Above || bound == Bound::AtLeast;
}
bool is_upper(Bound bound) {
  return bound == Bound::Below || bound == Bound::AtMost;
}

// Of two bounds at the same version: which one leaves more below it.
int compare_bounds(Bound a, Bound b) {
  if ((a == Bound::AtLeast && b == Bound::AtMost) || (a == Bound::AtMost && b == Bound::AtLeast)) return 0;
  if ((a == Bound::Below && b == Bound::AtMost) || (b == Bound::Above && a == Bound::AtLeast) ||
      (is_upper(a) && is_lower(b)))
    return -1;
  if ((b == Bound::Below && a == Bound::AtMost) || (a == Bound::Above && b == Bound::AtLeast) ||
      (is_lower(a) && is_upper(b)))
    return 1;
  return 0;
}

using OneSide = std::optional<Version>;
// No value: the two exclude each other.
using Combined = std::optional<OneSide>;

Combined combine_with_exact(Version const& bound, Version const& exact) {
  int const order = compare(bound, exact);
  bool const fits = is_lower(bound.bound) ? order < 0 || (order == 0 && bound.bound == Bound::AtLeast)
                                          : order > 0 || (order == 0 && bound.bound == Bound::AtMost);
  return fits ? Combined(exact) : std::nullopt;
}

// `tighter`: the order that makes the second one the narrower bound.
Combined combine(OneSide const& a, OneSide const& b, int tighter) {
  if (!b) return a;
  if (!a) return b;
  if (a->bound == Bound::Exact && b->bound == Bound::Exact) return compare(*a, *b) == 0 ? Combined(*a) : std::nullopt;
  if (a->bound == Bound::Exact) return combine_with_exact(*b, *a);
  if (b->bound == Bound::Exact) return combine_with_exact(*a, *b);
  return OneSide(compare(*a, *b) * tighter > 0 ? *b : *a);
}

VersionRange range_of(Version const& version) {
  if (version.bound == Bound::Exact) return {version, version};
  if (is_lower(version.bound)) return {version, std::nullopt};
  return {std::nullopt, version};
}

}  // namespace

std::string Version::text() const {
  static constexpr std::string_view kSigns[] = {"=", ">", ">=", "<", "<="};
  return fmt::format("{}{}.{}.{}{}{}{}{}", kSigns[static_cast<int>(bound)], major, minor, patch,
                     prerelease.empty() ? "" : "-", prerelease, build.empty() ? "" : "+", build);
}

std::optional<Version> parse_version(std::string_view text) {
  RangeReader reader(text);
  Version version;
  version.bound = reader.bound();
  auto const major = reader.number();
  if (!major || !reader.take(".")) return std::nullopt;
  auto const minor = reader.number();
  if (!minor || !reader.take(".")) return std::nullopt;
  auto const patch = reader.number();
  if (!patch) return std::nullopt;
  version.major = *major;
  version.minor = *minor;
  version.patch = *patch;
  if (!reader.at_end() && !reader.at('+')) {
    reader.take("-");
    auto const words = reader.words(false);
    if (!words) return std::nullopt;
    version.prerelease = *words;
  }
  if (reader.take("+")) {
    auto const words = reader.words(true);
    if (!words) return std::nullopt;
    version.build = *words;
  }
  return reader.at_end() ? std::optional(version) : std::nullopt;
}

int compare(Version const& a, Version const& b) {
  if (int const order = sign_of(a.major, b.major); order != 0) return order;
  if (int const order = sign_of(a.minor, b.minor); order != 0) return order;
  if (int const order = sign_of(a.patch, b.patch); order != 0) return order;
  if (int const order = compare_prereleases(a, b); order != 0) return order;
  return compare_bounds(a.bound, b.bound);
}

std::string VersionRange::text() const {
  if (!from && !to) return "ANY";
  if (!from) return to->text();
  if (!to) return from->text();
  return from->text() + ", " + to->text();
}

std::optional<VersionRange> reduce(std::span<Version const> bounds) {
  if (bounds.empty()) return VersionRange{};
  VersionRange made = range_of(bounds.back());
  for (auto const& bound : bounds.first(bounds.size() - 1)) {
    auto const other = range_of(bound);
    auto const from = combine(made.from, other.from, -1);
    auto const to = combine(made.to, other.to, 1);
    if (!from || !to) return std::nullopt;
    made = {*from, *to};
    if (made.from && made.to && compare(*made.from, *made.to) > 0) return std::nullopt;
  }
  return made;
}

bool satisfies(Version const& version, VersionRange const& range) {
  std::vector<Version> bounds{version};
  bounds[0].bound = Bound::Exact;
  if (range.from) bounds.push_back(*range.from);
  if (range.to) bounds.push_back(*range.to);
  return reduce(bounds).has_value();
}

}  // namespace weir::project
