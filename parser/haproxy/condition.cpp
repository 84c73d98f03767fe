// SPDX-License-Identifier: Apache-2.0
// ACLs and conditions: "acl name keyword [flags] patterns", and what stands after if and unless:
// names, anonymous { ... }, "!", implicit and, explicit or.
#include <fmt/format.h>

#include "parser/haproxy/rows.hpp"
#include "parser/haproxy/syntax.hpp"
#include "parser/haproxy/tables_own.hpp"
#include "parser/value/value.hpp"

namespace weir::haproxy {

namespace {

using How = ir::PatternSet::How;
using F = ir::Fetch;
using keyword::number;
using keyword::opt;
using keyword::word;

// --------------------------------------------------------------------------------- rows

// An ACL keyword that is a fetch with a match method: number is the How.
constexpr Keyword alias(std::string_view name, F code, How how, std::string_view summary,
                        keyword::Signature args = {}) {
    const auto& facts = fetch_facts[static_cast<std::size_t>(code)];
    return {.name = name,
            .where = in::acl,
            .args = args,
            .summary = summary,
            .type = facts.type,
            .needs = facts.phase,
            .code = static_cast<std::uint16_t>(code),
            .number = static_cast<std::int64_t>(how)};
}

constexpr keyword::Signature header = {opt(word("name")), opt(number("occurrence"))};
constexpr keyword::Signature name_arg = {opt(word("name"))};
constexpr std::string_view by_prefix = "Compares the beginning.", by_suffix = "Compares the end.",
                           by_part = "Looks for the text anywhere.",
                           by_directory = "Looks for a whole part between slashes.",
                           by_domain = "Looks for a whole part between dots.",
                           by_regex = "Matches a regular expression.",
                           by_length = "Compares the length.",
                           by_text = "Compares the whole value.";

#define WEIR_ALIASES(name, code, args)                                \
    alias(name, code, How::equal, by_text, args),                     \
        alias(name "_beg", code, How::prefix, by_prefix, args),       \
        alias(name "_end", code, How::suffix, by_suffix, args),       \
        alias(name "_sub", code, How::substring, by_part, args),      \
        alias(name "_dir", code, How::directory, by_directory, args), \
        alias(name "_dom", code, How::domain, by_domain, args),       \
        alias(name "_reg", code, How::regex, by_regex, args),         \
        alias(name "_len", code, How::length, by_length, args)

constexpr auto aliases = sorted({
    WEIR_ALIASES("base", F::base, keyword::Signature{}),
    WEIR_ALIASES("cook", F::cookie, name_arg),
    WEIR_ALIASES("hdr", F::request_header, header),
    WEIR_ALIASES("path", F::path, keyword::Signature{}),
    WEIR_ALIASES("scook", F::response_cookie, name_arg),
    WEIR_ALIASES("shdr", F::response_header, header),
    WEIR_ALIASES("url", F::request_target, keyword::Signature{}),
    WEIR_ALIASES("urlp", F::query_argument, name_arg),
    alias("method", F::method, How::equal, by_text),
    alias("payload", F::payload, How::equal, by_text, {number("offset", 0), number("length", 0)}),
    alias("req.ssl_ver", F::hello_protocol, How::integer, "Compares the version."),
    alias("req_ssl_ver", F::hello_protocol, How::integer, "Compares the version."),
    alias("req_ssl_sni", F::hello_sni, How::equal, by_text),
    alias("req_ver", F::request_version_number, How::equal, by_text),
    alias("resp_ver", F::response_version, How::equal, by_text),
    alias("ssl_fc_sni_end", F::tls_sni, How::suffix, by_suffix),
    alias("ssl_fc_sni_reg", F::tls_sni, How::regex, by_regex),
});
#undef WEIR_ALIASES
static_assert(keyword::well_formed(aliases));

// Predefined ACLs; `fallback` is what "acl NAME" would say.
constexpr Keyword predefined(std::string_view name, std::string_view line,
                             std::string_view summary) {
    return {.name = name, .where = in::acl_predefined, .fallback = line, .summary = summary};
}
constexpr Keyword names[] = {
    predefined("FALSE", "always_false", "Never."),
    predefined("HTTP", "req.proto_http", "A valid HTTP request."),
    predefined("HTTP_1.0", "req.ver 1.0", "Version 1.0."),
    predefined("HTTP_1.1", "req.ver 1.1", "Version 1.1."),
    predefined("HTTP_CONTENT", "req.hdr_val(content-length) gt 0", "A request with a body."),
    predefined("HTTP_URL_ABS", "url_reg ^[^/:]*://", "An absolute target."),
    predefined("HTTP_URL_SLASH", "url_beg /", "A target that starts with a slash."),
    predefined("HTTP_URL_STAR", "url *", "The target \"*\"."),
    predefined("LOCALHOST", "src 127.0.0.1/8 ::1", "A client on this machine."),
    predefined("METH_CONNECT", "method CONNECT", "Method CONNECT."),
    predefined("METH_DELETE", "method DELETE", "Method DELETE."),
    predefined("METH_GET", "method GET HEAD", "Method GET or HEAD."),
    predefined("METH_HEAD", "method HEAD", "Method HEAD."),
    predefined("METH_OPTIONS", "method OPTIONS", "Method OPTIONS."),
    predefined("METH_POST", "method POST", "Method POST."),
    predefined("METH_PUT", "method PUT", "Method PUT."),
    predefined("METH_TRACE", "method TRACE", "Method TRACE."),
    predefined("REQ_CONTENT", "req.len gt 0", "Some bytes of the client are there."),
    predefined("TRUE", "always_true", "Always."),
    predefined("WAIT_END", "wait_end", "The inspection time is over."),
};
static_assert(keyword::well_formed(names));

constexpr Keyword acl_word(std::string_view name, Contexts where, std::int64_t value,
                           std::string_view summary) {
    return {.name = name, .where = where, .summary = summary, .number = value};
}
constexpr std::int64_t how(How value) { return static_cast<std::int64_t>(value); }
enum Operator : std::int64_t { eq, ge, gt, le, lt };

constexpr auto words = sorted({
    acl_word("--", in::acl_flag, 0, "Ends the flags."),
    acl_word("-f", in::acl_flag, 0, "Reads patterns from a file, one per line."),
    acl_word("-i", in::acl_flag, 0, "Ignores the case of letters."),
    acl_word("-m", in::acl_flag, 0, "Chooses how to match."),
    acl_word("-n", in::acl_flag, 0, "Looks no names up."),
    acl_word("-u", in::acl_flag, 0, "Gives the ACL a number for the runtime commands."),
    acl_word("beg", in::acl_method, how(How::prefix), by_prefix),
    acl_word("bin", in::acl_method, how(How::equal), "Compares bytes given in hexadecimal."),
    acl_word("bool", in::acl_method, how(How::truth), "True unless zero."),
    acl_word("dir", in::acl_method, how(How::directory), by_directory),
    acl_word("dom", in::acl_method, how(How::domain), by_domain),
    acl_word("end", in::acl_method, how(How::suffix), by_suffix),
    acl_word("found", in::acl_method, how(How::found), "True when there is a value."),
    acl_word("int", in::acl_method, how(How::integer), "Compares a number."),
    acl_word("ip", in::acl_method, how(How::network), "Compares an address with networks."),
    acl_word("len", in::acl_method, how(How::length), by_length),
    acl_word("reg", in::acl_method, how(How::regex), by_regex),
    acl_word("str", in::acl_method, how(How::equal), by_text),
    acl_word("sub", in::acl_method, how(How::substring), by_part),
    acl_word("eq", in::acl_operator, eq, "Equal."),
    acl_word("ge", in::acl_operator, ge, "Greater or equal."),
    acl_word("gt", in::acl_operator, gt, "Greater."),
    acl_word("le", in::acl_operator, le, "Less or equal."),
    acl_word("lt", in::acl_operator, lt, "Less."),
});
static_assert(keyword::well_formed(words));

// ------------------------------------------------------------------------------ patterns

// Reads the patterns of one match.
class Patterns {
public:
    Patterns(Scope& scope, How method) : scope_(scope), how_(method) { set_.how = method; }

    void ignore_case() { set_.ignore_case = true; }
    void from_bytes() { hexadecimal_ = true; }
    void no_lookup() { lookup_ = false; }
    void are_versions() { versions_ = true; }   // "3.1" is 3 * 65536 + 1
    void add(const Argument& pattern);
    void add_file(const Argument& path);
    std::shared_ptr<const ir::PatternSet> take() {
        return std::make_shared<ir::PatternSet>(std::move(set_));
    }
    [[nodiscard]] bool given() const { return given_; }

private:
    void add_number(const Argument& pattern);
    void add_network(const Argument& pattern);
    void add_bytes(const Argument& pattern);
    void wrong(const Argument& pattern, std::string_view expected) {
        scope_.error(
            pattern.span, "invalid-pattern",
            fmt::format("\"{}\" is not a valid pattern; expected {}", pattern.text, expected));
    }

    Scope& scope_;
    How how_;
    ir::PatternSet set_;
    Operator compare_ = eq;
    bool hexadecimal_ = false, lookup_ = true, versions_ = false, given_ = false;
};

void Patterns::add(const Argument& pattern) {
    given_ = true;
    switch (how_) {
        case How::integer:
        case How::length: return add_number(pattern);
        case How::network: return add_network(pattern);
        case How::regex:
            if (auto valid = value::parse_regex(pattern.text, set_.ignore_case); !valid)
                return wrong(pattern, valid.error());
            set_.texts.emplace_back(pattern.text);
            return;
        case How::found: return wrong(pattern, "none after \"-m found\"");
        case How::truth: {
            bool yes = pattern.text == "1" || pattern.text == "true" || pattern.text == "yes" ||
                       pattern.text == "on";
            set_.ranges.push_back(yes ? ir::PatternSet::Range{1, 1} : ir::PatternSet::Range{0, 0});
            return;
        }
        default:
            if (hexadecimal_) return add_bytes(pattern);
            set_.texts.emplace_back(pattern.text);
    }
}

// "3.3", or the number that stands for it.
value::Parsed<std::int64_t> parse_version(std::string_view text) {
    auto dot = text.find('.');
    auto major = value::parse_number(text.substr(0, dot));
    if (dot == text.npos || !major) return major;
    auto minor = value::parse_number(text.substr(dot + 1));
    if (minor) *minor += *major * 65536;
    return minor;
}

// "5", "5:9", ":9", "5:" and operators: "gt 5".
void Patterns::add_number(const Argument& pattern) {
    if (const auto* row = scope_.load.registry.find(pattern.text, in::acl_operator);
        row && row->support.level == keyword::Support::Level::full) {
        compare_ = static_cast<Operator>(row->number);
        return;
    }
    if (pattern.text == "--") return;  // "eq -- 5" is in use
    constexpr std::string_view expected =
        "a number, a range such as 10:20, or an operator: eq, ge, gt, le, lt";
    auto colon = pattern.text.find(':');
    ir::PatternSet::Range range;
    auto read = [&](std::string_view text, std::int64_t& out) {
        if (text.empty()) return true;  // open end
        auto value = versions_ ? parse_version(text) : value::parse_number(text);
        if (value) out = *value;
        return value.has_value();
    };
    if (colon != std::string_view::npos) {
        if (!read(pattern.text.substr(0, colon), range.low) ||
            !read(pattern.text.substr(colon + 1), range.high))
            return wrong(pattern, expected);
    } else {
        auto value = versions_ ? parse_version(pattern.text) : value::parse_number(pattern.text);
        if (!value) return wrong(pattern, expected);
        range.low = range.high = *value;
    }
    switch (compare_) {
        case eq: break;
        case ge: range.high = INT64_MAX; break;
        case gt: range = {range.low + 1, INT64_MAX}; break;
        case le: range.low = INT64_MIN; break;
        case lt: range = {INT64_MIN, range.high - 1}; break;
    }
    set_.ranges.push_back(range);
}

void Patterns::add_network(const Argument& pattern) {
    if (auto cidr = value::parse_haproxy_cidr(pattern.text)) {
        set_.networks.push_back({cidr->address, cidr->bits});
        return;
    }
    auto found = lookup_ && pattern.text.find('/') == std::string_view::npos
                     ? scope_.sources.resolve(std::string(pattern.text))
                     : Expected<std::vector<IpAddress>, SourceError>(
                           Unexpected{SourceError{2, "no address"}});
    if (!found) {
        if (!found.error().left_out()) wrong(pattern, "an address or a network such as 10.0.0.0/8");
        return;
    }
    for (const auto& ip : *found)
        set_.networks.push_back(
            {ip, static_cast<std::uint8_t>(ip.family == IpAddress::Family::v4 ? 32 : 128)});
}

void Patterns::add_bytes(const Argument& pattern) {
    std::string bytes;
    auto digit = [](char c) {
        return c >= '0' && c <= '9'   ? c - '0'
               : c >= 'a' && c <= 'f' ? c - 'a' + 10
               : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                      : -1;
    };
    for (std::size_t i = 0; i + 1 < pattern.text.size(); i += 2) {
        if (digit(pattern.text[i]) < 0 || digit(pattern.text[i + 1]) < 0) break;
        bytes += static_cast<char>(digit(pattern.text[i]) * 16 + digit(pattern.text[i + 1]));
    }
    if (bytes.size() * 2 != pattern.text.size())
        return wrong(pattern, "pairs of hexadecimal digits");
    set_.texts.push_back(std::move(bytes));
}

void Patterns::add_file(const Argument& path) {
    given_ = true;
    set_.name = std::string(path.text);
    auto bytes = scope_.sources.read(set_.name, Purpose::content);
    if (!bytes) {
        if (!bytes.error().left_out())
            scope_.error(path.span, "cannot-read",
                         fmt::format("cannot open the pattern file \"{}\": {}", path.text,
                                     bytes.error().text));
        return;
    }
    std::string_view rest = *bytes;
    while (!rest.empty()) {
        auto end = rest.find('\n');
        auto line = rest.substr(0, end);
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
        while (!line.empty() && (line.front() == ' ' || line.front() == '\t'))
            line.remove_prefix(1);
        while (!line.empty() && (line.back() == ' ' || line.back() == '\t' || line.back() == '\r'))
            line.remove_suffix(1);
        if (line.empty() || line.front() == '#') continue;
        compare_ = eq;
        add({.text = line, .span = path.span});
    }
}

// --------------------------------------------------------------------------- one ACL line

How natural_match(const ir::Expr& expr) {
    switch (expr.type) {
        case ir::Type::boolean: return How::truth;
        case ir::Type::integer: return How::integer;
        case ir::Type::address: return How::network;
        default: return How::equal;
    }
}

// True for a fetch that tries every value of its name when no index was given.
bool tries_every_value(F fetch) {
    return fetch == F::request_header || fetch == F::request_header_full ||
           fetch == F::request_header_address || fetch == F::response_header ||
           fetch == F::response_header_full || fetch == F::cookie || fetch == F::response_cookie ||
           fetch == F::query_argument;
}

void try_every_value(ir::Expr& expr) {
    auto* node = &expr;
    while (node->op == ir::Expr::Op::convert && !node->in.empty()) node = &node->in[0];
    if (node->op == ir::Expr::Op::fetch && tries_every_value(node->fetch) &&
        node->number == ir::occurrence::last)
        node->number = ir::occurrence::every;
}

// The keyword of an ACL: an alias such as hdr_beg(host), or a sample expression.
std::optional<ir::Expr> lower_subject(Scope& scope, const Argument& subject, How& method) {
    auto chain = parse_chain(subject.text);
    const Keyword* row = nullptr;
    if (chain && !chain->calls.empty())
        row = scope.load.registry.find(chain->calls[0].name, in::acl);
    // A fetch of the same name does as well, and knows more (hdr in responses).
    if (row && scope.load.registry.find(row->name, in::sample)) row = nullptr;
    if (!row || row->support.level != keyword::Support::Level::full) {
        if (row) {
            keyword::check_support(*row, row->name, subject.span, fetch_language, scope.sink);
            return std::nullopt;
        }
        std::size_t used = 0;
        auto expr = lower_sample(scope, Args(&subject, 1), used);
        if (expr) method = natural_match(*expr);
        return expr;
    }
    if (chain->length != subject.text.size()) {
        scope.error(inside(subject, chain->length, subject.text.size() - chain->length),
                    "bad-sample",
                    fmt::format("unexpected \"{}\" after \"{}\"",
                                subject.text.substr(chain->length), row->name));
        return std::nullopt;
    }
    auto expr = fetch_expr(static_cast<F>(row->code), subject.span);
    if (tries_every_value(expr.fetch)) expr.number = ir::occurrence::last;
    std::vector<Argument> args;
    for (const auto& arg : chain->calls[0].args)
        args.push_back({.text = arg.text, .span = inside(subject, arg.at, arg.text.size())});
    if (args.size() == 1 && args[0].text.empty()) args.clear();
    Call call{.row = row, .name = row->name, .span = subject.span};
    if (!keyword::check_arguments(*row, call, args, keyword::Units::haproxy, scope.sink))
        return std::nullopt;
    if (!args.empty()) expr.text = std::string(args[0].text);
    if (args.size() > 1) expr.number = args[1].number;
    method = static_cast<How>(row->number);
    if (!lower_converters(scope, *chain, subject, 0, expr)) return std::nullopt;
    return expr;
}

// The flags before the patterns. Returns the index of the first pattern; -f files are collected.
struct Flags {
    bool ignore_case = false, lookup = true, hexadecimal = false, ended = false, bad = false;
    std::vector<Argument> files;
    std::size_t first_pattern = 1;
};

Flags lower_flags(Scope& scope, Args tokens, How& method) {
    Flags flags;
    std::size_t at = 1;
    for (; at < tokens.size() && tokens[at].text.starts_with('-'); ++at) {
        auto text = tokens[at].text;
        const Keyword* row = scope.load.registry.find(text, in::acl_flag);
        if (!row) break;  // a pattern such as -1
        if (!keyword::check_support(*row, text, tokens[at].span, option_language, scope.sink)) {
            flags.bad = true;
            break;
        }
        if (text == "--") {
            flags.ended = true;
            ++at;
            break;
        }
        if (text == "-i") flags.ignore_case = true;
        if (text == "-n") flags.lookup = false;
        bool takes_word = text == "-f" || text == "-m" || text == "-u";
        if (!takes_word) continue;
        if (at + 1 == tokens.size()) {
            scope.error(tokens[at].span, "argument-count",
                        fmt::format("\"{}\" needs a word after it", text));
            flags.bad = true;
            continue;
        }
        ++at;
        if (text == "-f") flags.files.push_back(tokens[at]);
        if (text != "-m") continue;
        const Keyword* chosen = find_word(scope, tokens[at], in::acl_method, option_language);
        if (!chosen) {
            flags.bad = true;
            continue;
        }
        method = static_cast<How>(chosen->number);
        flags.hexadecimal = tokens[at].text == "bin";
    }
    flags.first_pattern = at;
    return flags;
}

// subject [flags] patterns -> match.
std::optional<ir::Expr> lower_test(Scope& scope, Args tokens) {
    How method = How::equal;
    auto outer = std::exchange(scope.in_acl, true);
    auto subject = lower_subject(scope, tokens[0], method);
    scope.in_acl = outer;
    if (!subject) return std::nullopt;
    auto flags = lower_flags(scope, tokens, method);
    if (flags.bad) return std::nullopt;
    Patterns patterns(scope, method);
    if (flags.ignore_case) patterns.ignore_case();
    if (!flags.lookup) patterns.no_lookup();
    if (flags.hexadecimal) patterns.from_bytes();
    if (subject->op == ir::Expr::Op::fetch && subject->fetch == F::hello_protocol) patterns.are_versions();
    for (const auto& file : flags.files) patterns.add_file(file);
    for (const auto& pattern : tokens.subspan(flags.first_pattern)) patterns.add(pattern);
    if (!patterns.given() && !flags.ended && method != How::truth && method != How::found)
        scope.sink.warning(
            tokens[0].span, "no-pattern",
            fmt::format("\"{}\" is compared with nothing and never matches", tokens[0].text),
            "add a pattern, or \"-m found\" to ask whether there is a value, or \"--\" if this "
            "is meant");
    // A boolean by itself needs no match around it.
    if (method == How::truth && !patterns.given() && subject->type == ir::Type::boolean)
        return subject;
    try_every_value(*subject);
    ir::Expr match;
    match.op = ir::Expr::Op::match;
    match.type = ir::Type::boolean;
    match.needs = subject->needs;
    match.span = tokens[0].span;
    match.patterns = patterns.take();
    match.in.push_back(std::move(*subject));
    return match;
}

// ------------------------------------------------------------------------- conditions

// A fetch in a named ACL that has no value where the ACL is used: HAProxy warns and never matches.
const ir::Expr* misplaced_fetch(const ir::Expr& expr, Contexts place) {
    if (expr.op == ir::Expr::Op::fetch && place != 0 && (places_of(expr.fetch) & place) == 0)
        return &expr;
    for (const auto& part : expr.in)
        if (const auto* found = misplaced_fetch(part, place)) return found;
    return nullptr;
}

ir::Condition negated(ir::Condition made) {
    ir::Condition turned;
    turned.op = ir::Expr::Op::negate;
    turned.type = ir::Type::boolean;
    turned.needs = made.needs;
    turned.span = made.span;
    turned.in.push_back(std::move(made));
    return turned;
}

class Conditions {
public:
    Conditions(Scope& scope, Args all) : scope_(scope), tokens_(all) {}

    std::optional<ir::Condition> read() {
        ir::Condition any;
        any.op = ir::Expr::Op::any_of;
        any.type = ir::Type::boolean;
        any.span = tokens_[0].span;
        while (at_ < tokens_.size()) {
            auto all = read_all();
            if (!all) return std::nullopt;
            any.needs = std::max(any.needs, all->needs);
            any.in.push_back(std::move(*all));
            if (at_ < tokens_.size() && ++at_ == tokens_.size()) {
                scope_.error(tokens_[at_ - 1].span, "bad-condition",
                             fmt::format("a condition must follow \"{}\"", tokens_[at_ - 1].text));
                return std::nullopt;
            }
        }
        return any.in.size() == 1 ? std::move(any.in[0]) : std::move(any);
    }

private:
    [[nodiscard]] bool at_or() const {
        auto text = tokens_[at_].text;
        return text == "or" || text == "||" || text == "OR" || text == "Or" || text == "oR";
    }

    std::optional<ir::Condition> read_all() {
        ir::Condition all;
        all.op = ir::Expr::Op::all_of;
        all.type = ir::Type::boolean;
        all.span = tokens_[at_].span;
        while (at_ < tokens_.size() && !at_or()) {
            auto term = read_term();
            if (!term) return std::nullopt;
            all.needs = std::max(all.needs, term->needs);
            all.in.push_back(std::move(*term));
        }
        if (all.in.empty()) {
            scope_.error(tokens_[at_].span, "bad-condition",
                         fmt::format("a condition must stand before \"{}\"", tokens_[at_].text));
            return std::nullopt;
        }
        return all.in.size() == 1 ? std::move(all.in[0]) : std::move(all);
    }

    std::optional<ir::Condition> read_term() {
        bool negate = false;
        Argument term = tokens_[at_];
        while (term.text.starts_with('!')) {
            negate = !negate;
            term.text.remove_prefix(1);
            if (term.text.empty()) {
                if (++at_ == tokens_.size()) {
                    scope_.error(tokens_[at_ - 1].span, "bad-condition",
                                 "an ACL must follow \"!\"");
                    return std::nullopt;
                }
                term = tokens_[at_];
            }
        }
        auto made = term.text == "{" ? read_anonymous() : read_named(term);
        if (made && negate) *made = negated(std::move(*made));
        return made;
    }

    std::optional<ir::Condition> read_anonymous() {
        auto open = at_++;
        auto from = at_;
        while (at_ < tokens_.size() && tokens_[at_].text != "}") ++at_;
        if (at_ == tokens_.size()) {
            scope_.error(tokens_[open].span, "bad-condition", "\"{\" is not closed by \"}\"",
                         "\"}\" must be a word of its own");
            return std::nullopt;
        }
        if (from == at_) {
            scope_.error(tokens_[open].span, "bad-condition",
                         "nothing stands between \"{\" and \"}\"");
            return std::nullopt;
        }
        auto inner = tokens_.subspan(from, at_ - from);
        ++at_;
        auto place = std::exchange(scope_.place, 0);  // judged below, with a warning only
        auto test = lower_test(scope_, inner);
        scope_.place = place;
        if (!test) return std::nullopt;
        return usable(*test, inner[0]);
    }

    std::optional<ir::Condition> read_named(const Argument& name) {
        ++at_;
        const auto& acls = *scope_.draft->acls;
        if (auto found = acls.find(name.text); found != acls.end())
            return of_lines(found->second, name);
        if (const auto* row = scope_.load.registry.find(name.text, in::acl_predefined))
            return of_predefined(*row, name);
        std::string hint = "declare it before this line with \"acl " + std::string(name.text) +
                           " ...\", or write the test in \"{ }\"";
        for (const auto& [known, lines] : acls)
            if (near(known, name.text)) hint = fmt::format("did you mean \"{}\"?", known);
        scope_.error(name.span, "unknown-acl", fmt::format("unknown ACL \"{}\"", name.text),
                     std::move(hint));
        return std::nullopt;
    }

    // One letter wrong, missing or too many.
    static bool near(std::string_view a, std::string_view b) {
        while (!a.empty() && !b.empty() && a.front() == b.front())
            a.remove_prefix(1), b.remove_prefix(1);
        while (!a.empty() && !b.empty() && a.back() == b.back())
            a.remove_suffix(1), b.remove_suffix(1);
        return a.size() <= 2 && b.size() <= 2;
    }

    std::optional<ir::Condition> of_lines(const std::vector<ir::Expr>& lines,
                                          const Argument& name) {
        ir::Condition any;
        any.op = ir::Expr::Op::any_of;
        any.type = ir::Type::boolean;
        any.span = name.span;
        for (const auto& line : lines) {
            auto one = usable(line, name);
            any.needs = std::max(any.needs, one.needs);
            any.in.push_back(std::move(one));
        }
        if (any.in.empty()) return literal_expr(false, name.span);  // its lines were wrong
        return any.in.size() == 1 ? std::move(any.in[0]) : std::move(any);
    }

    ir::Expr usable(const ir::Expr& line, const Argument& name) {
        const auto* misplaced = misplaced_fetch(line, scope_.place);
        if (!misplaced) return line;
        scope_.sink.warning(
            name.span, "never-matches",
            fmt::format("\"{}\" never matches here: what it reads of the {} "
                        "is not there at this point",
                        name.text,
                        misplaced->needs >= ir::Phase::response ? "response" : "request"),
            "keep the value in a variable with set-var(txn.name)");
        return literal_expr(false, name.span);
    }

    std::optional<ir::Condition> of_predefined(const Keyword& row, const Argument& name) {
        if (!keyword::check_support(row, name.text, name.span, option_language, scope_.sink))
            return std::nullopt;
        std::vector<Argument> parts;
        auto rest = row.fallback;
        while (!rest.empty()) {
            auto end = rest.find(' ');
            parts.push_back({.text = rest.substr(0, end), .span = name.span});
            rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
        }
        auto place = std::exchange(scope_.place, 0);  // judged below, with a warning only
        auto test = lower_test(scope_, parts);
        scope_.place = place;
        if (!test) return std::nullopt;
        return usable(*test, name);
    }

    Scope& scope_;
    Args tokens_;
    std::size_t at_ = 0;
};

}  // namespace

keyword::Table acl_table() { return aliases; }
keyword::Table predefined_table() { return names; }
keyword::Table acl_word_table() { return words; }

std::optional<ir::Condition> lower_condition(Scope& scope, Args tokens, bool unless) {
    if (tokens.empty()) return std::nullopt;
    auto made = Conditions(scope, tokens).read();
    if (made && unless) *made = negated(std::move(*made));
    return made;
}

void lower_acl(Scope& scope, Args tokens) {
    auto& name = tokens[0];
    if (tokens.size() < 2) {
        scope.error(name.span, "argument-count", fmt::format("ACL \"{}\" tests nothing", name.text),
                    "syntax: acl name test [flags] [pattern ...]");
        return;
    }
    for (char c : name.text)
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '.' || c == ':' || c == '-' || c == '_')) {
            scope.error(name.span, "invalid-name",
                        fmt::format("character '{}' is not allowed in the name of an ACL", c),
                        "use letters, digits, '-', '_', '.' and ':'");
            return;
        }
    if (name.text == "or") {
        scope.error(name.span, "invalid-name", "an ACL cannot be called \"or\"");
        return;
    }
    // The name exists even when its test is wrong, so that its uses are not reported as well.
    auto& lines = scope.draft->acls.edit()[std::string(name.text)];
    auto place = std::exchange(scope.place, 0);  // its place is where it is used
    if (auto test = lower_test(scope, tokens.subspan(1))) lines.push_back(std::move(*test));
    scope.place = place;
}

std::size_t find_condition(Args tokens, std::size_t from) {
    for (std::size_t i = from; i < tokens.size(); ++i)
        if (tokens[i].text == "if" || tokens[i].text == "unless") return i;
    return tokens.size();
}

bool take_condition(Scope& scope, Args tokens, std::size_t at, std::optional<ir::Condition>& out) {
    if (at >= tokens.size()) return true;
    if (at + 1 == tokens.size()) {
        scope.error(tokens[at].span, "bad-condition",
                    fmt::format("a condition must follow \"{}\"", tokens[at].text));
        return false;
    }
    out = lower_condition(scope, tokens.subspan(at + 1), tokens[at].text == "unless");
    return out.has_value();
}

}  // namespace weir::haproxy
