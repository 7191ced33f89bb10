#pragma once
// Records as the manifest says them (schema v12): for manifest.json, and for `model` and `graph` in templates. Pure.

#include "project/node.h"

namespace weir::project {

Data node_data(Node const& node);
Data macro_data(Macro const& macro);
Data doc_data(DocBlock const& doc);
Data group_data(Group const& group);

}  // namespace weir::project
