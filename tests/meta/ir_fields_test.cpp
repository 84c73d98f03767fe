// SPDX-License-Identifier: Apache-2.0
// A field of the IR that nobody at run time reads is a keyword that is accepted and does nothing. Finds
// the members of the structs in parser/ir by their lines and looks for uses (".name", "->name",
// "::name") in runtime/ and modules/. By name only: a name that two structs have counts as read when
// one of them is. Also: expressions that g++ 12 evaluates in the wrong order.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

namespace {

namespace fs = std::filesystem;

// Fields that need no reader, and why.
const std::map<std::string, const char*>& exceptions() {
    static const std::map<std::string, const char*> known{
        {"expose_listeners", "a reload keeps every socket, and -x asks the master"},
        {"trusted_span", "the front-ends point at it when they cannot read the file"},
        {"revoked_span", "the same"},
    };
    return known;
}

std::string without_comment(const std::string& line) { return line.substr(0, line.find("//")); }

std::string slurp(const fs::path& path) {
    std::ifstream in(path);
    std::string text, line;
    while (std::getline(in, line)) text += without_comment(line) + "\n";
    return text;
}

// Names of the members that the line declares; none where it declares something else.
std::vector<std::string> members_of(std::string line) {
    static const std::regex skipped(R"(^\s*(using|static|return|friend|\[\[|template|public|private|bool operator|case|if)\b.*)");
    static const std::regex enumerated(R"(^\s*enum class \w+[^{]*\{.*\}\s*(\w+).*;)");
    static const std::regex closed(R"(^\s*\}\s*(\w+).*;)");
    std::smatch found;
    if (std::regex_match(line, found, enumerated) || std::regex_match(line, found, closed))
        return {found[1]};
    if (line.find("enum class") != std::string::npos || std::regex_match(line, skipped)) return {};
    auto end = line.find(';');
    if (end == std::string::npos || line.find('(') < line.find('=')) return {};
    line.resize(end);
    line = std::regex_replace(line, std::regex(R"(\{[^}]*\})"), "");
    for (std::string before; before != line;) {
        before = line;
        line = std::regex_replace(line, std::regex(R"(<[^<>]*>)"), "");
    }
    std::vector<std::string> names;
    std::stringstream parts(line);
    for (std::string part; std::getline(parts, part, ',');) {
        static const std::regex declared(R"(^.*\s(\w+)\s*$)"), further(R"(^\s*(\w+)\s*$)");
        part = part.substr(0, part.find('='));
        while (!part.empty() && part.back() == ' ') part.pop_back();
        if (std::regex_match(part, found, names.empty() ? declared : further)) names.push_back(found[1]);
    }
    return names;
}

std::map<std::string, std::string> fields() {
    std::map<std::string, std::string> all;
    const std::set<std::string> others{"fetch.hpp", "shared.hpp", "printer.hpp"};
    for (const auto& entry : fs::directory_iterator(fs::path(WEIR_SOURCE_DIR) / "parser/ir")) {
        auto name = entry.path().filename().string();
        if (entry.path().extension() != ".hpp" || others.contains(name)) continue;
        std::stringstream text(slurp(entry.path()));
        int depth = 0;   // of braces inside a struct, 0: outside of all
        for (std::string line; std::getline(text, line);) {
            bool begins = line.find("struct ") != std::string::npos && line.find('{') != std::string::npos &&
                          line.find('}') == std::string::npos;
            if (depth > 0 && !begins)
                for (const auto& member : members_of(line))
                    if (!member.ends_with('_')) all.emplace(member, name);
            if (depth == 0 && !begins) continue;
            depth += static_cast<int>(std::count(line.begin(), line.end(), '{') -
                                      std::count(line.begin(), line.end(), '}'));
        }
    }
    return all;
}

std::set<std::string> names_used() {
    std::set<std::string> used;
    static const std::regex use(R"((?:\.|->|::)(\w+))");
    for (const char* folder : {"runtime", "modules"})
        for (const auto& entry : fs::recursive_directory_iterator(fs::path(WEIR_SOURCE_DIR) / folder)) {
            auto extension = entry.path().extension();
            if (extension != ".cpp" && extension != ".hpp") continue;
            auto text = slurp(entry.path());
            for (std::sregex_iterator it(text.begin(), text.end(), use), end; it != end; ++it)
                used.insert((*it)[1]);
        }
    return used;
}

TEST(IrFields, AreReadAtRunTime) {
    auto all = fields();
    auto used = names_used();
    // The search itself works.
    ASSERT_GT(all.size(), 200u);
    ASSERT_TRUE(all.contains("max_body") && all.contains("on_marked_down") && all.contains("fall"));
    for (const auto& [name, file] : all) {
        bool excepted = exceptions().contains(name);
        EXPECT_TRUE(used.contains(name) || excepted)
            << "parser/ir/" << file << ": nobody reads \"" << name
            << "\": run what it stands for, or refuse the keyword by name in its row";
    }
    for (const auto& [name, why] : exceptions())
        EXPECT_TRUE(all.contains(name) && !used.contains(name)) << name << " needs no exception any more";
}

// g++ 12 evaluates a co_await inside && or || of an initializer before what stands left of it.
TEST(Coroutines, DoNotAwaitBehindAConditionInAnInitializer) {
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(WEIR_SOURCE_DIR) / "runtime")) {
        if (entry.path().extension() != ".cpp") continue;
        auto text = slurp(entry.path());
        for (std::size_t at = 0; (at = text.find("co_await", at)) != std::string::npos; at += 8) {
            auto begin = text.find_last_of(";{}", at);
            auto statement = text.substr(begin + 1, at + 8 - begin - 1);
            bool initializer = std::regex_search(statement, std::regex(R"(^\s*[\w:<>&\* ]+ \w+ = )"));
            EXPECT_FALSE(initializer && statement.find("&&") != std::string::npos)
                << entry.path() << ": " << statement;
            EXPECT_FALSE(initializer && statement.find("||") != std::string::npos)
                << entry.path() << ": " << statement;
        }
    }
}

}  // namespace
