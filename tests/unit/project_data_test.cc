#include <gtest/gtest.h>

#include "project/data.h"
#include "project/graph.h"

namespace weir::project {
namespace {

TEST(ProjectData, ReprIsPythons) {
  // Each line was checked against Python 3.11.
  EXPECT_EQ(Data().repr(), "None");
  EXPECT_EQ(Data(true).repr(), "True");
  EXPECT_EQ(Data("it's").repr(), "\"it's\"");
  EXPECT_EQ(Data("it's \"so\"").repr(), "'it\\'s \"so\"'");
  EXPECT_EQ(Data("a\n\t\\\x01").repr(), "'a\\n\\t\\\\\\x01'");
  EXPECT_EQ(Data("caf\xC3\xA9").repr(), "'caf\xC3\xA9'");
  EXPECT_EQ(Data("a\xC2\xA0"
                 "b")
                .repr(),
            "'a\\xa0b'");
  EXPECT_EQ(Data(Data::Dict{{"a", Data::List{1, 2.5, "x"}}, {"b", Data()}}).repr(), "{'a': [1, 2.5, 'x'], 'b': None}");
  EXPECT_EQ(Data(1.0).repr(), "1.0");
  EXPECT_EQ(Data(0.1).repr(), "0.1");
  EXPECT_EQ(Data(1e16).repr(), "1e+16");
  EXPECT_EQ(Data(123456789012345.0).repr(), "123456789012345.0");
  EXPECT_EQ(Data(0.0001).repr(), "0.0001");
  EXPECT_EQ(Data(0.00001).repr(), "1e-05");
  EXPECT_EQ(Data(-2.5e-7).repr(), "-2.5e-07");
  EXPECT_EQ(Data::date("2026-11-24T03:00:00").str(), "2026-11-24 03:00:00");
}

TEST(ProjectData, EqualityIsPythons) {
  EXPECT_EQ(Data(1), Data(1.0));
  EXPECT_EQ(Data(true), Data(1));
  EXPECT_FALSE(Data("1") == Data(1));
  EXPECT_EQ((Data(Data::Dict{{"a", 1}, {"b", 2}})), (Data(Data::Dict{{"b", 2}, {"a", 1}})));
  EXPECT_FALSE((Data(Data::List{1, 2})) == (Data(Data::List{2, 1})));
}

TEST(ProjectData, JsonIsThatOfJsonDumps) {
  std::string out;
  append_json(out, Data(Data::Dict{{"b", Data::List{1, Data(), true, "q\"\n\x02"}}, {"a", 1.5}}));
  EXPECT_EQ(out, R"({"b": [1, null, true, "q\"\n\u0002"], "a": 1.5})");
  out.clear();
  append_json(out, Data(Data::Dict{{"b", 1}, {"a", Data::Dict{{"d", 1}, {"c", 2}}}}), KeyOrder::Sorted);
  EXPECT_EQ(out, R"({"a": {"c": 2, "d": 1}, "b": 1})");
}

TEST(ProjectGraph, SpreadsBySteps) {
  Graph const graph({{}, {0}, {1}, {2}, {0}});  // 0 -> 1 -> 2 -> 3, 0 -> 4
  std::vector<char> marks{0, 1, 0, 0, 0};
  graph.add_descendants(marks, 1);
  EXPECT_EQ(marks, (std::vector<char>{0, 1, 1, 0, 0}));
  graph.add_descendants(marks);
  EXPECT_EQ(marks, (std::vector<char>{0, 1, 1, 1, 0}));
  marks = {0, 0, 0, 1, 0};
  graph.add_ancestors(marks, 2);
  EXPECT_EQ(marks, (std::vector<char>{0, 1, 1, 1, 0}));
}

TEST(ProjectGraph, FindsACycleAndSaysItsNodes) {
  EXPECT_TRUE(Graph({{}, {0}, {0, 1}}).find_cycle().empty());
  auto const cycle = Graph({{}, {0, 3}, {1}, {2}}).find_cycle();
  EXPECT_EQ(cycle, (std::vector<NodeIndex>{1, 2, 3, 1}));
}

TEST(ProjectGraph, EdgesLeadOverWhatWasNotChosen) {
  Graph const graph({{}, {0}, {1}, {1, 2}});
  auto const parents = graph.parents_among({1, 0, 1, 1});
  EXPECT_EQ(parents[2], (std::vector<NodeIndex>{0}));
  EXPECT_EQ(parents[3], (std::vector<NodeIndex>{0, 2}));
  EXPECT_TRUE(parents[1].empty());
  EXPECT_EQ(graph.topological_order(), (std::vector<NodeIndex>{0, 1, 2, 3}));
}

}  // namespace
}  // namespace weir::project
