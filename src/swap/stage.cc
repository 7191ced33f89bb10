#include "swap/stage.h"

#include <algorithm>
#include <charconv>
#include <random>
#include <set>

#include <fmt/format.h>

#include "base/text.h"
#include "sql/statement.h"
#include "swap/leaf.h"
#include "swap/legacy.h"

namespace weir::swap {
namespace {

using sql::quote_pg;

constexpr int kStageLock = 1464158545;
constexpr std::string_view kStem = "weir_stage_";

// "weir_stage_0a1b2c3d_": all schemas of one stage begin with it.
std::string prefix_of(std::uint32_t id) {
  return fmt::format("{}{:08x}_", kStem, id);
}
std::string lock_key(std::uint32_t id) {
  return std::to_string(static_cast<std::int32_t>(id));
}

// Of "weir_stage_0a1b2c3d_12_"; nothing where it is no stage's schema.
std::optional<std::uint32_t> id_in(std::string_view schema) {
  if (!schema.starts_with(kStem)) return std::nullopt;
  std::uint32_t id = 0;
  std::from_chars(schema.data() + kStem.size(), schema.data() + schema.size(), id, 16);
  std::string const prefix = prefix_of(id);
  if (!schema.starts_with(prefix) || schema.size() < prefix.size() + 2 || schema.back() != '_') return std::nullopt;
  auto const number = schema.substr(prefix.size(), schema.size() - prefix.size() - 1);
  bool const is_number = number.find_first_not_of("0123456789") == std::string_view::npos;
  return is_number ? std::optional(id) : std::nullopt;
}

Result<std::uint32_t> take_id(pg::Session& session) {
  std::random_device device;
  for (;;) {
    std::uint32_t const id = device();
    WEIR_TRY(auto taken,
             session.query("SELECT pg_try_advisory_lock($1, $2)", {std::to_string(kStageLock), lock_key(id)}));
    if (taken.boolean(0, 0)) return id;
  }
}

struct Content {
  std::vector<std::string> schemas, views, tables;  // quoted
};

Result<Content> content_of(pg::Session& session, std::string const& prefix) {
  Content content;
  WEIR_TRY(auto schemas,
           session.query("SELECT nspname FROM pg_namespace WHERE starts_with(nspname, $1) ORDER BY 1", {prefix}));
  for (std::size_t i = 0; i < schemas.size(); ++i) content.schemas.push_back(quote_pg(schemas.text(i, 0)));
  WEIR_TRY(auto relations, session.query(R"(
SELECT n.nspname, c.relname, c.relkind = 'v' FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE starts_with(n.nspname, $1) AND c.relkind IN ('v', 'r', 'p') AND NOT c.relispartition ORDER BY 1, 2)",
                                         {prefix}));
  for (std::size_t i = 0; i < relations.size(); ++i) {
    sql::QualifiedName const name{std::string(relations.text(i, 0)), std::string(relations.text(i, 1))};
    (relations.boolean(i, 2) ? content.views : content.tables).push_back(name.quoted());
  }
  return content;
}

// They read each other: all views in one statement.
Status drop_content(pg::Session& session, Content const& content) {
  std::vector<std::string> statements;
  if (!content.views.empty()) statements.push_back("DROP VIEW " + join(content.views, ", "));
  if (!content.tables.empty()) statements.push_back("DROP TABLE " + join(content.tables, ", "));
  if (!content.schemas.empty()) statements.push_back("DROP SCHEMA " + join(content.schemas, ", "));
  if (statements.empty()) return {};
  WEIR_DO(session.execute(join(statements, "; ")));
  return {};
}

struct Waiting {
  std::int64_t generation = 0;
  sql::QualifiedName relation;
};

// The private tables that the stage's views read.
Result<std::vector<Waiting>> waiting_behind(pg::Session& session, std::string const& prefix) {
  WEIR_TRY(auto rows, session.query(R"(
SELECT DISTINCT g.id, g.relation_schema, g.relation
FROM pg_class v
JOIN pg_namespace n ON n.oid = v.relnamespace
JOIN pg_rewrite r ON r.ev_class = v.oid
JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
JOIN pg_class t ON t.oid = d.refobjid
JOIN pg_namespace tn ON tn.oid = t.relnamespace
JOIN weir.generation g ON g.relation_schema = tn.nspname AND g.relation = t.relname
WHERE starts_with(n.nspname, $1) AND g.state IN ('building', 'ready', 'held'))",
                                    {prefix}));
  std::vector<Waiting> waiting;
  for (std::size_t i = 0; i < rows.size(); ++i)
    waiting.push_back({rows.integer(i, 0), {std::string(rows.text(i, 1)), std::string(rows.text(i, 2))}});
  return waiting;
}

Status discard_stage(pg::Session& session, std::string const& prefix) {
  WEIR_TRY(auto settings, CatalogSettings::enter(session));
  WEIR_TRY(auto const waiting, waiting_behind(session, prefix));
  WEIR_TRY(auto const content, content_of(session, prefix));
  WEIR_DO(drop_content(session, content));
  for (Waiting const& one : waiting) {
    WEIR_DO(session.execute(drop_load(one.relation)));
    WEIR_DO(
        session.query("UPDATE weir.generation SET state = 'dropped' WHERE id = $1", {std::to_string(one.generation)}));
  }
  return settings.leave();
}

}  // namespace

Result<Stage> Stage::open(pg::Session& session, std::span<std::string const> schemas) {
  WEIR_TRY(std::uint32_t const id, take_id(session));
  Stage stage;
  stage.prefix_ = prefix_of(id);
  std::string text;
  for (std::string const& schema : schemas) {
    stage.schemas_.push_back({schema, fmt::format("{}{}_", stage.prefix_, stage.schemas_.size())});
    text += fmt::format("CREATE SCHEMA {}; ", stage.schemas_.back().staged);
  }
  auto made = session.execute(text);
  if (made.ok()) return stage;
  if (made.error().sqlstate() != "42501") return std::move(made).error();
  return Error(ErrorKind::Denied, "could not make a place for what is to be published together")
      .sqlstate("42501")
      .cause("the role may not create schemas in this database")
      .state("nothing was changed")
      .next("GRANT CREATE ON DATABASE to the role, or publish each relation by itself");
}

sql::QualifiedName Stage::name(sql::QualifiedName const& target) const {
  for (Schema const& schema : schemas_)
    if (schema.published == target.schema) return {schema.staged, target.name};
  return target;
}

std::string Stage::as_published(std::string text) const {
  if (text.find(prefix_) == std::string::npos) return text;
  for (Schema const& schema : schemas_) {
    // Where the name stands in quotes, so does what takes its place.
    text = replace_all(std::move(text), quote_pg(schema.staged), quote_pg(schema.published));
    text = replace_all(std::move(text), schema.staged, schema.published);
  }
  return text;
}

std::string Stage::with_published_strings(std::string query) const {
  if (query.find(prefix_) == std::string::npos) return query;
  std::string out;
  std::size_t copied = 0;
  for (sql::Word const& word : sql::words(query)) {
    if (word.kind != sql::WordKind::String || word.text.find(prefix_) == std::string_view::npos) continue;
    std::size_t const end = word.at + word.text.size();
    bool const is_relation = trim(std::string_view(query).substr(end)).starts_with("::reg");
    if (is_relation) continue;
    out.append(query, copied, word.at - copied);
    out += as_published(std::string(word.text));
    copied = end;
  }
  return out.append(query, copied);
}

Status Stage::show(pg::Session& session, Prepared const& prepared) const {
  RelationDefinition const& d = prepared.plan.definition;
  std::string const query = d.kind == RelationKind::Table ? "SELECT * FROM " + prepared.relation.quoted()
                            : d.build_query.empty()       ? d.query
                                                          : d.build_query;
  WEIR_DO(session.execute(fmt::format("CREATE VIEW {} AS {}\n", name(d.target).quoted(), query)));
  return {};
}

Status Stage::clear(pg::Session& session) const {
  WEIR_TRY(auto settings, CatalogSettings::enter(session));
  WEIR_TRY(auto const content, content_of(session, prefix_));
  WEIR_DO(drop_content(session, content));
  return settings.leave();
}

Status Stage::discard(pg::Session& session) const {
  return discard_stage(session, prefix_);
}

Result<std::vector<std::string>> remove_abandoned_stages(pg::Session& session, std::span<std::string const> schemas) {
  std::set<std::uint32_t> ids;
  for (auto const& schema : schemas)
    if (auto const id = id_in(schema)) ids.insert(*id);
  std::vector<std::string> lines;
  for (auto const id : ids) {
    std::string const prefix = prefix_of(id);
    WEIR_TRY(auto transaction, pg::Transaction::begin(session));
    WEIR_TRY(auto ours,
             session.query("SELECT pg_try_advisory_xact_lock($1, $2)", {std::to_string(kStageLock), lock_key(id)}));
    if (!ours.boolean(0, 0)) continue;  // its owner works
    Status done = discard_stage(session, prefix);
    if (done.ok()) done = std::move(transaction).commit();
    if (session.is_broken()) return std::move(done).error();
    lines.push_back(done.ok() ? "removed what a run that ended had built and not published"
                              : fmt::format("kept schemas {}*: {}", prefix, done.error().message()));
  }
  return lines;
}

}  // namespace weir::swap
