// Names: what is quoted reads back as the same name, and what is cut to fit stays a name that PostgreSQL can have.

#include <string>

#include "base/text.h"
#include "fuzz.h"
#include "sql/name.h"

namespace {

std::string unquote(std::string const& quoted, char open, char close) {
  FUZZ_CHECK(quoted.size() >= 2 && quoted.front() == open && quoted.back() == close);
  std::string out;
  for (std::size_t i = 1; i + 1 < quoted.size(); ++i) {
    out += quoted[i];
    if (quoted[i] == close) {
      ++i;
      FUZZ_CHECK(i + 1 < quoted.size() && quoted[i] == close);  // doubled, and not the end
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
  using namespace weir::sql;
  std::string const text(reinterpret_cast<char const*>(data), size);
  if (text.find('\0') == std::string::npos) {
    FUZZ_CHECK(unquote(quote_pg(text), '"', '"') == text);
    FUZZ_CHECK(unquote(quote_mssql(text), '[', ']') == text);
    static_cast<void>(literal_pg(text));
    static_cast<void>(literal_mssql(text));
  }
  auto const name = parse_qualified_name(text);
  if (name.ok()) {
    FUZZ_CHECK(name->schema.size() <= kMaxIdentifierBytes && name->name.size() <= kMaxIdentifierBytes);
    auto const again = parse_qualified_name(name->text());
    FUZZ_CHECK(again.ok());
    FUZZ_CHECK(*again == *name);
    auto const quoted = parse_qualified_name(name->quoted());
    FUZZ_CHECK(quoted.ok() && *quoted == *name);
  } else {
    FUZZ_CHECK(name.error().kind() == weir::ErrorKind::Usage);
  }
  auto const fitted = fit_identifier(text);
  FUZZ_CHECK(!fitted.empty() && fitted.size() <= kMaxIdentifierBytes);
  FUZZ_CHECK(fitted.find('\0') == std::string::npos);
  if (weir::is_utf8(text)) FUZZ_CHECK(weir::is_utf8(fitted));
  FUZZ_CHECK(fit_identifier(fitted) == fitted);
  auto const derived = derive_identifier(text, "__int4");
  FUZZ_CHECK(derived.size() <= kMaxIdentifierBytes && derived.ends_with("__int4"));
  return 0;
}
