// SPDX-License-Identifier: Apache-2.0
// The reader goes line by line, as HAProxy does: a "setenv" in the global section and the outcome
// of an .if decide how the lines after it are read.
#include "parser/haproxy/preprocess.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <utility>

#include "parser/haproxy/syntax.hpp"

namespace weir::haproxy {

namespace {

constexpr std::string_view section_words[] = {
    "acme",   "backend",     "cache",       "crt-store", "defaults",    "fcgi-app",    "frontend",
    "global", "healthcheck", "http-errors", "listen",    "log-forward", "log-profile", "mailers",
    "peers",  "program",     "resolvers",   "ring",      "traces",      "userlist"};

// Variables of the process plus what setenv and its kin changed so far.
class Environment : public Variables {
public:
    Environment(SourceSet& set, const std::vector<std::string>& paths) : set_(set) {
        std::string files;
        for (const auto& path : paths) files += (files.empty() ? "" : ";") + path;
        changed_["HAPROXY_CFGFILES"] = files;
        changed_["HAPROXY_STARTUP_VERSION"] = std::string(language_version);
    }

    std::optional<std::string> value(std::string_view name) override {
        if (name == ".FILE") return file;
        if (name == ".LINE") return std::to_string(line);
        if (name == ".SECTION") return section;
        if (auto found = changed_.find(name); found != changed_.end()) return found->second;
        if (reset_) return std::nullopt;
        return set_.environment(std::string(name));
    }
    void set(std::string_view name, std::optional<std::string> value) {
        changed_[std::string(name)] = std::move(value);
    }
    // resetenv: nothing but the variables named is left.
    void keep_only(const ast::Word* names, std::size_t count) {
        std::map<std::string, std::optional<std::string>, std::less<>> kept;
        for (std::size_t i = 0; i < count; ++i)
            kept[std::string(names[i].text)] = value(names[i].text);
        changed_ = std::move(kept);
        reset_ = true;
    }

    std::string file, section;
    std::size_t line = 0;

private:
    SourceSet& set_;
    std::map<std::string, std::optional<std::string>, std::less<>> changed_;
    bool reset_ = false;
};

// "2.6.12-dev3" as numbers; what is missing is zero. A release is newer than its "-dev".
std::array<int, 4> parse_version(std::string_view text) {
    std::array<int, 4> out{0, 0, 0, 1 << 20};
    const char* at = text.data();
    const char* end = at + text.size();
    for (int part = 0; part < 3 && at != end; ++part) {
        auto [rest, failure] = std::from_chars(at, end, out[static_cast<std::size_t>(part)]);
        if (failure != std::errc()) break;
        at = rest;
        if (at == end || *at != '.') break;
        ++at;
    }
    std::string_view suffix(at, static_cast<std::size_t>(end - at));
    if (suffix.starts_with("-dev")) {
        out[3] = 0;
        std::from_chars(at + 4, end, out[3]);
    }
    return out;
}

// Debian 12's; the parser does not know the library, and only its age matters to conditions.
std::array<int, 4> openssl_version() { return {3, 0, 0, 1 << 20}; }

bool one_of(std::string_view word, std::initializer_list<std::string_view> list) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

struct Predicate {
    std::string_view name;
    std::size_t args;
};
constexpr Predicate predicates[] = {{"awslc_api_atleast", 1},
                                    {"awslc_api_before", 1},
                                    {"defined", 1},
                                    {"enabled", 1},
                                    {"feature", 1},
                                    {"fips_mode", 0},
                                    {"openssl_version_atleast", 1},
                                    {"openssl_version_before", 1},
                                    {"ssllib_name_startswith", 1},
                                    {"streq", 2},
                                    {"strneq", 2},
                                    {"strstr", 2},
                                    {"version_atleast", 1},
                                    {"version_before", 1}};

// A condition's value, or the place and sentence of what is wrong with it.
using Verdict = Expected<bool, ast::Problem>;

class Conditions {
public:
    explicit Conditions(Environment& environment) : environment_(environment) {}

    Verdict evaluate(const ast::Conditional& condition) {
        using Op = ast::Conditional::Op;
        switch (condition.op) {
            case Op::any_of: return fold(condition, true);
            case Op::all_of: return fold(condition, false);
            case Op::negate: {
                auto inner = evaluate(condition.in[0]);
                if (!inner) return inner;
                return !*inner;
            }
            case Op::call: return call(condition.call);
        }
        return false;
    }

private:
    Verdict fold(const ast::Conditional& condition, bool stop) {
        bool result = !stop;
        for (const auto& part : condition.in) {
            auto value = evaluate(part);
            if (!value) return value;
            if (result != stop) result = *value;
        }
        return result;
    }

    Verdict call(const ast::CallExpr& call) {
        long number = 0;
        auto [rest, failure] =
            std::from_chars(call.name.data(), call.name.data() + call.name.size(), number);
        if (failure == std::errc() && rest == call.name.data() + call.name.size() && !call.has_args)
            return number != 0;
        auto* known = std::find_if(std::begin(predicates), std::end(predicates),
                                   [&](const auto& entry) { return entry.name == call.name; });
        if (known == std::end(predicates))
            return Unexpected{ast::Problem{call.at,
                                           "a number or a predicate such as "
                                           "defined(NAME), streq(A,B) or feature(NAME)"}};
        // "fips_mode()" is read as one empty argument.
        bool none = known->args == 0 && call.args.size() == 1 && call.args[0].text.empty();
        if (call.args.size() != known->args && !none)
            return Unexpected{ast::Problem{
                call.at, fmt::format("{} with {} argument{} in parentheses", known->name,
                                     known->args, known->args == 1 ? "" : "s")}};
        if (call.name == "fips_mode") return false;
        const std::string& first = call.args[0].text;
        if (call.name == "defined") return environment_.value(first).has_value();
        if (call.name == "streq") return first == call.args[1].text;
        if (call.name == "strneq") return first != call.args[1].text;
        if (call.name == "strstr") return first.find(call.args[1].text) != std::string::npos;
        if (call.name == "feature")
            return one_of(first, {"ACCEPT4", "CPU_AFFINITY", "CRYPT_H", "EPOLL", "GETADDRINFO",
                                  "LINUX_SPLICE", "LINUX_TPROXY", "OPENSSL", "PCRE2", "PCRE2_JIT",
                                  "POLL", "PRCTL", "RT", "SYSTEMD", "TFO", "THREAD", "TPROXY", "ZLIB"});
        if (call.name == "enabled")
            return one_of(first, {"EPOLL", "FAST-FORWARD", "POLL", "SPLICE", "GETADDRINFO", "REUSEPORT"});
        if (call.name.starts_with("awslc_api_")) return false;   // another library
        if (call.name == "ssllib_name_startswith")
            return std::string_view("OpenSSL").starts_with(first);
        if (call.name == "version_atleast")
            return parse_version(language_version) >= parse_version(first);
        if (call.name == "version_before")
            return parse_version(language_version) < parse_version(first);
        if (call.name == "openssl_version_atleast")
            return openssl_version() >= parse_version(first);
        return openssl_version() < parse_version(first);
    }

    Environment& environment_;
};

class Reader {
public:
    Reader(const std::vector<std::string>& paths, SourceSet& set, SourceMap& sources,
           diag::Sink& sink)
        : set_(set), sources_(sources), sink_(sink), environment_(set, paths) {}

    void read_path(const std::string& path);
    // The servers that came and went at run time.
    void change_servers();
    ast::Document take() { return std::move(document_); }

private:
    void read_file(const std::string& path);
    void read_lines(FileId file);
    void take_line(ast::Line line);
    void change_server(const Amendment& change);
    void open_section(ast::Line line);
    void run_directive(ast::Line line);
    void begin_if(ast::Line line, bool again);
    bool decide(ast::Line line);
    void message(ast::Line line, diag::Severity severity);
    void change_environment(ast::Line line);
    bool takes_no_argument(ast::Line line);
    void report_lines();

    SourceSet& set_;
    SourceMap& sources_;
    diag::Sink& sink_;
    Environment environment_;
    ast::Document document_;
    std::vector<LineProblem> problems_;
    FileId file_ = 0;
    bool in_section_ = false, in_global_ = false, told_ = false;

    // One level of .if: looking for a true branch, in it, or past it.
    struct Level {
        enum class State : std::uint8_t { seeking, taken, done } state;
        bool after_else = false;
        Span opened;
    };
    std::vector<Level> levels_;
    [[nodiscard]] bool skipping() const {
        return !levels_.empty() && levels_.back().state != Level::State::taken;
    }
};

void Reader::read_path(const std::string& path) {
    if (auto folder = set_.list(path)) {
        for (const auto& file : *folder) read_file(file);
        return;
    }
    read_file(path);
}

void Reader::read_file(const std::string& path) {
    auto bytes = set_.read(path, Purpose::configuration);
    if (!bytes) {
        sink_.error({}, "cannot-read",
                    fmt::format("cannot open \"{}\": {}", path, bytes.error().text));
        return;
    }
    auto file = sources_.add(path, std::string(*bytes));
    in_section_ = in_global_ = told_ = false;  // a file ends its last section
    environment_.file = path;
    environment_.section.clear();
    read_lines(file);
    for (const auto& level : levels_)
        sink_.error(level.opened, "unclosed-if", "this \".if\" has no \".endif\" in its file");
    levels_.clear();
}

void Reader::read_lines(FileId file) {
    std::string_view source = sources_.file(file).text;
    file_ = file;
    if (document_.words.empty()) {
        // Typical densities; saves the growth of two large vectors.
        document_.words.reserve(source.size() / 8 + 16);
        document_.lines.reserve(source.size() / 30 + 16);
    }
    const char* at = source.data();
    const char* end = at + source.size();
    environment_.line = 0;
    while (at != end) {
        ++environment_.line;
        auto line = parse_line(at, source, file, environment_, document_, problems_);
        if (!problems_.empty()) {
            bool fatal = std::any_of(problems_.begin(), problems_.end(), [](const auto& problem) {
                return problem.id != "no-final-newline";
            });
            report_lines();
            if (fatal) {  // half a line says nothing certain
                document_.words.resize(line.first);
                continue;
            }
        }
        if (line.count == 0) continue;
        if (document_.begin(line)->text.empty()) {
            document_.words.resize(line.first);  // "" first: HAProxy skips the line
            continue;
        }
        take_line(line);
    }
}

void Reader::change_servers() {
    for (const auto& one : set_.servers()) change_server(one);
}

void Reader::change_server(const Amendment& change) {
    const auto slash = change.name.find('/');
    const auto pool = std::string_view(change.name).substr(0, slash);
    const auto name = std::string_view(change.name).substr(slash + 1);
    auto& sections = document_.sections;
    auto section = std::find_if(sections.begin(), sections.end(), [&](const auto& one) {
        const auto* head = document_.begin(one.head);
        return one.head.count > 1 && head[1].text == pool && (head[0].text == "backend" || head[0].text == "listen");
    });
    if (section == sections.end()) return;   // a reload took the section away
    auto move_those_behind = [&](std::uint32_t by) {
        section->lines += by;
        for (auto at = std::next(section); at != sections.end(); ++at) at->first_line += by;
    };
    const auto begin = document_.lines.begin() + section->first_line;
    auto old = std::find_if(begin, begin + section->lines, [&](ast::Line line) {
        const auto* words = document_.begin(line);
        return line.count > 1 && words[0].text == "server" && words[1].text == name;
    });
    if (old != begin + section->lines) {
        document_.lines.erase(old);
        move_those_behind(static_cast<std::uint32_t>(-1));
    }
    if (change.kind == Amendment::Kind::no_server) return;
    file_ = sources_.add("(runtime socket)", "server " + std::string(name) + " " + change.bytes + "\n");
    const std::string_view text = sources_.file(file_).text;
    const char* at = text.data();
    auto line = parse_line(at, text, file_, environment_, document_, problems_);
    line.at_run_time = true;
    report_lines();
    document_.lines.insert(document_.lines.begin() + section->first_line + section->lines, line);
    move_those_behind(1);
}

void Reader::report_lines() {
    for (auto& problem : problems_)
        sink_.error({file_, static_cast<std::uint32_t>(problem.begin),
                     static_cast<std::uint32_t>(problem.length)},
                    std::move(problem.id), std::move(problem.message), std::move(problem.hint));
    problems_.clear();
}

void Reader::take_line(ast::Line line) {
    const ast::Word& first = *document_.begin(line);
    if (first.text[0] == '.') {
        run_directive(line);
        document_.words.resize(line.first);
        return;
    }
    if (skipping()) {
        document_.words.resize(line.first);
        return;
    }
    if (opens_section(first.text)) {
        open_section(line);
        return;
    }
    if (!in_section_) {
        if (!std::exchange(told_, true))  // once is enough: the section is what is missing
            sink_.error(first.span, "outside-section",
                        fmt::format("\"{}\" stands before any section", first.text),
                        "start with a section such as \"global\", \"defaults\" or \"frontend\"");
        document_.words.resize(line.first);
        return;
    }
    if (in_global_) change_environment(line);
    document_.lines.push_back(line);
    ++document_.sections.back().lines;
}

void Reader::open_section(ast::Line line) {
    const auto* words = document_.begin(line);
    in_section_ = true;
    in_global_ = words[0].text == "global";
    environment_.section = line.count > 1 ? words[1].text : words[0].text;
    document_.sections.push_back({line, static_cast<std::uint32_t>(document_.lines.size()), 0});
}

// setenv and the like change what "$NAME" means from the next line on; their rows only check them.
void Reader::change_environment(ast::Line line) {
    const auto* words = document_.begin(line);
    auto what = words[0].text;
    if (what.size() < 6 || !what.ends_with("env")) return;
    if ((what == "setenv" || what == "presetenv") && line.count >= 3) {
        if (what == "presetenv" && environment_.value(words[1].text)) return;
        environment_.set(words[1].text, std::string(words[2].text));
    } else if (what == "unsetenv") {
        for (std::uint32_t i = 1; i < line.count; ++i)
            environment_.set(words[i].text, std::nullopt);
    } else if (what == "resetenv") {
        environment_.keep_only(words + 1, line.count - 1);
    }
}

bool Reader::takes_no_argument(ast::Line line) {
    if (line.count == 1) return true;
    const auto* words = document_.begin(line);
    sink_.error(words[1].span, "unexpected-argument",
                fmt::format("\"{}\" takes no argument", words[0].text));
    return false;
}

void Reader::run_directive(ast::Line line) {
    const auto* words = document_.begin(line);
    auto what = words[0].text;
    using State = Level::State;
    if (what == ".if") return begin_if(line, false);
    if (what == ".elif") return begin_if(line, true);
    if (what == ".else" || what == ".endif") {
        takes_no_argument(line);
        if (levels_.empty()) {
            sink_.error(words[0].span, "no-open-if",
                        fmt::format("\"{}\" without an \".if\" before it", what));
            return;
        }
        if (what == ".endif") {
            levels_.pop_back();
            return;
        }
        auto& level = levels_.back();
        if (level.after_else)
            sink_.error(words[0].span, "second-else", "this \".if\" has an \".else\" already");
        level.state = level.state == State::seeking ? State::taken : State::done;
        level.after_else = true;
        return;
    }
    if (what == ".diag") return skipping() ? void() : message(line, diag::Severity::advice);
    if (what == ".notice") return skipping() ? void() : message(line, diag::Severity::advice);
    if (what == ".warning") return skipping() ? void() : message(line, diag::Severity::warning);
    if (what == ".alert") return skipping() ? void() : message(line, diag::Severity::error);
    if (!skipping())
        sink_.error(words[0].span, "unknown-directive",
                    fmt::format("unknown directive \"{}\"", what),
                    "known are .if .elif .else .endif .diag .notice .warning .alert");
}

void Reader::begin_if(ast::Line line, bool again) {
    const auto* words = document_.begin(line);
    using State = Level::State;
    if (!again) {
        // Inside a branch that is not taken nothing is evaluated.
        auto state = skipping() ? State::done : decide(line) ? State::taken : State::seeking;
        levels_.push_back({state, false, words[0].span});
        return;
    }
    if (levels_.empty()) {
        sink_.error(words[0].span, "no-open-if", "\".elif\" without an \".if\" before it");
        return;
    }
    auto& level = levels_.back();
    if (level.after_else)
        sink_.error(words[0].span, "elif-after-else", "\".elif\" stands after \".else\"");
    if (level.state == State::seeking)
        level.state = decide(line) ? State::taken : State::seeking;
    else
        level.state = State::done;
}

bool Reader::decide(ast::Line line) {
    const auto* words = document_.begin(line);
    std::string text;
    for (std::uint32_t i = 1; i < line.count; ++i) {
        if (i > 1) text += ' ';
        text += words[i].text;
    }
    if (text.find_first_not_of(' ') == std::string::npos) return false;
    auto whole = words[1].span.to(words[line.count - 1].span);
    auto complain = [&](const ast::Problem& problem) {
        auto span = whole;
        // Offsets hold only where nothing was resolved.
        if (whole.length == text.size()) {
            auto at = static_cast<std::uint32_t>(std::min(problem.at, text.size() - 1));
            span = {whole.file, whole.begin + at, whole.length - at};
        }
        sink_.error(
            span, "bad-condition",
            fmt::format("cannot read the condition \"{}\": expected {}", text, problem.expected));
    };
    auto parsed = parse_conditional(text);
    if (!parsed) {
        complain(parsed.error());
        return false;
    }
    auto verdict = Conditions(environment_).evaluate(*parsed);
    if (!verdict) complain(verdict.error());
    return verdict && *verdict;
}

void Reader::message(ast::Line line, diag::Severity severity) {
    const auto* words = document_.begin(line);
    if (line.count > 2) {
        sink_.error(words[2].span, "unexpected-argument",
                    fmt::format("\"{}\" takes one message", words[0].text),
                    "put the message in quotes");
        return;
    }
    std::string text(line.count > 1 ? words[1].text : std::string_view());
    sink_.add({severity, words[0].span, std::move(text), {}, "message"});
}

}  // namespace

bool opens_section(std::string_view word) {
    return std::binary_search(std::begin(section_words), std::end(section_words), word);
}

ast::Document read_document(const std::vector<std::string>& paths, SourceSet& set,
                            SourceMap& sources, diag::Sink& sink) {
    Reader reader(paths, set, sources, sink);
    for (const auto& path : paths) reader.read_path(path);
    reader.change_servers();
    return reader.take();
}

}  // namespace weir::haproxy
