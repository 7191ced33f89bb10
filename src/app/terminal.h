#pragma once
// What the person sees: standard output for data, standard error for everything else, colours where they are wanted.
// Secrets are masked on both. Any thread may call the free functions; each call writes whole.

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace weir::app {

enum class Colour { None, Red, Green, Yellow, Bold, Dim };

struct Terminal {
  bool out_is_tty = false, err_is_tty = false, in_is_tty = false;
  bool colour_out = false, colour_err = false;
  int width = 80;

  // `when`: auto, always or never; auto minds NO_COLOR, CLICOLOR_FORCE, TERM=dumb (no-color.org,
  // bixense.com/clicolors).
  static Terminal detect(std::string_view when);
  std::string paint(Colour colour, std::string_view text, bool for_error_stream = false) const;
};

// Data. A reader that went away (a closed pipe) ends the output, not the work.
void write_out(std::string_view text);
// errno of a write_out() that failed for another reason, 0 if none did.
int output_failure();
// Messages. Control characters other than newline, tab and colours are escaped.
void write_err(std::string_view text);
// The same without escaping: for what moves the cursor. The text holds nothing that came from a database unescaped.
void write_screen(std::string_view text);
// `text` with control characters escaped, for write_screen().
std::string harmless(std::string_view text);

// One line of standard input, trimmed; nothing where it has ended or `stop` is asked for. `hidden`: a terminal does not
// show what is typed, and spaces around it count. `question`: written to standard error once that is so, for somebody
// may be quick.
std::optional<std::string> read_answer(std::stop_token const& stop, bool hidden = false,
                                       std::string_view question = {});

// `text` padded with spaces to `width` characters (UTF-8 characters count one).
std::string pad(std::string_view text, std::size_t width);
std::size_t characters(std::string_view text);
// No wider than that: what is longer ends in "…".
std::string cut(std::string text, std::size_t width);

// Columns of text, aligned, two spaces between; the last column is not padded.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> heading) : heading_(std::move(heading)) {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.empty(); }
  std::string text(Terminal const& terminal) const;

 private:
  std::vector<std::string> heading_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace weir::app
