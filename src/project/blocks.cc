#include "project/blocks.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "yaml/node.h"

namespace weir::project {
namespace {

constexpr std::string_view kSpace = " \t\r\n\f\v";
constexpr auto npos = std::string_view::npos;

bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_name(char c) {
  return is_name_start(c) || (c >= '0' && c <= '9');
}

struct Tag {
  std::string_view type, name;
  std::size_t begin = 0, end = 0;  // white space that {%- and -%} take away belongs to it
};

class Scanner {
 public:
  Scanner(std::string_view text, std::string const& file) : text_(text), file_(file) {}

  // The next tag, or nothing at the end.
  Result<std::optional<Tag>> next() {
    for (;;) {
      auto const open = text_.find('{', at_);
      if (open == npos || open + 1 >= text_.size()) return std::optional<Tag>();
      at_ = open + 2;
      if (text_[open + 1] == '#') {
        auto const close = text_.find("#}", at_);
        if (close == npos) return error(open, "the comment that begins here has no end", "close it with #}");
        at_ = close + 2;
      } else if (text_[open + 1] == '{') {
        WEIR_DO(skip_to(open, "}}", "the expression that begins here has no end"));
      } else if (text_[open + 1] == '%') {
        WEIR_TRY(auto tag, take_tag(open));
        if (tag) return tag;
      } else {
        at_ = open + 1;
      }
    }
  }

  Error error(std::size_t at, std::string message, std::string next) const {
    yaml::Mark mark;
    mark.source = std::make_shared<yaml::Source const>(yaml::Source{file_, std::string(text_)});
    mark.line = line_of(at);
    auto const line_begin = text_.rfind('\n', at == 0 ? 0 : at - 1);
    mark.column = static_cast<int>(at - (line_begin == npos || at == 0 ? 0 : line_begin + 1)) + 1;
    mark.width = 2;
    return Error(ErrorKind::Template, std::move(message))
        .where(mark.text())
        .excerpt(mark.excerpt())
        .next(std::move(next));
  }

  int line_of(std::size_t at) const {
    return 1 + static_cast<int>(std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
  }

 private:
  void skip_space() {
    while (at_ < text_.size() && kSpace.find(text_[at_]) != npos) ++at_;
  }
  std::string_view take_name() {
    auto const begin = at_;
    if (at_ < text_.size() && is_name_start(text_[at_]))
      while (at_ < text_.size() && is_name(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  // Behind the next `close` that stands in no string.
  Status skip_to(std::size_t open, std::string_view close, std::string message) {
    while (at_ < text_.size()) {
      char const c = text_[at_];
      if (c == '\'' || c == '"') {
        std::size_t end = at_ + 1;
        while (end < text_.size() && text_[end] != c) end += text_[end] == '\\' ? 2 : 1;
        if (end >= text_.size())
          return error(at_, "the string that begins here has no end", fmt::format("close it with {}", c));
        at_ = end + 1;
      } else if (text_.substr(at_).starts_with(close)) {
        at_ += close.size();
        return {};
      } else {
        ++at_;
      }
    }
    return error(open, std::move(message), fmt::format("close it with {}", close));
  }

  Result<std::optional<Tag>> take_tag(std::size_t open) {
    bool const takes_space = at_ < text_.size() && text_[at_] == '-';
    if (at_ < text_.size() && (text_[at_] == '-' || text_[at_] == '+')) ++at_;
    skip_space();
    Tag tag;
    tag.type = take_name();
    if (tag.type.empty()) return std::optional<Tag>();
    tag.begin = open;
    if (takes_space)
      while (tag.begin > 0 && kSpace.find(text_[tag.begin - 1]) != npos) --tag.begin;
    if (tag.type == "raw") return skip_raw(open);
    if (auto const before = at_; before < text_.size() && kSpace.find(text_[before]) != npos) {
      skip_space();
      tag.name = take_name();
    }
    WEIR_DO(skip_to(open, "%}", "the tag that begins here has no end"));
    if (text_[at_ - 3] == '-') skip_space();
    tag.end = at_;
    return std::optional<Tag>(tag);
  }

  Result<std::optional<Tag>> skip_raw(std::size_t open) {
    for (auto end = text_.find("endraw", at_); end != npos; end = text_.find("endraw", end + 1)) {
      std::string_view before = text_.substr(0, end);
      while (!before.empty() && (kSpace.find(before.back()) != npos || before.back() == '-')) before.remove_suffix(1);
      auto const close = text_.find("%}", end);
      if (!before.ends_with("{%") || close == npos) continue;
      at_ = close + 2;
      return std::optional<Tag>();
    }
    return error(open, "the raw block that begins here has no end", "close it with {% endraw %}");
  }

  std::string_view text_;
  std::string const& file_;
  std::size_t at_ = 0;
};

}  // namespace

Result<std::vector<Block>> find_blocks(std::string_view text, std::vector<std::string_view> const& tags,
                                       std::string const& file) {
  Scanner scanner(text, file);
  std::vector<Block> blocks;
  std::vector<Tag> flow;  // if and for that are open
  std::optional<Tag> open;
  for (;;) {
    WEIR_TRY(auto const found, scanner.next());
    if (!found) break;
    Tag const& tag = *found;
    if (tag.type == "if" || tag.type == "for") {
      flow.push_back(tag);
    } else if (tag.type == "endif" || tag.type == "endfor") {
      if (flow.empty())
        return scanner.error(tag.begin, fmt::format("\"{}\" ends nothing", tag.type),
                             "remove it, or open what it ends");
      if (tag.type.substr(3) != flow.back().type)
        return scanner.error(
            tag.begin, fmt::format("\"{}\" stands where \"end{}\" is expected", tag.type, flow.back().type),
            fmt::format("the \"{}\" on line {} is still open", flow.back().type, scanner.line_of(flow.back().begin)));
      flow.pop_back();
    }
    if (std::find(tags.begin(), tags.end(), tag.type) != tags.end()) {
      if (!flow.empty())
        return scanner.error(tag.begin, fmt::format("\"{}\" stands within \"{}\"", tag.type, flow.back().type),
                             "define it at the top level of the file");
      if (open)
        return scanner.error(tag.begin, fmt::format("\"{}\" stands within \"{} {}\"", tag.type, open->type, open->name),
                             fmt::format("close the one on line {} first", scanner.line_of(open->begin)));
      open = tag;
    } else if (open && tag.type.starts_with("end") && tag.type.substr(3) == open->type) {
      Block block;
      block.tag = open->type;
      block.name = open->name;
      block.full = text.substr(open->begin, tag.end - open->begin);
      block.contents = text.substr(open->end, tag.begin - open->end);
      block.first_line = scanner.line_of(open->begin);
      block.contents_line = scanner.line_of(open->end);
      blocks.push_back(std::move(block));
      open.reset();
    }
  }
  if (open)
    return scanner.error(open->begin, fmt::format("\"{} {}\" has no end", open->type, open->name),
                         fmt::format("close it with {{% end{} %}}", open->type));
  return blocks;
}

}  // namespace weir::project
