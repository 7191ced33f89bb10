#pragma once
// Texts of a notice made fit to be told: they may come from anybody. Private to alert. Pure.

#include <cstddef>
#include <string>
#include <string_view>

#include "alert/notice.h"

namespace weir::alert {

// The same notice with secrets masked, what is no UTF-8 replaced by U+FFFD, control characters and those that turn the
// direction of text left out, ids and title in one line, `next` and the others without blank ends, links without an
// address that a person could follow as texts, and nothing longer than 4,000 characters (data: 64 kB, or it is left
// out). Everything that is sent comes from one of these.
Notice presentable(Notice const& notice);

// "" or the first `most` UTF-16 units (what chats and pagers count), the last of them "…" where something was cut off.
std::string cut(std::string_view text, std::size_t most);

// ✖ orders is late, ✔ orders is fresh again.
std::string headline(Notice const& notice);

// Cause, impact, ... with what they are called, in the order in which they are told; those that are not "".
struct Line {
  std::string_view name;   // "cause", "impact", "heals", "next": keys, too
  std::string_view label;  // "Heals itself"
  std::string_view text;   // the notice's
};
std::vector<Line> lines_of(Notice const& notice);

// The next character of UTF-8, from `at`, which moves behind it.
std::string_view next_character(std::string_view text, std::size_t& at);

}  // namespace weir::alert
