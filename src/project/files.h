#pragma once
// Which files of a project are what, and their text. Reads the disk; any thread.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "project/node.h"
#include "project/project_file.h"

namespace weir::project {

enum class FileKind {
  Macro,
  Model,
  Snapshot,
  Analysis,
  SingularTest,
  GenericTest,
  Seed,
  Docs,
  Properties,
  Fixture,
  Function
};

struct SourceFile {
  FileKind kind = FileKind::Model;
  std::string package;
  std::string search_path;         // models
  std::string relative_path;       // staging/a.sql
  std::string original_file_path;  // models/staging/a.sql
  std::filesystem::path absolute;
  std::string contents;  // without white space at both ends; of a seed: nothing
  int first_line = 1;    // of `contents` in the file
  Checksum checksum;
};

// All files of a project by kind, those that .dbtignore names left out, read and summed. In the order of their paths.
Result<std::vector<SourceFile>> read_files(ProjectFile const& project);

// Of a text without the white space around it.
Checksum checksum_of(std::string_view text);

// A path against a pattern: * and ? stay within a folder, **/ crosses them, [a-z] as in a shell.
bool matches_path(std::string_view pattern, std::string_view path);

// Patterns as in .gitignore: the last one that matches decides.
class IgnoreRules {
 public:
  explicit IgnoreRules(std::string_view text);
  bool ignores(std::string_view path) const;
  bool empty() const { return rules_.empty(); }

 private:
  struct Rule {
    std::string pattern;
    bool is_negated = false, is_anchored = false, only_folders = false;
  };
  std::vector<Rule> rules_;
};

}  // namespace weir::project
