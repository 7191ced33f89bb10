#include "base/text.h"
#include "sql/statement.h"

#include <gtest/gtest.h>

namespace weir::sql {
namespace {

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  for (std::string_view const part : split_statements(text)) parts.emplace_back(part);
  return parts;
}

TEST(SqlStatement, semicolons_in_strings_comments_and_bodies_end_nothing) {
  using List = std::vector<std::string>;
  EXPECT_EQ(split("a; b ;; /* ; /* ; */ */ ; -- x;\n c"), (List{"a", "b", "c"}));
  EXPECT_EQ(split("SELECT ';', E'\\';', U&';' , \"a;\"\"b\", $$;$$, $x$;$$;$x$; 2"),
            (List{"SELECT ';', E'\\';', U&';' , \"a;\"\"b\", $$;$$, $x$;$$;$x$", "2"}));
  EXPECT_EQ(split("CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2); x"),
            (List{"CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)", "x"}));
  EXPECT_EQ(
      split("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END; y"),
      (List{"CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END", "y"}));
  EXPECT_EQ(split("BEGIN; x; END;"), (List{"BEGIN", "x", "END"}));
  EXPECT_EQ(split(" -- only a comment"), List{});
  EXPECT_EQ(split("SELECT $1; SELECT 'open"), (List{"SELECT $1", "SELECT 'open"}));
}

TEST(SqlStatement, heads_of_ddl) {
  Ddl d = read_ddl("DROP /* c */ table If Exists a.\"B.c\", \"x\".y.z Cascade");
  EXPECT_EQ(d.kind, DdlKind::Drop);
  EXPECT_TRUE(d.if_exists && d.takes_dependents);
  ASSERT_EQ(d.names.size(), 2U);
  EXPECT_EQ(d.names[0].parts, (std::vector<std::string>{"a", "B.c"}));
  EXPECT_EQ(d.names[1].text(), "\"x\".\"y\".\"z\"");
  d = read_ddl("alter materialized view Foo rename to \"Bar\"");
  EXPECT_EQ(d.kind, DdlKind::Rename);
  EXPECT_EQ(d.names[0].parts[0], "foo");
  EXPECT_EQ(d.new_name, "Bar");
  d = read_ddl(
      "alter table only s.t add column a int, drop column if exists \"B\" cascade, drop c, alter column d drop not "
      "null, drop constraint k");
  EXPECT_EQ(d.kind, DdlKind::DropColumn);
  EXPECT_EQ(d.columns, (std::vector<std::string>{"B", "c"}));
  EXPECT_TRUE(d.takes_dependents);
  EXPECT_EQ(read_ddl("alter table t drop constraint k cascade").kind, DdlKind::AlterTable);
  d = read_ddl("ALTER TABLE t RENAME a TO b");
  EXPECT_EQ(d.kind, DdlKind::RenameColumn);
  EXPECT_EQ(d.new_name, "b");
  EXPECT_EQ(read_ddl("ALTER TABLE t RENAME CONSTRAINT a TO b").kind, DdlKind::AlterTable);
  d = read_ddl("create unique index concurrently if not exists \"I\" on only s.t using btree (a)");
  EXPECT_EQ(d.kind, DdlKind::CreateIndex);
  EXPECT_TRUE(d.unique);
  EXPECT_EQ(d.new_name, "I");
  EXPECT_EQ(std::string_view("create unique index concurrently if not exists \"I\" on only s.t using btree (a)")
                .substr(d.rest_at),
            " using btree (a)");
  EXPECT_EQ(read_ddl("create index on t (a)").names[0].parts[0], "t");
  EXPECT_EQ(read_ddl("create or replace temp view v as select 1").temporary, true);
  EXPECT_EQ(read_ddl("drop schema a, b cascade").names.size(), 2U);
  EXPECT_EQ(read_ddl("truncate a, only b cascade").names.size(), 2U);
  EXPECT_EQ(read_ddl("do $$ drop table x cascade $$").kind, DdlKind::Opaque);
  EXPECT_EQ(read_ddl("drop index i cascade").kind, DdlKind::None);
  EXPECT_EQ(read_ddl("select 'drop table x cascade'").kind, DdlKind::None);
  EXPECT_EQ(read_ddl("").kind, DdlKind::None);
  EXPECT_EQ(read_ddl("drop table").kind, DdlKind::Drop);
}

TEST(SqlStatement, NamesOfSeveralPartsAreFoundWhereverTheyStand) {
  std::vector<std::string> found;
  for (auto const& name : dotted_names("with a as (select x.Id, 1.5 from Raw.\"Item\" x) select 'no.name' -- not.this\n"
                                       "from a join dwh.raw . customer on true where x.id > f.g(1) and b.c.d.e = 1"))
    found.push_back(join(name.parts, "|"));
  EXPECT_EQ(found, (std::vector<std::string>{"dwh|raw|customer", "f|g", "raw|Item", "x|id"}));
  EXPECT_TRUE(dotted_names("select 1.").empty());
  EXPECT_TRUE(dotted_names("").empty());
}

}  // namespace
}  // namespace weir::sql
