#include "tds/generate.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include <fmt/format.h>

#include "base/text.h"

namespace weir::tds {
namespace {

// SplitMix64: a good 64-bit number for every (seed, row).
std::uint64_t mix(std::uint64_t seed, std::uint64_t row) {
  std::uint64_t z = seed + (row + 1) * 0x9e3779b97f4a7c15ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

std::uint64_t below(std::uint64_t random, std::uint64_t limit) {
  return static_cast<std::uint64_t>((static_cast<uint128>(random) * limit) >> 64);
}

// Puts a whole number into a value of an integer-like type.
void put_number(SqlType const& type, std::int64_t number, Value& out) {
  out.type = type.id;
  out.null = false;
  if (type.is_decimal()) {
    out.scale = type.scale;
    out.decimal = number;
  } else if (type.is_binary()) {
    out.bytes.resize(8);
    for (std::size_t i = 0; i < 8; ++i) out.bytes[i] = static_cast<char>(number >> (56 - 8 * i));
  } else {
    out.integer = number;
  }
}

class Sequence : public CellGenerator {
 public:
  Sequence(SqlType const& type, std::int64_t start, std::int64_t step) : type_(type), start_(start), step_(step) {}
  void make(std::uint64_t row, Value& out) const override {
    put_number(type_, start_ + static_cast<std::int64_t>(row) * step_, out);
  }
  std::optional<Progression> progression() const override {
    if (!type_.is_integer()) return std::nullopt;
    return Progression{start_, step_};
  }

 private:
  SqlType type_;
  std::int64_t start_, step_;
};

class Uniform : public CellGenerator {
 public:
  Uniform(SqlType const& type, std::uint64_t seed, std::int64_t low, std::int64_t high)
      : type_(type),
        seed_(seed),
        low_(low),
        span_(high > low ? static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low) : 1) {}
  void make(std::uint64_t row, Value& out) const override {
    put_number(type_, static_cast<std::int64_t>(static_cast<std::uint64_t>(low_) + below(mix(seed_, row), span_)), out);
  }

 private:
  SqlType type_;
  std::uint64_t seed_;
  std::int64_t low_;
  std::uint64_t span_;
};

class UniformFloat : public CellGenerator {
 public:
  UniformFloat(SqlType const& type, std::uint64_t seed, double low, double high)
      : type_(type), seed_(seed), low_(low), high_(high) {}
  void make(std::uint64_t row, Value& out) const override {
    double const unit = static_cast<double>(mix(seed_, row) >> 11) * 0x1.0p-53;
    out.type = type_.id;
    out.null = false;
    double const number = low_ + unit * (high_ - low_);
    out.real = type_.id == TypeId::Real ? static_cast<double>(static_cast<float>(number)) : number;
  }

 private:
  SqlType type_;
  std::uint64_t seed_;
  double low_, high_;
};

class Walk : public CellGenerator {
 public:
  Walk(SqlType const& type, std::uint64_t seed, Value const& start, std::int64_t step, std::int64_t jitter)
      : type_(type), seed_(seed), step_(step), jitter_(static_cast<std::uint64_t>(jitter)) {
    start_ = static_cast<int128>(start.days) * kTicksPerDay + start.ticks;
    unit_ = 1;
    for (int i = type.scale; i < 7; ++i) unit_ *= 10;
  }
  void make(std::uint64_t row, Value& out) const override {
    int128 at = start_ + static_cast<int128>(row) * step_;
    if (jitter_ != 0) at += static_cast<std::int64_t>(below(mix(seed_, row), jitter_));
    // Beyond 9999-12-31 the walk begins again at year 1.
    constexpr int128 kWhole = static_cast<int128>(kMaxDays + 1) * kTicksPerDay;
    if (at >= kWhole || at < 0) at = ((at % kWhole) + kWhole) % kWhole;
    out.type = type_.id;
    out.null = false;
    out.scale = type_.scale;
    out.offset_min = 0;
    auto const wide = static_cast<uint128>(at);
    auto const days =
        at <= INT64_MAX
            ? static_cast<std::int64_t>(static_cast<std::uint64_t>(at) / static_cast<std::uint64_t>(kTicksPerDay))
            : static_cast<std::int64_t>(wide / static_cast<std::uint64_t>(kTicksPerDay));
    auto const ticks = static_cast<std::int64_t>(at - static_cast<int128>(days) * kTicksPerDay);
    out.days = static_cast<std::int32_t>(days);
    switch (type_.id) {
      case TypeId::Date:
        out.ticks = 0;
        break;
      case TypeId::SmallDateTime:
        out.ticks = ticks / 600'000'000;
        break;
      case TypeId::DateTime:
        out.ticks = ticks * 3 / 100'000;
        break;
      default:
        out.ticks = ticks / unit_ * unit_;
        break;
    }
  }

 private:
  SqlType type_;
  std::uint64_t seed_;
  int128 start_ = 0;
  std::int64_t step_;
  std::uint64_t jitter_;
  std::int64_t unit_;
};

constexpr std::array<std::string_view, 48> kWords = {
    "account", "amber",  "anchor", "balance", "basin",  "bridge", "bright", "canal",  "carbon", "cedar",
    "circle",  "clear",  "coast",  "copper",  "credit", "delta",  "early",  "engine", "field",  "forest",
    "garden",  "golden", "harbor", "heavy",   "island", "level",  "light",  "lumen",  "market", "meadow",
    "metal",   "north",  "ocean",  "orchard", "paper",  "plain",  "quick",  "river",  "sample", "silver",
    "signal",  "south",  "spring", "stone",   "summit", "timber", "valley", "winter"};

class Pattern : public CellGenerator {
 public:
  Pattern(SqlType const& type, std::uint64_t seed) : type_(type), seed_(seed), wide_(type.is_n_text()) {
    most_ = type.is_max() ? SIZE_MAX : static_cast<std::size_t>(type.length) * (wide_ ? 2 : 1);
  }

  std::string parse(std::string_view pattern) {
    while (!pattern.empty()) {
      std::size_t const open = pattern.find('{');
      if (open != 0) {
        add_text(pattern.substr(0, open));
        pattern.remove_prefix(std::min(open, pattern.size()));
        continue;
      }
      std::size_t const close = pattern.find('}');
      if (close == std::string_view::npos) return "a { has no }";
      std::string const problem = add_part(pattern.substr(1, close - 1));
      if (!problem.empty()) return problem;
      pattern.remove_prefix(close + 1);
    }
    return "";
  }

  void make(std::uint64_t row, Value& out) const override {
    out.type = type_.id;
    out.null = false;
    out.collation = type_.collation;
    out.repeat_to = 0;
    std::string& text = out.bytes;
    text.clear();
    std::uint64_t random = mix(seed_, row);
    for (Part const& part : parts_) {
      add(part, row, random, text);
      random = random * 6364136223846793005ULL + 1442695040888963407ULL;
      random ^= random >> 29;
    }
    if (text.size() > most_) text.resize(most_);
    if (type_.id == TypeId::NChar)
      while (text.size() < most_) text.append(" \0", 2);
    else if (type_.id == TypeId::Char)
      text.resize(most_, ' ');
  }

 private:
  enum class Kind { Text, Row, Hex, Number, Choice, Words, Letters };
  struct Part {
    Kind kind = Kind::Text;
    std::string text;                  // encoded
    std::vector<std::string> choices;  // encoded
    std::uint64_t low = 0, high = 0;
  };

  std::string encode(std::string_view utf8) const {
    std::string const utf16 = to_utf16(utf8);
    return wide_ ? utf16 : to_code_page(utf16, type_.collation->code_page);
  }

  void add_text(std::string_view text) {
    Part& part = parts_.emplace_back();
    part.text = encode(text);
  }

  std::string add_part(std::string_view spec) {
    std::vector<std::string> const words = split(spec, ':');
    Part& part = parts_.emplace_back();
    auto number = [&words](std::size_t i, std::int64_t fallback) {
      return static_cast<std::uint64_t>(i < words.size() ? parse_int(words[i]).value_or(fallback) : fallback);
    };
    if (words[0] == "row") {
      part.kind = Kind::Row;
      part.low = number(1, 1);  // of the first row
    } else if (words[0] == "hex") {
      part.kind = Kind::Hex;
      part.low = std::min<std::uint64_t>(16, number(1, 8));
    } else if (words[0] == "number") {
      part.kind = Kind::Number;
      part.low = number(1, 0);
      part.high = number(2, 1000);
    } else if (words[0] == "choice" && words.size() > 1) {
      part.kind = Kind::Choice;
      for (std::string const& choice : split(spec.substr(7), '|')) part.choices.push_back(encode(choice));
    } else if (words[0] == "words") {
      part.kind = Kind::Words;
      part.low = number(1, 3);
      for (std::string_view const word : kWords) part.choices.push_back(encode(word));
    } else if (words[0] == "letters") {
      part.kind = Kind::Letters;
      part.low = number(1, 8);
      part.high = number(2, static_cast<std::int64_t>(part.low));
    } else {
      return fmt::format(
          "\"{{{}}}\" is not one of {{row}}, {{hex:n}}, {{number:low:high}}, {{choice:a|b}}, {{words:n}}, "
          "{{letters:low:high}}",
          spec);
    }
    return "";
  }

  void add_ascii(std::string& out, char const* text, std::size_t length) const {
    if (!wide_) {
      out.append(text, length);
      return;
    }
    std::size_t const begin = out.size();
    out.resize(begin + 2 * length);
    char* to = out.data() + begin;
    for (std::size_t i = 0; i < length; ++i) to[2 * i] = text[i], to[2 * i + 1] = 0;
  }

  void add_decimal(std::string& out, std::uint64_t number) const {
    char digits[20];
    char* at = digits + sizeof digits;
    do {
      *--at = static_cast<char>('0' + number % 10);
      number /= 10;
    } while (number != 0);
    add_ascii(out, at, static_cast<std::size_t>(digits + sizeof digits - at));
  }

  void add(Part const& part, std::uint64_t row, std::uint64_t random, std::string& out) const {
    switch (part.kind) {
      case Kind::Text:
        out += part.text;
        break;
      case Kind::Row:
        add_decimal(out, row + part.low);
        break;
      case Kind::Number:
        add_decimal(out, part.low + below(random, part.high > part.low ? part.high - part.low : 1));
        break;
      case Kind::Choice:
        out += part.choices[below(random, part.choices.size())];
        break;
      case Kind::Hex: {
        char digits[16];
        for (std::size_t i = 0; i < part.low; ++i) digits[i] = "0123456789abcdef"[(random >> (4 * i)) & 15];
        add_ascii(out, digits, part.low);
        break;
      }
      case Kind::Words:
        for (std::uint64_t i = 0; i < part.low; ++i) {
          if (i > 0) add_ascii(out, " ", 1);
          out += part.choices[(random >> (6 * (i % 10))) % part.choices.size()];
        }
        break;
      case Kind::Letters: {
        std::uint64_t const length = part.low + below(random, part.high - part.low + 1);
        for (std::uint64_t i = 0; i < length; ++i) {
          random = random * 6364136223846793005ULL + 1442695040888963407ULL;
          char const letter = static_cast<char>('a' + (random >> 33) % 26);
          add_ascii(out, &letter, 1);
        }
        break;
      }
    }
  }

  SqlType type_;
  std::uint64_t seed_;
  bool wide_;
  std::size_t most_;
  std::vector<Part> parts_;
};

class Choice : public CellGenerator {
 public:
  Choice(std::uint64_t seed, std::vector<Value> values, bool in_turn)
      : seed_(seed), values_(std::move(values)), in_turn_(in_turn) {}
  void make(std::uint64_t row, Value& out) const override {
    out = values_[in_turn_ ? row % values_.size() : below(mix(seed_, row), values_.size())];
  }

 private:
  std::uint64_t seed_;
  std::vector<Value> values_;
  bool in_turn_;
};

class Uuid : public CellGenerator {
 public:
  explicit Uuid(std::uint64_t seed) : seed_(seed) {}
  void make(std::uint64_t row, Value& out) const override {
    out.type = TypeId::UniqueIdentifier;
    out.null = false;
    out.bytes.resize(16);
    std::uint64_t const a = mix(seed_, row), b = mix(seed_ ^ 0x5851f42d4c957f2dULL, row);
    for (std::size_t i = 0; i < 8; ++i) {
      out.bytes[i] = static_cast<char>(a >> (8 * i));
      out.bytes[8 + i] = static_cast<char>(b >> (8 * i));
    }
    out.bytes[7] = static_cast<char>((out.bytes[7] & 0x0f) | 0x40);   // version 4 (group 3 is little-endian)
    out.bytes[8] = static_cast<char>((out.bytes[8] & 0x3f) | -0x80);  // variant 1
  }

 private:
  std::uint64_t seed_;
};

class Bytes : public CellGenerator {
 public:
  Bytes(SqlType const& type, std::uint64_t seed, std::uint64_t low, std::uint64_t high)
      : type_(type), seed_(seed), low_(low), high_(high) {}
  void make(std::uint64_t row, Value& out) const override {
    out.type = type_.id;
    out.null = false;
    out.collation = type_.collation;
    out.repeat_to = 0;
    std::uint64_t length = low_ + below(mix(seed_, row), high_ - low_ + 1);
    if (type_.is_n_text()) length &= ~std::uint64_t{1};
    // A long value is one block over and over, and is never held.
    std::uint64_t const held = std::min<std::uint64_t>(length, 4096);
    out.bytes.resize(held);
    bool const text = type_.is_text();
    for (std::uint64_t i = 0; i < held; ++i) {
      std::uint64_t const random = mix(seed_ + row, i);
      if (text)
        out.bytes[i] = type_.is_n_text() && (i & 1) == 1 ? '\0' : static_cast<char>('a' + random % 26);
      else
        out.bytes[i] = static_cast<char>(random);
    }
    if (length > held) out.repeat_to = length;
  }

 private:
  SqlType type_;
  std::uint64_t seed_, low_, high_;
};

class NullEvery : public CellGenerator {
 public:
  NullEvery(GeneratorPtr inner, std::uint64_t every) : inner_(std::move(inner)), every_(every) {}
  void make(std::uint64_t row, Value& out) const override {
    if ((row + 1) % every_ != 0) return inner_->make(row, out);
    inner_->make(row, out);
    out.null = true;
  }

 private:
  GeneratorPtr inner_;
  std::uint64_t every_;
};

}  // namespace

GeneratorPtr sequence_generator(SqlType const& type, std::int64_t start, std::int64_t step) {
  return std::make_unique<Sequence>(type, start, step);
}
GeneratorPtr uniform_generator(SqlType const& type, std::uint64_t seed, std::int64_t low, std::int64_t high) {
  return std::make_unique<Uniform>(type, seed, low, high);
}
GeneratorPtr uniform_float_generator(SqlType const& type, std::uint64_t seed, double low, double high) {
  return std::make_unique<UniformFloat>(type, seed, low, high);
}
GeneratorPtr walk_generator(SqlType const& type, std::uint64_t seed, Value const& start, std::int64_t step,
                            std::int64_t jitter) {
  return std::make_unique<Walk>(type, seed, start, step, jitter);
}
GeneratorPtr pattern_generator(SqlType const& type, std::uint64_t seed, std::string_view pattern, std::string& error) {
  auto generator = std::make_unique<Pattern>(type, seed);
  error = generator->parse(pattern);
  return generator;
}
GeneratorPtr choice_generator(std::uint64_t seed, std::vector<Value> values) {
  return std::make_unique<Choice>(seed, std::move(values), false);
}
GeneratorPtr cycle_generator(std::vector<Value> values) {
  return std::make_unique<Choice>(0, std::move(values), true);
}
GeneratorPtr uuid_generator(std::uint64_t seed) {
  return std::make_unique<Uuid>(seed);
}
GeneratorPtr bytes_generator(SqlType const& type, std::uint64_t seed, std::uint64_t low, std::uint64_t high) {
  return std::make_unique<Bytes>(type, seed, low, std::max(low, high));
}
GeneratorPtr null_every(GeneratorPtr inner, std::uint64_t every) {
  return std::make_unique<NullEvery>(std::move(inner), every);
}

}  // namespace weir::tds
