#include "app/terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>

#include <fmt/format.h>

#include "base/mutex.h"
#include "base/secret.h"
#include "base/text.h"

namespace weir::app {
namespace {

Mutex g_mutex;
std::atomic<bool> g_out_closed = false;
std::atomic<int> g_out_failure = 0;  // errno

bool environment_says(char const* name) {
  char const* value = std::getenv(name);
  return value != nullptr && *value != '\0' && std::string_view(value) != "0";
}

bool wants_colour(std::string_view when, bool is_tty) {
  if (when == "always") return true;
  if (when == "never") return false;
  char const* no_color = std::getenv("NO_COLOR");
  if (no_color != nullptr && *no_color != '\0') return false;
  if (environment_says("CLICOLOR_FORCE")) return true;
  char const* term = std::getenv("TERM");
  return is_tty && term != nullptr && std::string_view(term) != "dumb";
}

// False once nobody reads any more.
bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    ssize_t const put = write(fd, text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

}  // namespace

Terminal Terminal::detect(std::string_view when) {
  Terminal made;
  made.out_is_tty = isatty(STDOUT_FILENO) == 1;
  made.err_is_tty = isatty(STDERR_FILENO) == 1;
  made.in_is_tty = isatty(STDIN_FILENO) == 1;
  made.colour_out = wants_colour(when, made.out_is_tty);
  made.colour_err = wants_colour(when, made.err_is_tty);
  winsize size{};
  if (ioctl(made.out_is_tty ? STDOUT_FILENO : STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20)
    made.width = size.ws_col;
  return made;
}

std::string Terminal::paint(Colour colour, std::string_view text, bool for_error_stream) const {
  bool const on = for_error_stream ? colour_err : colour_out;
  char const* code = colour == Colour::Red      ? "31"
                     : colour == Colour::Green  ? "32"
                     : colour == Colour::Yellow ? "33"
                     : colour == Colour::Bold   ? "1"
                     : colour == Colour::Dim    ? "2"
                                                : nullptr;
  if (!on || code == nullptr) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

void write_out(std::string_view text) {
  if (g_out_closed) return;
  std::string const masked = redact(std::string(text));
  MutexLock lock(g_mutex);
  if (write_all(STDOUT_FILENO, masked)) return;
  g_out_closed = true;
  if (errno != EPIPE) g_out_failure = errno;
}

int output_failure() {
  return g_out_failure;
}

// Keeps what weir itself writes (newline, tab, SGR colours), escapes the rest, so that no name or message of a database
// can steer a terminal.
std::string harmless(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    auto const byte = static_cast<unsigned char>(text[at]);
    if (byte == 0x1B && at + 1 < text.size() && text[at + 1] == '[') {
      auto const end = text.find_first_not_of("0123456789;", at + 2);
      if (end != std::string_view::npos && text[end] == 'm') {
        out += text.substr(at, end - at + 1);
        at = end;
        continue;
      }
    }
    if ((byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7F) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += text[at];
    }
  }
  return out;
}

void write_screen(std::string_view text) {
  std::string const masked = redact(std::string(text));
  MutexLock lock(g_mutex);
  write_all(STDERR_FILENO, masked);
}

void write_err(std::string_view text) {
  std::string const masked = redact(harmless(text));
  MutexLock lock(g_mutex);
  write_all(STDERR_FILENO, masked);
}

std::size_t characters(std::string_view text) {
  std::size_t n = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\x1b') {  // a colour takes no room
      at = std::min(text.find('m', at), text.size() - 1);
      continue;
    }
    if ((static_cast<unsigned char>(text[at]) & 0xC0) != 0x80) ++n;
  }
  return n;
}

std::string cut(std::string text, std::size_t width) {
  if (characters(text) <= width) return text;
  std::size_t at = 0, seen = 0;
  while (at < text.size() && seen + 1 < width) {
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
    ++seen;
  }
  return text.substr(0, at) + "…";
}

std::optional<std::string> read_answer(std::stop_token const& stop, bool hidden, std::string_view question) {
  termios before{};
  bool const quiet = hidden && tcgetattr(STDIN_FILENO, &before) == 0;
  if (quiet) {
    termios silent = before;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  if (!question.empty()) write_err(question);
  std::string line;
  bool ended = false;
  for (char c = 0; !ended && c != '\n';) {
    pollfd wait{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    int const ready = poll(&wait, 1, 100);
    if (stop.stop_requested()) ended = true;
    if (ended || ready <= 0) continue;
    if (read(STDIN_FILENO, &c, 1) != 1)
      ended = true;
    else if (c != '\n')
      line += c;
  }
  if (quiet) {
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    write_err("\n");
  }
  if (stop.stop_requested() || (ended && line.empty())) return std::nullopt;
  if (hidden && line.ends_with('\r')) line.pop_back();
  return hidden ? line : std::string(trim(line));
}

std::string pad(std::string_view text, std::size_t width) {
  auto const has = characters(text);
  return std::string(text) + std::string(has < width ? width - has : 0, ' ');
}

std::string TextTable::text(Terminal const& terminal) const {
  std::vector<std::size_t> widths(heading_.size());
  for (std::size_t i = 0; i < heading_.size(); ++i) widths[i] = characters(heading_[i]);
  for (auto const& row : rows_)
    for (std::size_t i = 0; i < row.size() && i < widths.size(); ++i)
      widths[i] = std::max(widths[i], characters(row[i]));
  std::string out;
  auto add_line = [&](std::vector<std::string> const& row, bool is_heading) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) line += i + 1 < row.size() ? pad(row[i], widths[i] + 2) : row[i];
    while (line.ends_with(' ')) line.pop_back();
    out += (is_heading ? terminal.paint(Colour::Dim, line) : line) + "\n";
  };
  add_line(heading_, true);
  for (auto const& row : rows_) add_line(row, false);
  return out;
}

}  // namespace weir::app
