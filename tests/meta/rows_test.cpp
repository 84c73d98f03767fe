// SPDX-License-Identifier: Apache-2.0
// Every name of both languages has exactly one row in every place where it may stand, and the rows
// are sound. names/*.txt list the names and places: facts about nginx 1.31 and HAProxy 2.6 to 3.5.
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>

#include "modules/module.hpp"
#include "parser/haproxy/scope.hpp"
#include "parser/haproxy/tables.hpp"
#include "parser/nginx/contexts.hpp"
#include "parser/nginx/tables.hpp"

namespace {

namespace fs = std::filesystem;
using namespace weir;
using keyword::Contexts;
using keyword::Keyword;
using keyword::Registry;
using keyword::Support;

std::string slurp(const fs::path& path) {
    std::ifstream in(path);
    std::stringstream bytes;
    bytes << in.rdbuf();
    return bytes.str();
}

// The places by the names that the code gives them.
std::map<std::string, Contexts> places(const char* header, const char* pattern) {
    auto text = slurp(fs::path(WEIR_SOURCE_DIR) / header);
    std::regex line(pattern);
    std::map<std::string, Contexts> found;
    for (std::sregex_iterator at(text.begin(), text.end(), line), end; at != end; ++at)
        found[(*at)[1]] = Contexts{1} << std::stoul((*at)[2]);
    return found;
}

const std::map<std::string, Contexts>& nginx_places() {
    static const auto found = places("parser/nginx/contexts.hpp",
                                     R"(Contexts (\w+) = Contexts\{1\} << (\d+))");
    return found;
}
const std::map<std::string, Contexts>& haproxy_places() {
    static const auto found = places("parser/haproxy/contexts.hpp",
                                     R"(Contexts (\w+) = bit\((\d+)\))");
    return found;
}

struct Dialect {
    const char* file;   // of names
    const std::map<std::string, Contexts>* places;
    std::vector<keyword::Table> tables;
    const keyword::Language* language;
};

std::vector<Dialect> dialects() {
    const auto modules = modules::rows();
    auto with = [](std::vector<keyword::Table> tables, const std::vector<keyword::Table>& more) {
        tables.insert(tables.end(), more.begin(), more.end());
        return tables;
    };
    return {{"nginx_directives.txt", &nginx_places(), with(nginx::directive_tables(), modules.nginx),
             &nginx::directive_language},
            {"nginx_variables.txt", &nginx_places(), nginx::variable_tables(),
             &nginx::variable_language},
            {"haproxy_keywords.txt", &haproxy_places(),
             with(haproxy::all_tables(), modules.haproxy),
             &haproxy::keyword_language}};
}

// Calls check(name, bit, name of the place, dialect) for each line of the lists.
template <class Check>
void each_name(const Dialect& dialect, Check&& check) {
    std::ifstream in(fs::path(WEIR_SOURCE_DIR) / "tests/meta/names" / dialect.file);
    std::size_t count = 0;
    for (std::string line; std::getline(in, line);) {
        auto tab = line.find('\t');
        ASSERT_NE(tab, std::string::npos) << line;
        std::istringstream names(line.substr(tab + 1));
        for (std::string place; names >> place;) {
            auto known = dialect.places->find(place);
            Contexts bits = place == "any" ? nginx::context::any : 0;
            if (known != dialect.places->end()) bits = known->second;
            ASSERT_NE(bits, Contexts{0}) << place;
            check(line.substr(0, tab), bits, place);
        }
        ++count;
    }
    EXPECT_GT(count, 150U) << dialect.file;
}

std::multimap<std::string_view, const Keyword*> rows_of(const Dialect& dialect) {
    std::multimap<std::string_view, const Keyword*> rows;
    for (auto table : dialect.tables)
        for (const auto& row : table) rows.emplace(row.name, &row);
    return rows;
}

TEST(Rows, EveryNameHasARowWhereItMayStand) {
    for (const auto& dialect : dialects()) {
        auto rows = rows_of(dialect);
        each_name(dialect, [&](const std::string& name, Contexts bits, const std::string& place) {
            auto [first, last] = rows.equal_range(name);
            int found = 0;
            for (auto at = first; at != last; ++at)
                if ((at->second->where & bits) != 0) ++found;
            EXPECT_NE(found, 0) << dialect.file << ": no row for \"" << name << "\" in " << place;
        });
    }
}

TEST(Rows, NoNameHasTwoRowsInOnePlace) {
    for (const auto& dialect : dialects()) {
        std::string_view last;
        Contexts taken = 0;
        for (const auto& [name, row] : rows_of(dialect)) {
            if (name != last) taken = 0;
            last = name;
            EXPECT_EQ(row->where & taken, Contexts{0})
                << dialect.file << ": \"" << name << "\" twice in "
                << keyword::names_of(row->where & taken, dialect.language->contexts);
            taken |= row->where;
        }
    }
}

TEST(Rows, EachIsSound) {
    for (const auto& dialect : dialects()) {
        for (auto table : dialect.tables) {
            for (std::size_t i = 0; i < table.size(); ++i) {
                const auto& row = table[i];
                EXPECT_FALSE(row.summary.empty()) << row.name;
                EXPECT_TRUE(row.summary.ends_with('.')) << row.name << ": " << row.summary;
                EXPECT_NE(row.where, Contexts{0}) << row.name;
                EXPECT_TRUE(i == 0 || table[i - 1].name < row.name) << row.name;
                auto level = row.support.level;
                EXPECT_FALSE(level == Support::Level::ignored && row.support.reason.empty())
                    << row.name << " is ignored without a reason";
                EXPECT_FALSE(level != Support::Level::full && row.apply != nullptr)
                    << row.name << " has code and is not run";
            }
        }
    }
}

// The default as the manual writes it: words, some in quotes.
std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> words;
    std::string word;
    char quote = 0;
    bool open = false;
    for (char c : text) {
        if (quote != 0 ? c == quote : c == '"' || c == '\'') {
            quote = quote != 0 ? '\0' : c;
            open = true;
        } else if (c == ' ' && quote == 0) {
            if (open) words.push_back(std::exchange(word, {}));
            open = false;
        } else {
            word += c;
            open = true;
        }
    }
    if (open) words.push_back(word);
    return words;
}

TEST(Rows, EveryDefaultIsAcceptedByItsOwnSignature) {
    for (const auto& dialect : dialects()) {
        for (const auto& [name, row] : rows_of(dialect)) {
            if (row->fallback.empty() || row->body != keyword::Body::none) continue;
            // Named conditions keep their definition there: METH_GET is "method GET HEAD".
            if (row->where == haproxy::in::acl_predefined || row->where == haproxy::in::acl)
                continue;
            auto words = words_of(row->fallback);
            std::vector<keyword::Argument> args;
            for (const auto& word : words) args.push_back({.text = word});
            keyword::Call call{.name = row->name};
            diag::Sink sink;
            bool ok = keyword::check_arguments(*row, call, args, dialect.language->units, sink);
            EXPECT_TRUE(ok) << "default of " << name << ": " << row->fallback << ": "
                            << (sink.all().empty() ? "" : sink.all()[0].message);
        }
    }
}

}  // namespace
