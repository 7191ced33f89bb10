#pragma once
// References in endpoints.yml: ${env:NAME}, ${file:PATH}, ${cred:NAME}; $${ is a literal ${. Private to config.

#include <string>
#include <string_view>

#include "config/keys.h"
#include "yaml/node.h"

namespace weir::config {

bool has_reference(std::string_view text);
// "" if all references in the text are well written, else what is wrong.
std::string wrong_reference(std::string_view text);
// True if `text`, under this key, holds a password that is written out.
bool literal_secret(Key const& key, std::string_view text);

// Masks what may be a secret in everything that weir writes from here on.
void register_values(yaml::Node const& node);  // all texts below
void register_literal_secret(Key const& key, yaml::Node const& node);

}  // namespace weir::config
