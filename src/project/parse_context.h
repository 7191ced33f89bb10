#pragma once
// What templates see while a project is parsed: `execute` is false, ref() and its kin note what they were called with
// and give the node's own relation, the adapter answers without a session. dbt's rules: adapters' parse-time
// replacements.

#include "project/context.h"

namespace weir::project {

// The node as `model` in templates: what the manifest will say of it so far.
class ParseContext : public DbtContext {
 public:
  // `node` gets refs, sources, metrics and functions; `calls` what config() is called with.
  ParseContext(ContextFacts const& facts, Node& node, Data::Dict& calls)
      : DbtContext(facts, node.package_name), node_(node), calls_(calls) {}

  // The undefined of this context: nothing that hangs on it fails.
  static jinja::RenderOptions render_options();

 protected:
  jinja::Value member(std::string_view name) override;

 private:
  Node& node_;
  Data::Dict& calls_;
};

// In which generate_schema_name and its kin are called.
class GenerateContext final : public DbtContext {
 public:
  GenerateContext(ContextFacts const& facts, std::string package) : DbtContext(facts, std::move(package)) {}

 protected:
  jinja::Value member(std::string_view name) override;
};

// The adapter while parsing.
jinja::Value make_parse_adapter(ContextFacts const& facts, jinja::Value dispatch);

// A node as an object of templates: its fields by name.
jinja::Value node_object(Node const& node);

// 'name' and 'package.name' arguments of ref(): name, package, version.
Result<Ref> ref_from(jinja::Arguments const& arguments);

}  // namespace weir::project
