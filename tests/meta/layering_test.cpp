// SPDX-License-Identifier: Apache-2.0
// Reads every #include of the tree: a folder may include only what stands before it in its row, and
// third-party headers stay with their owners. A departure needs an entry below with its reason.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>

namespace {

namespace fs = std::filesystem;

struct Include {
    std::string from;   // path from the repository root
    std::string to;     // as written
    bool quoted = false;
};

const std::vector<std::string>& parser_row() {
    static const std::vector<std::string> row{"parser/base", "parser/ir", "parser/value",
                                              "parser/keyword"};
    return row;
}
const std::vector<std::string>& runtime_row() {
    static const std::vector<std::string> row{
        "runtime/base",  "runtime/log",    "runtime/net",      "runtime/http",
        "runtime/gateway", "runtime/zone", "runtime/cache",    "runtime/pool",
        "runtime/route", "runtime/filter", "runtime/plan",     "runtime/forward",
        "runtime/exchange", "runtime/warden", "runtime/process"};
    return row;
}

// Including file (or folder, ending in '/') and included file: why this is right all the same.
struct Exception {
    const char* from;
    const char* to;
    const char* reason;
};
constexpr Exception exceptions[] = {
    {"parser/value/", "parser/base", "IpAddress is a fact of the world and lives in source_set.hpp"},
    {"runtime/net/stream.hpp", "runtime/pool/live_pool.hpp",
     "SocketAddress: an address as the kernel wants it; belongs into net in the long run"},
    {"runtime/exchange/client_side.hpp", "runtime/process/worker.hpp",
     "worker.hpp is the contract that the data plane implements for its process"},
    {"runtime/warden/", "runtime/process/worker.hpp",
     "the same contract, which the warden implements for its process"},
    {"runtime/filter/filter.hpp", "parser/keyword/keyword.hpp",
     "struct Module names the rows that a module brings"},
};

bool excepted(const Include& include) {
    return std::any_of(std::begin(exceptions), std::end(exceptions), [&](const Exception& known) {
        std::string from = known.from;
        bool same = from.ends_with('/') ? include.from.starts_with(from) : include.from == from;
        return same && include.to.starts_with(known.to);
    });
}

// "parser/nginx/x.cpp" -> "parser/nginx"; "parser/load.cpp" -> "parser".
std::string folder_of(const std::string& path) { return fs::path(path).parent_path().string(); }

// What stands before `folder` in `row`, itself included.
std::set<std::string> up_to(const std::vector<std::string>& row, const std::string& folder) {
    auto here = std::find(row.begin(), row.end(), folder);
    std::set<std::string> allowed(row.begin(), here);
    if (here != row.end()) allowed.insert(folder);
    return allowed;
}

std::set<std::string> allowed_folders(const std::string& folder) {
    if (folder == "parser")
        return {"parser", "parser/base", "parser/ir", "parser/value", "parser/keyword",
                "parser/nginx", "parser/haproxy"};
    if (folder == "parser/nginx" || folder == "parser/haproxy") {
        std::set<std::string> allowed(parser_row().begin(), parser_row().end());
        allowed.insert(folder);
        return allowed;
    }
    if (folder.starts_with("parser/")) return up_to(parser_row(), folder);
    if (folder.starts_with("runtime/")) {
        auto allowed = up_to(runtime_row(), folder);
        allowed.insert({"parser/base", "parser/ir"});
        return allowed;
    }
    if (folder.starts_with("modules/"))
        return {"parser/base", "parser/ir", "parser/value", "parser/keyword", "modules", folder};
    return {};
}

// Modules see a few headers of the runtime and no more.
const std::set<std::string>& headers_for_modules() {
    static const std::set<std::string> headers{
        "runtime/http/message.hpp", "runtime/http/body.hpp", "runtime/http/conditional.hpp", "runtime/zone/zone.hpp",
        "runtime/zone/board.hpp", "runtime/zone/check_code.hpp", "runtime/cache/parts.hpp", "runtime/filter/filter.hpp",
        "runtime/filter/rate_fields.hpp",
        // Where a row may stand.
        "parser/nginx/contexts.hpp", "parser/haproxy/contexts.hpp"};
    return headers;
}

bool allowed(const Include& include) {
    auto folder = folder_of(include.from);
    if (include.from == "runtime/main.cpp" || folder == "modules") return true;
    // Generated: the version.
    if (include.to == "runtime/version.hpp") return true;
    if (folder.starts_with("modules/") && headers_for_modules().count(include.to) != 0) return true;
    return allowed_folders(folder).count(folder_of(include.to)) != 0 || excepted(include);
}

std::vector<Include> read_includes() {
    static const std::regex line(R"(^\s*#\s*include\s*(["<])([^">]+)[">])");
    std::vector<Include> found;
    fs::path root = WEIR_SOURCE_DIR;
    for (const char* top : {"parser", "runtime", "modules"}) {
        if (!fs::is_directory(root / top)) continue;
        for (const auto& entry : fs::recursive_directory_iterator(root / top)) {
            auto extension = entry.path().extension();
            if (extension != ".cpp" && extension != ".hpp") continue;
            std::ifstream in(entry.path());
            for (std::string text; std::getline(in, text);) {
                std::smatch match;
                if (text.find("include") != std::string::npos && std::regex_search(text, match, line))
                    found.push_back({fs::relative(entry.path(), root).string(), match[2],
                                     match[1] == "\""});
            }
        }
    }
    return found;
}

const std::vector<Include>& includes() {
    static const std::vector<Include> all = read_includes();
    return all;
}

TEST(Layering, TheTreeIsThere) { EXPECT_GT(includes().size(), 300U); }

TEST(Layering, AFolderIncludesOnlyWhatStandsBeforeIt) {
    for (const auto& include : includes()) {
        if (!include.quoted) continue;
        EXPECT_TRUE(allowed(include))
            << include.from << " may not include " << include.to << " (house style, section 1)";
    }
}

TEST(Layering, IncludesAreWrittenFromTheRoot) {
    fs::path root = WEIR_SOURCE_DIR;
    for (const auto& include : includes()) {
        if (!include.quoted || include.to == "runtime/version.hpp") continue;
        EXPECT_TRUE(fs::exists(root / include.to)) << include.from << ": " << include.to;
    }
}

TEST(Layering, EveryExceptionIsStillNeeded) {
    for (const auto& known : exceptions) {
        bool used = std::any_of(includes().begin(), includes().end(), [&](const Include& include) {
            std::string from = known.from;
            bool same = from.ends_with('/') ? include.from.starts_with(from)
                                            : include.from == from;
            return same && include.to.starts_with(known.to);
        });
        EXPECT_TRUE(used) << known.from << " no longer includes " << known.to;
    }
}

// Third-party headers and the places that may know them.
struct Owner {
    const char* prefix;
    std::vector<const char*> folders;
};

TEST(Layering, ThirdPartyHeadersStayWithTheirOwners) {
    const std::vector<Owner> owners{
        {"boost/spirit", {"parser/"}},
        {"boost/fusion", {"parser/"}},
        {"asio", {"runtime/net/"}},
        {"openssl/",
         {"runtime/net/", "runtime/route/", "runtime/base/", "runtime/process/version.cpp"}},
        {"ares.h", {"runtime/net/"}},
        {"nghttp2/", {"runtime/http/"}},
        {"zlib.h", {"modules/compression/", "runtime/log/"}},
        {"zstd.h", {"modules/compression/"}},
        {"brotli/", {"modules/compression/"}},
        {"isa-l", {"modules/compression/"}},
        {"pcre2.h", {"parser/value/", "runtime/base/", "runtime/route/"}},
    };
    for (const auto& include : includes()) {
        if (include.quoted) continue;
        for (const auto& owner : owners) {
            if (!include.to.starts_with(owner.prefix)) continue;
            bool owned = std::any_of(
                owner.folders.begin(), owner.folders.end(),
                [&](const char* folder) { return include.from.starts_with(folder); });
            EXPECT_TRUE(owned) << include.from << " includes <" << include.to << ">";
            // No x3 type in a header; the adaptations are for grammars only.
            bool grammar = std::string_view(owner.prefix) == "boost/spirit";
            EXPECT_TRUE(!grammar || include.from.ends_with(".cpp")) << include.from;
        }
    }
}

TEST(Layering, EveryFileNamesItsLicense) {
    fs::path root = WEIR_SOURCE_DIR;
    std::set<std::string> files;
    for (const auto& include : includes()) files.insert(include.from);
    for (const auto& file : files) {
        std::ifstream in(root / file);
        std::string first;
        std::getline(in, first);
        EXPECT_EQ(first, "// SPDX-License-Identifier: Apache-2.0") << file;
    }
}

}  // namespace
