#include "sync/select.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"

namespace weir::sync {
namespace {

bool is_glob(std::string_view pattern) {
  return pattern.find_first_of("*?") != std::string_view::npos;
}

std::vector<std::string> parts(std::vector<std::string> const& selectors) {
  std::vector<std::string> all;
  for (std::string const& list : selectors)
    for (std::string const& part : split(list, ','))
      if (auto const name = trim(part); !name.empty()) all.emplace_back(name);
  return all;
}

// The part of "dbo.Country" after the schema; a name may hold dots, a schema of a selector may not.
std::string_view without_schema(std::string_view stream) {
  auto const dot = stream.find('.');
  return dot == std::string_view::npos ? stream : stream.substr(dot + 1);
}

bool fits(std::string_view selector, std::string_view stream) {
  return matches_glob(selector, stream) || matches_glob(selector, without_schema(stream));
}

std::vector<std::string> names_of(source::DiscoveredCatalog const& catalog) {
  std::vector<std::string> names;
  for (source::Table const& table : catalog.tables) names.push_back(table.text());
  return names;
}

Error missing_table(config::StreamPattern const& pattern, source::DiscoveredCatalog const& catalog) {
  auto error = Error(ErrorKind::Config, fmt::format("table \"{}\" does not exist at the source", pattern.pattern))
                   .object(pattern.pattern)
                   .where(pattern.place.text());
  auto const hint = did_you_mean(pattern.pattern, names_of(catalog));
  error.next(hint.empty() ? "check the name and that the source's user may see the table" : hint);
  return error;
}

void check_patterns(config::Connection const& connection, source::DiscoveredCatalog const& catalog,
                    Selected& selected) {
  for (config::StreamPattern const& pattern : connection.tables) {
    bool const found = std::ranges::any_of(
        catalog.tables, [&](source::Table const& table) { return matches_glob(pattern.pattern, table.text()); });
    if (found || !pattern.enabled) continue;
    if (is_glob(pattern.pattern))
      selected.warnings.push_back(
          fmt::format("{}: pattern \"{}\" matches no table", pattern.place.text(), pattern.pattern));
    else
      selected.refusals.push_back({pattern.pattern, missing_table(pattern, catalog)});
  }
}

// The streams' names as the selector writes them: without their schema where it has none.
std::vector<std::string> named_like(std::string_view selector, std::vector<std::string> streams) {
  if (selector.find('.') == std::string_view::npos)
    for (std::string& stream : streams) stream = std::string(without_schema(stream));
  return streams;
}

}  // namespace

bool wanted(Selection const& selection, std::string_view stream) {
  return (selection.include.empty() || selects(selection.include, stream)) && !selects(selection.exclude, stream);
}

bool selects(std::vector<std::string> const& selectors, std::string_view stream) {
  return std::ranges::any_of(parts(selectors), [&](std::string const& selector) { return fits(selector, stream); });
}

bool selects(std::vector<std::string> const& selectors, source::Table const& table) {
  return selects(selectors, table.text());
}

Status check_selectors(Selection const& selection, std::vector<std::string> const& streams,
                       std::string const& connection) {
  for (auto const* selectors : {&selection.include, &selection.exclude}) {
    for (std::string const& selector : parts(*selectors)) {
      if (std::ranges::any_of(streams, [&](std::string const& stream) { return fits(selector, stream); })) continue;
      auto const hint = did_you_mean(selector, named_like(selector, streams));
      return Error(ErrorKind::Usage, fmt::format("no stream of connection \"{}\" matches \"{}\"", connection, selector))
          .object(selector)
          .next(hint.empty() ? fmt::format("list the streams: weir sync ls {}", connection) : hint);
    }
  }
  return {};
}

Result<Selected> select_tables(config::Connection const& connection, source::DiscoveredCatalog const& catalog,
                               Selection const& selection) {
  Selected all;
  std::vector<std::string> streams;
  for (source::Table const& table : catalog.tables) {
    auto const* pattern = config::pattern_for(connection, table.text());
    if (pattern == nullptr) continue;
    all.tables.push_back({&table, pattern});
    streams.push_back(table.text());
  }
  check_patterns(connection, catalog, all);
  for (auto const& refusal : all.refusals) streams.push_back(refusal.stream);
  WEIR_DO(check_selectors(selection, streams, connection.name));
  std::erase_if(all.tables, [&](SelectedTable const& one) { return !wanted(selection, one.table->text()); });
  std::erase_if(all.refusals, [&](auto const& refusal) { return !wanted(selection, refusal.stream); });
  return all;
}

source::DiscoverRequest discover_request(config::Connection const& connection) {
  source::DiscoverRequest request;
  for (config::StreamPattern const& pattern : connection.tables)
    if (pattern.enabled) request.tables.push_back(pattern.pattern);
  return request;
}

}  // namespace weir::sync
