#include "base/words.h"

#include <fmt/format.h>

#include "base/text.h"

namespace weir {

Result<std::vector<std::string>> split_words(std::string_view line) {
  std::vector<std::string> words;
  bool inside = false;
  char quote = 0;
  std::string word;
  for (std::size_t i = 0; i < line.size(); ++i) {
    char const c = line[i];
    if (quote == 0 && (c == ' ' || c == '\t' || c == '\n')) {
      if (inside) words.push_back(std::move(word));
      word.clear();
      inside = false;
      continue;
    }
    inside = true;
    if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
    } else if (c == quote) {
      quote = 0;
    } else if (c == '\\' && quote != '\'' && i + 1 < line.size()) {
      word += line[++i];
    } else {
      word += c;
    }
  }
  if (quote != 0) return Error(ErrorKind::Config, fmt::format("a quote is not closed in: {}", trim(line)));
  if (inside) words.push_back(std::move(word));
  return words;
}

}  // namespace weir
