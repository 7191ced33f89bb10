#include "tds/text.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>

#include <iconv.h>

#include "base/mutex.h"
#include "base/text.h"

namespace weir::tds {
namespace {

struct Language {
  char const* prefix;
  std::uint32_t lcid;
  int code_page;
};

// Windows collation designators, their LCID and ANSI code page.
constexpr Language kLanguages[] = {
    {"Latin1_General", 0x0409, 1252},
    {"Albanian", 0x041c, 1250},
    {"Arabic", 0x0401, 1256},
    {"Chinese_PRC", 0x0804, 936},
    {"Chinese_Taiwan_Stroke", 0x0404, 950},
    {"Croatian", 0x041a, 1250},
    {"Cyrillic_General", 0x0419, 1251},
    {"Czech", 0x0405, 1250},
    {"Danish_Norwegian", 0x0406, 1252},
    {"Estonian", 0x0425, 1257},
    {"Finnish_Swedish", 0x040b, 1252},
    {"French", 0x040c, 1252},
    {"German_PhoneBook", 0x10407, 1252},
    {"Greek", 0x0408, 1253},
    {"Hebrew", 0x040d, 1255},
    {"Hungarian", 0x040e, 1250},
    {"Icelandic", 0x040f, 1252},
    {"Japanese", 0x0411, 932},
    {"Korean_Wansung", 0x0412, 949},
    {"Latvian", 0x0426, 1257},
    {"Lithuanian", 0x0427, 1257},
    {"Modern_Spanish", 0x0c0a, 1252},
    {"Polish", 0x0415, 1250},
    {"Romanian", 0x0418, 1250},
    {"Slovak", 0x041b, 1250},
    {"Slovenian", 0x0424, 1250},
    {"Thai", 0x041e, 874},
    {"Traditional_Spanish", 0x040a, 1252},
    {"Turkish", 0x041f, 1254},
    {"Ukrainian", 0x0422, 1251},
    {"Vietnamese", 0x042a, 1258},
    {"Hindi", 0x0439, 0},
    {"Georgian_Modern_Sort", 0x10437, 1252},
};

bool take_suffix(std::string& name, std::string_view suffix) {
  if (name.size() < suffix.size() || name.compare(name.size() - suffix.size(), suffix.size(), suffix) != 0)
    return false;
  name.resize(name.size() - suffix.size());
  return true;
}

// Takes _CI_AS_KS_WS_SC_UTF8, _BIN2 and the like off the end.
void parse_options(std::string& rest, Collation& collation) {
  bool more = true;
  while (more) {
    more = false;
    if (take_suffix(rest, "_utf8")) collation.code_page = 65001, more = true;
    if (take_suffix(rest, "_sc") || take_suffix(rest, "_vss")) more = true;
    if (take_suffix(rest, "_ws") || take_suffix(rest, "_ks")) more = true;
    if (take_suffix(rest, "_as")) collation.ignore_accent = false, more = true;
    if (take_suffix(rest, "_ai")) collation.ignore_accent = true, more = true;
    if (take_suffix(rest, "_ci")) collation.ignore_case = true, more = true;
    if (take_suffix(rest, "_cs")) collation.ignore_case = false, more = true;
    if (take_suffix(rest, "_bin2")) collation.binary = collation.binary2 = true, more = true;
    if (take_suffix(rest, "_bin")) collation.binary = true, more = true;
  }
  if (collation.binary) collation.ignore_case = collation.ignore_accent = false;
}

std::optional<Collation> parse_collation(std::string_view name) {
  Collation collation;
  std::string rest = to_lower(name);
  parse_options(rest, collation);
  int const utf8 = collation.code_page == 65001 ? 65001 : 0;
  if (rest == "sql_latin1_general_cp1") {
    collation.name = name;
    collation.sort_id = collation.ignore_case ? (collation.ignore_accent ? 54 : 52) : 51;
    return collation;
  }
  if (rest == "sql_latin1_general_cp1251" || rest == "sql_latin1_general_cp1250") {
    collation.name = name;
    bool const cyrillic = rest.back() == '1';
    collation.lcid = cyrillic ? 0x0419 : 0x0405;
    collation.code_page = cyrillic ? 1251 : 1250;
    collation.sort_id = cyrillic ? (collation.ignore_case ? 106 : 105) : (collation.ignore_case ? 82 : 81);
    return collation;
  }
  if (take_suffix(rest, "_90")) collation.version = 1;
  if (take_suffix(rest, "_100")) collation.version = 2;
  if (take_suffix(rest, "_140")) collation.version = 3;
  for (Language const& language : kLanguages) {
    if (rest != to_lower(language.prefix)) continue;
    collation.name = name;
    collation.lcid = language.lcid;
    collation.code_page = utf8 != 0 ? utf8 : language.code_page;
    return collation;
  }
  return std::nullopt;
}

void append_utf8(std::string& out, std::uint32_t c) {
  auto put = [&out](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (c < 0x80) return put(c);
  if (c < 0x800) return put(0xc0 | (c >> 6)), put(0x80 | (c & 0x3f));
  if (c < 0x10000) return put(0xe0 | (c >> 12)), put(0x80 | ((c >> 6) & 0x3f)), put(0x80 | (c & 0x3f));
  put(0xf0 | (c >> 18)), put(0x80 | ((c >> 12) & 0x3f)), put(0x80 | ((c >> 6) & 0x3f)), put(0x80 | (c & 0x3f));
}

void append_unit(std::string& out, std::uint32_t unit) {
  out.push_back(static_cast<char>(unit & 0xff));
  out.push_back(static_cast<char>(unit >> 8));
}

std::uint32_t unit_at(std::string_view utf16, std::size_t index) {
  return static_cast<std::uint8_t>(utf16[2 * index]) |
         static_cast<std::uint32_t>(static_cast<std::uint8_t>(utf16[2 * index + 1])) << 8;
}

// One converter per direction and thread: iconv_t is not to be shared.
class Converter {
 public:
  Converter(char const* to, char const* from) : handle_(iconv_open(to, from)) {}
  ~Converter() {
    if (valid()) iconv_close(handle_);
  }
  Converter(Converter const&) = delete;
  Converter& operator=(Converter const&) = delete;
  bool valid() const { return handle_ != reinterpret_cast<iconv_t>(-1); }

  // Converts all of `in`; each piece that cannot be converted takes `bad_step` bytes and becomes `replacement`.
  std::string convert(std::string_view in, std::size_t bad_step, std::string_view replacement) {
    std::string out;
    std::string source(in);
    char* input = source.data();
    std::size_t left = source.size();
    std::array<char, 4096> chunk;
    while (left > 0) {
      char* output = chunk.data();
      std::size_t room = chunk.size();
      std::size_t const done = iconv(handle_, &input, &left, &output, &room);
      out.append(chunk.data(), chunk.size() - room);
      if (done != static_cast<std::size_t>(-1) || errno == E2BIG) continue;
      out.append(replacement);
      std::size_t const step = std::min(bad_step, left);
      input += step;
      left -= step;
    }
    return out;
  }

 private:
  iconv_t handle_;
};

Converter& converter(int code_page, bool to_page) {
  thread_local std::map<std::pair<int, bool>, std::unique_ptr<Converter>> open;
  auto& slot = open[{code_page, to_page}];
  if (!slot) {
    std::string const page = "CP" + std::to_string(code_page);
    slot = to_page ? std::make_unique<Converter>(page.c_str(), "UTF-16LE")
                   : std::make_unique<Converter>("UTF-16LE", page.c_str());
  }
  return *slot;
}

bool is_ascii(std::string_view bytes) {
  for (char const c : bytes)
    if (static_cast<std::uint8_t>(c) >= 0x80) return false;
  return true;
}

std::uint32_t fold_unit(std::uint32_t c, Collation const& collation) {
  if (collation.ignore_case) {
    if (c >= 'A' && c <= 'Z')
      c += 32;
    else if ((c >= 0xc0 && c <= 0xde && c != 0xd7) || (c >= 0x391 && c <= 0x3a9) || (c >= 0x410 && c <= 0x42f))
      c += 32;
    else if (c >= 0x400 && c <= 0x40f)
      c += 80;
    else if (((c >= 0x100 && c <= 0x137) || (c >= 0x14a && c <= 0x177)) && (c & 1) == 0)
      c += 1;
    else if (((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e)) && (c & 1) == 1)
      c += 1;
  }
  if (collation.ignore_accent && c >= 0xc0 && c <= 0xff) {
    constexpr char kBase[] = "AAAAAAACEEEEIIIIDNOOOOO*OUUUUYTsaaaaaaaceeeeiiiidnooooo/ouuuuyty";
    c = static_cast<std::uint8_t>(kBase[c - 0xc0]);
  }
  return c;
}

}  // namespace

void Collation::append_wire(std::uint8_t (&out)[5]) const {
  std::uint32_t word = lcid & 0xfffff;
  if (ignore_case) word |= 1u << 20;
  if (ignore_accent) word |= 1u << 21;
  if (binary && !binary2) word |= 1u << 24;
  if (binary2) word |= 1u << 25;
  if (code_page == 65001) word |= 1u << 26;
  if (!binary) word |= 3u << 22;  // width and kana are ignored unless _WS, _KS
  word |= static_cast<std::uint32_t>(version) << 28;
  for (int i = 0; i < 4; ++i) out[i] = static_cast<std::uint8_t>(word >> (8 * i));
  out[4] = sort_id;
}

Collation const* find_collation(std::string_view name) {
  static Mutex mutex;
  static std::map<std::string, std::unique_ptr<Collation>> known;
  MutexLock lock(mutex);
  auto& slot = known[to_lower(name)];
  if (!slot) {
    auto parsed = parse_collation(name);
    if (!parsed) {
      known.erase(to_lower(name));
      return nullptr;
    }
    slot = std::make_unique<Collation>(std::move(*parsed));
  }
  return slot.get();
}

Collation const* default_collation() {
  static Collation const* const collation = find_collation("SQL_Latin1_General_CP1_CI_AS");
  return collation;
}

std::vector<std::string> collation_languages() {
  std::vector<std::string> names;
  for (Language const& language : kLanguages) names.emplace_back(language.prefix);
  return names;
}

std::string to_utf16(std::string_view utf8) {
  std::string out;
  out.reserve(utf8.size() * 2);
  for (std::size_t i = 0; i < utf8.size();) {
    auto const lead = static_cast<std::uint8_t>(utf8[i]);
    std::size_t const length = lead < 0x80   ? 1
                               : lead < 0xc0 ? 0
                               : lead < 0xe0 ? 2
                               : lead < 0xf0 ? 3
                               : lead < 0xf8 ? 4
                                             : 0;
    if (length == 0 || i + length > utf8.size()) {
      append_unit(out, 0xfffd);
      ++i;
      continue;
    }
    std::uint32_t c = length == 1 ? lead : lead & (0xffu >> (length + 1));
    for (std::size_t k = 1; k < length; ++k) c = (c << 6) | (static_cast<std::uint8_t>(utf8[i + k]) & 0x3fu);
    i += length;
    if (c < 0x10000) {
      append_unit(out, c);
    } else {
      append_unit(out, 0xd800 + ((c - 0x10000) >> 10));
      append_unit(out, 0xdc00 + ((c - 0x10000) & 0x3ff));
    }
  }
  return out;
}

std::string to_utf8(std::string_view utf16) {
  std::string out;
  out.reserve(utf16.size());
  std::size_t const units = utf16.size() / 2;
  for (std::size_t i = 0; i < units; ++i) {
    std::uint32_t c = unit_at(utf16, i);
    if (c >= 0xd800 && c < 0xdc00 && i + 1 < units) {
      std::uint32_t const low = unit_at(utf16, i + 1);
      if (low >= 0xdc00 && low < 0xe000) {
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        ++i;
      }
    }
    append_utf8(out, c);
  }
  return out;
}

std::string to_code_page(std::string_view utf16, int code_page) {
  if (code_page == 65001) return to_utf8(utf16);
  std::string ascii;
  ascii.reserve(utf16.size() / 2);
  for (std::size_t i = 0; i + 1 < utf16.size(); i += 2) {
    if (utf16[i + 1] != 0 || static_cast<std::uint8_t>(utf16[i]) >= 0x80) {
      Converter& page = converter(code_page == 0 ? 1252 : code_page, true);
      return page.valid() ? page.convert(utf16, 2, "?") : to_utf8(utf16);
    }
    ascii.push_back(utf16[i]);
  }
  return ascii;
}

std::string from_code_page(std::string_view bytes, int code_page) {
  if (code_page == 65001 || is_ascii(bytes)) return to_utf16(bytes);
  Converter& page = converter(code_page == 0 ? 1252 : code_page, false);
  return page.valid() ? page.convert(bytes, 1, std::string_view("\xfd\xff", 2)) : to_utf16(bytes);
}

std::string cut_code_page(std::string_view text, std::size_t bytes, int code_page) {
  if (text.size() <= bytes) return std::string(text);
  bool const wide = code_page == 932 || code_page == 936 || code_page == 949 || code_page == 950;
  std::size_t end = bytes;
  if (code_page == 65001) {
    while (end > 0 && (static_cast<std::uint8_t>(text[end]) & 0xc0) == 0x80) --end;
  } else if (wide) {
    std::size_t at = 0;
    while (at < bytes) {
      auto const c = static_cast<std::uint8_t>(text[at]);
      bool const half = code_page == 932 && c >= 0xa1 && c <= 0xdf;
      std::size_t const step = c >= 0x81 && c != 0xff && !half ? 2 : 1;
      if (at + step > bytes) break;
      at += step;
    }
    end = at;
  }
  return std::string(text.substr(0, end));
}

std::string fold(std::string_view utf16, Collation const& collation) {
  std::string out;
  std::size_t units = utf16.size() / 2;
  while (units > 0 && unit_at(utf16, units - 1) == ' ') --units;
  out.reserve(units * 2);
  for (std::size_t i = 0; i < units; ++i) {
    std::uint32_t const c = collation.binary ? unit_at(utf16, i) : fold_unit(unit_at(utf16, i), collation);
    out.push_back(static_cast<char>(c >> 8));  // big-endian: bytes then sort as code units
    out.push_back(static_cast<char>(c & 0xff));
  }
  return out;
}

}  // namespace weir::tds
