#include "config/references.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include <fmt/format.h>

#include "base/file.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"
#include "config/config.h"

namespace weir::config {
namespace {

// The next reference at or after `from`.
struct Found {
  std::size_t begin = 0, end = 0;  // of ${...}, end one past the brace
  bool is_escape = false;          // $${
  bool is_closed = false;
  std::string scheme, name;
};

std::optional<Found> next_reference(std::string_view text, std::size_t from) {
  auto const at = text.find("${", from);
  if (at == std::string_view::npos) return std::nullopt;
  if (at > from && text[at - 1] == '$')
    return Found{.begin = at - 1, .end = at + 2, .is_escape = true, .is_closed = true, .scheme = {}, .name = {}};
  auto const close = text.find('}', at);
  if (close == std::string_view::npos) return Found{.begin = at, .end = text.size(), .scheme = {}, .name = {}};
  std::string_view const inside = text.substr(at + 2, close - at - 2);
  auto const colon = inside.find(':');
  Found found{
      .begin = at, .end = close + 1, .is_closed = true, .scheme = std::string(inside.substr(0, colon)), .name = {}};
  if (colon != std::string_view::npos) found.name = std::string(trim(inside.substr(colon + 1)));
  return found;
}

// Editors and echo end a file with newlines; no password ends with one.
std::string_view without_last_newlines(std::string_view text) {
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

Result<std::string> from_environment(std::string const& name, Place const& place) {
  char const* value = std::getenv(name.c_str());
  if (value == nullptr)
    return Error(ErrorKind::Config, fmt::format("environment variable \"{}\" is not set", name))
        .object(name)
        .where(place.text())
        .next(fmt::format("set {}, or refer to a file or a credential instead", name));
  return std::string(value);
}

void warn_if_readable_by_others(std::filesystem::path const& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return;
  if ((info.st_mode & 077) != 0)
    write_log(LogLevel::Info,
              fmt::format("warning: secret file \"{}\" may be read by others (mode {:o}); run chmod 600 on it",
                          path.string(), info.st_mode & 0777));
  if (info.st_uid != geteuid() && info.st_uid != 0)
    write_log(LogLevel::Info,
              fmt::format("warning: secret file \"{}\" belongs to another user (id {})", path.string(), info.st_uid));
}

Result<std::string> from_file(std::string const& name, std::filesystem::path const& root, Place const& place) {
  std::filesystem::path path = name;
  if (name.starts_with("~/")) {
    char const* home = std::getenv("HOME");
    if (home != nullptr) path = std::filesystem::path(home) / name.substr(2);
  }
  if (path.is_relative()) path = root / path;
  auto text = read_file(path);
  if (!text.ok())
    return Error(std::move(text).error())
        .where(place.text())
        .next("create the file with mode 600, or correct the reference");
  warn_if_readable_by_others(path);
  std::string value(without_last_newlines(*text));
  register_secret(value);
  return value;
}

Result<std::string> from_credential(std::string const& name, Place const& place) {
  char const* folder = std::getenv("CREDENTIALS_DIRECTORY");
  if (folder == nullptr)
    return Error(ErrorKind::Config,
                 fmt::format("credential \"{}\" cannot be read: CREDENTIALS_DIRECTORY is not set", name))
        .object(name)
        .where(place.text())
        .cause("systemd sets it for a service that has LoadCredential= or LoadCredentialEncrypted=")
        .next("start weir as such a service, or set CREDENTIALS_DIRECTORY to a folder that holds the file");
  if (name.empty() || name.find('/') != std::string::npos || name == "." || name == "..")
    return Error(ErrorKind::Config, fmt::format("\"{}\" cannot be a credential's name", name)).where(place.text());
  auto text = read_file(std::filesystem::path(folder) / name);
  if (!text.ok())
    return Error(std::move(text).error())
        .where(place.text())
        .next(fmt::format("add LoadCredential={}:PATH to the service", name));
  std::string value(without_last_newlines(*text));
  register_secret(value);
  return value;
}

// The same text with its references blotted out, so that their colons and slashes do not count.
std::string without_references(std::string_view text) {
  std::string out(text);
  for (auto found = next_reference(text, 0); found; found = next_reference(text, found->end))
    std::fill(out.begin() + static_cast<std::ptrdiff_t>(found->begin),
              out.begin() + static_cast<std::ptrdiff_t>(found->end), '_');
  return out;
}

// The password inside postgresql://user:password@host/..., or of ?password=...
std::vector<std::string_view> uri_passwords(std::string_view written) {
  std::vector<std::string_view> found;
  std::string const text = without_references(written);
  if (auto const scheme = text.find("://"); scheme != std::string_view::npos) {
    auto const begin = scheme + 3;
    auto const end = std::min(text.find_first_of("/?#", begin), text.size());
    std::string_view const authority = std::string_view(text).substr(begin, end - begin);
    auto const at_sign = authority.rfind('@'), colon = authority.find(':');
    if (at_sign != std::string_view::npos && colon != std::string_view::npos && colon < at_sign)
      found.push_back(written.substr(begin + colon + 1, at_sign - colon - 1));
  }
  for (std::string_view const name : {"password=", "sslpassword="}) {
    for (auto at = text.find(name); at != std::string_view::npos; at = text.find(name, at + 1)) {
      auto const begin = at + name.size();
      found.push_back(written.substr(begin, std::min(text.find_first_of("& ", begin), text.size()) - begin));
    }
  }
  return found;
}

// PWD=... and PASSWORD=... of an ODBC connection string.
std::vector<std::string_view> odbc_passwords(std::string_view written) {
  std::vector<std::string_view> found;
  std::string const text = without_references(written);
  for (std::size_t begin = 0; begin < text.size();) {
    auto const end = std::min(text.find(';', begin), text.size());
    std::string_view const part = written.substr(begin, end - begin);
    auto const equals = part.find('=');
    if (equals != std::string_view::npos) {
      std::string_view const name = trim(part.substr(0, equals));
      if (equals_ignoring_case(name, "PWD") || equals_ignoring_case(name, "PASSWORD"))
        found.push_back(trim(part.substr(equals + 1)));
    }
    begin = end + 1;
  }
  return found;
}

std::vector<std::string_view> passwords_in(Key const& key, std::string_view text) {
  if (key.secret) return {text};
  if (key.name == "connection") return odbc_passwords(text);
  return uri_passwords(text);
}

bool is_one_reference(std::string_view text) {
  auto const found = next_reference(text, 0);
  return found && !found->is_escape && found->is_closed && found->begin == 0 && found->end == text.size();
}

}  // namespace

bool has_reference(std::string_view text) {
  for (std::size_t at = 0;;) {
    auto const found = next_reference(text, at);
    if (!found) return false;
    if (!found->is_escape) return true;
    at = found->end;
  }
}

std::string wrong_reference(std::string_view text) {
  for (std::size_t at = 0;;) {
    auto const found = next_reference(text, at);
    if (!found) return {};
    at = found->end;
    if (found->is_escape) continue;
    if (!found->is_closed) return "a reference begins with ${ and is not closed by }";
    if (found->scheme != "env" && found->scheme != "file" && found->scheme != "cred")
      return fmt::format("\"${{{}:...}}\" is not a kind of reference", found->scheme);
    if (found->name.empty()) return fmt::format("reference ${{{}:}} names nothing", found->scheme);
  }
}

bool literal_secret(Key const& key, std::string_view text) {
  if (!key.may_hold_secret) return false;
  for (auto const password : passwords_in(key, text))
    if (!password.empty() && !is_one_reference(password)) return true;
  return false;
}

void register_values(yaml::Node const& node) {
  if (node.is_scalar() && node.kind != yaml::Kind::Bool && !has_reference(node.text)) register_secret(node.text);
  for (auto const& item : node.items) register_values(*item);
  for (auto const& entry : node.entries) register_values(*entry.value);
}

void register_literal_secret(Key const& key, yaml::Node const& node) {
  if (!node.is_scalar()) {
    register_values(node);
    return;
  }
  for (auto const password : passwords_in(key, node.text))
    if (!is_one_reference(password)) register_secret(password);
}

namespace {

enum class Masking { Files, Everything };  // what is registered as a secret: values from files and credentials, or all

Result<std::string> expand(std::string const& text, std::filesystem::path const& root, Place const& place,
                           Masking masking) {
  std::string out;
  for (std::size_t at = 0;;) {
    auto const found = next_reference(text, at);
    if (!found) return out + text.substr(at);
    out += text.substr(at, found->begin - at);
    at = found->end;
    if (found->is_escape) {
      out += "${";
      continue;
    }
    if (auto wrong = wrong_reference(text.substr(found->begin, found->end - found->begin)); !wrong.empty())
      return Error(ErrorKind::Config, wrong).where(place.text());
    auto value = found->scheme == "env"    ? from_environment(found->name, place)
                 : found->scheme == "file" ? from_file(found->name, root, place)
                                           : from_credential(found->name, place);
    if (!value.ok()) return std::move(value).error();
    if (masking == Masking::Everything) register_secret(*value);
    out += *value;
  }
}

}  // namespace

Result<std::string> resolve(std::string const& text, std::filesystem::path const& root, Place const& place) {
  return expand(text, root, place, Masking::Files);
}

Result<Secret> resolve_secret(std::string const& text, std::filesystem::path const& root, Place const& place) {
  WEIR_TRY(std::string value, expand(text, root, place, Masking::Everything));
  return Secret(std::move(value));
}

namespace {

// Of an endpoint or a channel.
template <typename Owner>
Result<std::string> expand_of(Owner const& owner, Key const* known, std::string const& key, std::string const& text,
                              std::filesystem::path const& root) {
  auto const place = owner.places.find(key);
  bool const masks = known != nullptr && known->may_hold_secret;
  return expand(text, root, place == owner.places.end() ? owner.place : place->second,
                masks ? Masking::Everything : Masking::Files);
}

}  // namespace

Result<std::string> Config::setting(Endpoint const& endpoint, std::string const& key) const {
  auto const found = endpoint.settings.find(key);
  if (found == endpoint.settings.end()) return std::string();
  return expand_of(endpoint, find_endpoint_key(key), key, found->second, root);
}

Result<std::string> Config::setting(Channel const& channel, std::string const& key) const {
  auto const found = channel.settings.find(key);
  if (found == channel.settings.end()) return std::string();
  return expand_of(channel, find_channel_key(key), key, found->second, root);
}

Result<std::vector<std::string>> Config::list(Channel const& channel, std::string const& key) const {
  std::vector<std::string> values;
  auto const found = channel.lists.find(key);
  if (found == channel.lists.end()) return values;
  for (auto const& text : found->second) {
    WEIR_TRY(values.emplace_back(), expand_of(channel, find_channel_key(key), key, text, root));
  }
  return values;
}

}  // namespace weir::config
