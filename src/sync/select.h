#pragma once
// Which streams a connection has, and which of them a command line asks for. Pure.

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "source/source.h"
#include "sync/sync.h"

namespace weir::sync {

struct SelectedTable {
  source::Table const* table = nullptr;            // in the catalog
  config::StreamPattern const* pattern = nullptr;  // in the connection
};

struct Selected {
  std::vector<SelectedTable> tables;  // in the catalog's order
  std::vector<Refusal> refusals;      // patterns without a glob that name no table of the source
  std::vector<std::string> warnings;  // globs that match nothing
};

// Streams are the tables that config::pattern_for() finds options for. Error: Usage, for a selector of `selection` that
// fits none of them.
Result<Selected> select_tables(config::Connection const& connection, source::DiscoveredCatalog const& catalog,
                               Selection const& selection);

// True if one of the comma lists `selectors` fits: "dbo.Country", "dbo.*", or "Country" for any schema.
bool selects(std::vector<std::string> const& selectors, source::Table const& table);
// The same for the text form of a stream, as the ledger has it.
bool selects(std::vector<std::string> const& selectors, std::string_view stream);
// True if `selection` takes the stream in.
bool wanted(Selection const& selection, std::string_view stream);
// Usage, if a selector of `selection` fits none of `streams`.
Status check_selectors(Selection const& selection, std::vector<std::string> const& streams,
                       std::string const& connection);

// What the source is asked for, so that it need not list what nobody wants.
source::DiscoverRequest discover_request(config::Connection const& connection);

}  // namespace weir::sync
