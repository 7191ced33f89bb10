#pragma once
// T-SQL text to tokens. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "tds/sql_error.h"

namespace weir::tds {

enum class TokenKind { End, Word, Quoted, String, NString, Number, Binary, Variable, Operator };

struct Token {
  TokenKind kind = TokenKind::End;
  std::string text;  // Word: as written; Quoted: the name itself; String: its characters; Variable: with @ or @@
  int line = 1;
  std::size_t begin = 0, end = 0;  // place in the text
};

// Quoted identifiers in double quotes are names (QUOTED_IDENTIFIER ON). Always ends with an End token.
Outcome tokenize(std::string_view text, std::vector<Token>& tokens);

}  // namespace weir::tds
