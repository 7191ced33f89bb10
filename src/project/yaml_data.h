#pragma once
// YAML trees as values, with or without rendering of the templates in them. Pure but for the renderer that is given.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "project/data.h"
#include "yaml/node.h"

namespace weir::project {

// As written: templates stay text, dates stay dates.
Data to_data(yaml::Node const& node);

// Turns the text of a template into its value. Never called for text that holds no template.
using RenderText = std::function<Result<Data>(std::string_view text)>;
// The keys (and positions in lists) on the way to a value.
using KeyPath = std::vector<std::string>;
using ShouldRender = std::function<bool(KeyPath const& path)>;

// Rendered wherever `should_render` says so (everywhere where it is empty); rendered parts hold dates as text. Errors
// carry the place of the value, unless they have a better one.
Result<Data> render_yaml(yaml::Node const& node, RenderText const& render, ShouldRender const& should_render = {});

// True if `text` may hold a template.
bool has_template(std::string_view text);

// The file, read and parsed as dbt reads YAML: duplicate keys allowed, the last one wins.
Result<yaml::NodePtr> read_yaml(std::string name, std::string text);

}  // namespace weir::project
