// SPDX-License-Identifier: Apache-2.0
// Golden cases: tests/conf/{nginx,haproxy,same}/NAME.{conf,cfg} beside NAME.ir (what it means) or
// NAME.diag (what is wrong with it). Files are found by name; adding a case needs no C++. In same/,
// NAME.conf and NAME.cfg share one NAME.ir. WEIR_UPDATE_GOLDEN=1 writes what comes out, to be read
// before it is committed.
//
// The world of a case is its own folder: other files do not exist, names resolve to an address made
// from their letters, the environment has two fixed variables.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "modules/module.hpp"
#include "parser/load.hpp"

namespace {

namespace fs = std::filesystem;

const fs::path& root() {
    static const fs::path path = fs::path(WEIR_SOURCE_DIR) / "tests/conf";
    return path;
}

std::string slurp(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    std::stringstream bytes;
    bytes << in.rdbuf();
    return bytes.str();
}

// Paths are relative to the case's folder, so that messages hold no path of a machine.
class CaseWorld : public weir::World {
public:
    explicit CaseWorld(fs::path folder) : folder_(std::move(folder)) {}

    weir::Expected<std::string, weir::SourceError> read(const std::string& path,
                                                        weir::Purpose) override {
        if (!fs::is_regular_file(folder_ / path)) return missing();
        return slurp(folder_ / path);
    }
    weir::Expected<std::vector<std::string>, weir::SourceError> glob(
        const std::string& pattern) override {
        if (pattern.find_first_of("*?[") == std::string::npos) return std::vector{pattern};
        // One '*' at most, in the last component: enough for include files/*.conf.
        std::vector<std::string> found;
        fs::path asked(pattern);
        auto name = asked.filename().string();
        auto star = name.find('*');
        auto parent = folder_ / asked.parent_path();
        if (star == std::string::npos || !fs::is_directory(parent)) return found;
        auto head = name.substr(0, star);
        auto tail = name.substr(star + 1);
        for (const auto& entry : fs::directory_iterator(parent)) {
            auto one = entry.path().filename().string();
            if (one.starts_with(head) && one.ends_with(tail))
                found.push_back((asked.parent_path() / one).string());
        }
        std::sort(found.begin(), found.end());
        return found;
    }
    weir::Expected<std::vector<std::string>, weir::SourceError> list(
        const std::string& folder) override {
        if (!fs::is_directory(folder_ / folder)) return missing();
        return glob(folder + "/*.cfg");
    }
    weir::Expected<std::vector<weir::IpAddress>, weir::SourceError> resolve(
        const std::string& host) override {
        if (host.ends_with(".invalid")) return missing();
        weir::IpAddress address;
        address.family = weir::IpAddress::Family::v4;
        address.bytes[0] = 192;
        address.bytes[2] = 2;
        for (char c : host)
            address.bytes[3] = static_cast<unsigned char>(address.bytes[3] * 31 + c);
        return std::vector{address};
    }
    std::optional<std::string> environment(const std::string& name) override {
        if (name == "WEIR_TEST") return "value";
        if (name == "WEIR_EMPTY") return "";
        return std::nullopt;
    }

private:
    static weir::Unexpected<weir::SourceError> missing() {
        return weir::Unexpected{weir::SourceError{ENOENT, "No such file or directory"}};
    }
    fs::path folder_;
};

struct Outcome {
    std::string ir;      // empty when it was refused
    std::string report;  // every diagnostic as an operator sees it
};

Outcome run(const fs::path& file) {
    CaseWorld world(file.parent_path());
    weir::SourceSet set(world);
    weir::SourceMap sources;
    weir::diag::Sink sink;
    auto dialect = file.extension() == ".cfg" ? weir::Dialect::haproxy : weir::Dialect::nginx;
    weir::LoadOptions options;
    options.prefix = "";
    auto config = weir::load_config({{dialect, file.filename().string()}}, options, set, sources,
                                    weir::modules::rows(), sink);
    Outcome outcome;
    if (config) outcome.ir = weir::ir::print(*config);
    for (const auto& entry : sink.all())
        if (entry.severity != weir::diag::Severity::advice)
            outcome.report += weir::diag::render_text(entry, sources);
    return outcome;
}

// For same/: what both languages can say. Left out is what only one of them says, or says unasked:
// its habits (groups below), its numbering, how it reacts to failures.
bool said_by_one_language(std::string_view fact) {
    static constexpr std::string_view facts[] = {
        "limits",   "http2",       "keepalive",   "style",         "forwarding",  "logs",
        "id ",      "path_routes", "queue ",        "tarpit ",     "inspect ",
        "ring ",    "function ",   "idle.",         "max_fails ",  "use_all_backups ",
        "host ",    "port ",       "error_log ",    "name exact ",
        "single_server_stays "};
    return std::any_of(std::begin(facts), std::end(facts),
                       [&](std::string_view known) { return fact.starts_with(known); });
}

// Names that one language cannot spell, or gives by itself.
std::string without_names(std::string_view line, std::size_t depth) {
    std::string kept(line);
    auto fact = line.substr(depth);
    if (fact.starts_with("server ")) kept.resize(depth + 6);
    if (fact.starts_with("site ")) {
        kept.resize(depth + fact.find(' ', 5));
        if (fact.ends_with(" default")) kept += " default";
    }
    if (auto label = kept.find(" as \""); fact.starts_with("route ") && label != kept.npos)
        kept.resize(label);
    return kept;
}

std::string common_facts(std::string_view ir) {
    std::string out;
    std::size_t hidden_below = std::string::npos;   // depth of a fact that was left out
    std::size_t whole_site = std::string::npos;     // depth of a location "/"
    while (!ir.empty()) {
        auto line = ir.substr(0, ir.find('\n'));
        ir.remove_prefix(line.size() + 1);
        auto depth = line.find_first_not_of(' ');
        if (depth > hidden_below) continue;
        auto fact = line.substr(depth);
        hidden_below = said_by_one_language(fact) ? depth : std::string::npos;
        if (hidden_below != std::string::npos) continue;
        if (whole_site != std::string::npos && depth <= whole_site) whole_site = std::string::npos;
        // nginx's location "/" takes what HAProxy's default_backend takes: all the rest.
        if (fact.starts_with("route prefix \"/\"") && fact.find("auto_redirect") != fact.npos) {
            whole_site = depth;
            out += std::string(depth, ' ') + "otherwise\n" + std::string(depth + 2, ' ') +
                   "route always\n";
            continue;
        }
        if (whole_site != std::string::npos) out += "  ";
        out += without_names(line, depth) + "\n";
    }
    constexpr std::string_view nothing =
        "  otherwise\n    route always\n      files\n";
    if (auto at = out.find(nothing); at != out.npos) out.erase(at, nothing.size());
    return out;
}

void expect_file(const fs::path& path, const std::string& actual) {
    static const bool update = std::getenv("WEIR_UPDATE_GOLDEN") != nullptr;
    if (update) {
        if (actual.empty())
            fs::remove(path);
        else
            std::ofstream(path, std::ios::binary) << actual;
        return;
    }
    EXPECT_EQ(slurp(path), actual) << path.filename() << " differs; WEIR_UPDATE_GOLDEN=1 rewrites it";
}

std::vector<fs::path> cases() {
    std::vector<fs::path> found;
    for (const char* folder : {"nginx", "haproxy", "same"}) {
        if (!fs::is_directory(root() / folder)) continue;
        for (const auto& entry : fs::directory_iterator(root() / folder))
            if (entry.path().extension() == ".conf" || entry.path().extension() == ".cfg")
                found.push_back(entry.path());
    }
    std::sort(found.begin(), found.end());
    return found;
}

class Golden : public testing::TestWithParam<fs::path> {};

TEST_P(Golden, Case) {
    const auto& file = GetParam();
    auto outcome = run(file);
    auto ir = fs::path(file).replace_extension(".ir");
    auto diag = fs::path(file).replace_extension(".diag");
    if (file.parent_path().filename() == "same") {
        EXPECT_NE(outcome.ir, "") << outcome.report;
        return expect_file(ir, common_facts(outcome.ir));
    }
    expect_file(ir, outcome.ir);
    expect_file(diag, outcome.report);
}

std::string name_of_case(const testing::TestParamInfo<fs::path>& info) {
    auto name = info.param.parent_path().filename().string() + "_" + info.param.filename().string();
    for (char& c : name)
        if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
    return name;
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Golden);
INSTANTIATE_TEST_SUITE_P(Files, Golden, testing::ValuesIn(cases()), name_of_case);

TEST(DetectDialect, GoesByTheFirstLineThatTells) {
    using weir::Dialect;
    using weir::detect_dialect;
    EXPECT_EQ(detect_dialect("# frontend\nuser www;\n"), Dialect::nginx);
    EXPECT_EQ(detect_dialect("events{}http{server{listen 80;}}"), Dialect::nginx);
    EXPECT_EQ(detect_dialect("\n\thttp {\n"), Dialect::nginx);
    EXPECT_EQ(detect_dialect("log_format main 'a'\n  'b';\n"), Dialect::nginx);
    EXPECT_EQ(detect_dialect("# x;\nglobal\n  daemon\n"), Dialect::haproxy);
    EXPECT_EQ(detect_dialect("  frontend web # {\n"), Dialect::haproxy);
    EXPECT_EQ(detect_dialect(".if defined(X)\nglobal\n.endif\n"), Dialect::haproxy);
    EXPECT_EQ(detect_dialect("defaults"), Dialect::haproxy);
    EXPECT_EQ(detect_dialect(""), Dialect::nginx);
    EXPECT_EQ(detect_dialect(std::string_view("\0\0", 2)), Dialect::nginx);
}

TEST(DetectDialect, EveryExampleInTheTree) {
    for (const auto& file : cases()) {
        auto expected =
            file.extension() == ".cfg" ? weir::Dialect::haproxy : weir::Dialect::nginx;
        auto text = slurp(file);
        // A case about broken syntax may be nobody's language.
        if (fs::exists(fs::path(file).replace_extension(".diag"))) continue;
        EXPECT_EQ(weir::detect_dialect(text), expected) << file;
    }
}

}  // namespace
