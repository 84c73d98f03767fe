// SPDX-License-Identifier: Apache-2.0
#include "parser/nginx/lower.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "parser/nginx/tables.hpp"
#include "parser/nginx/template.hpp"

namespace weir::nginx {

namespace {

using keyword::Argument;
using keyword::Body;
using keyword::Keyword;
using keyword::Support;

// A directive with a block, kept until the simple directives of its parent are done.
struct Postponed {
    const ast::Directive* directive;
    const Keyword* row;
    std::vector<Argument> args;
    std::size_t rules_before;
};

void convert_words(std::span<const ast::Word> words, std::vector<Argument>& args) {
    args.clear();
    for (const auto& word : words)
        args.push_back({.text = word.text, .span = word.span, .quoted = word.quoted});
}

class BodyLowering {
public:
    explicit BodyLowering(Block& block) : block_(block), run_(block.run) {}

    void lower(std::span<const ast::Directive> body) {
        for (int turn : {0, 1, 2})
            for (const auto& directive : body)
                if (turn_of(directive.name().text) == turn)
                    lower_words(directive, directive.words.list, directive.body.present);
        block_.settle();
        // Upstreams and matches are looked up by name from the other blocks.
        for (auto& later : postponed_)
            if (is_looked_up(*later.row)) apply_postponed(later);
        for (auto& later : postponed_)
            if (!is_looked_up(*later.row)) apply_postponed(later);
    }

private:
    // Variables of the same block mean what some directives say, wherever they stand; valid_referers may
    // mean the names of the server.
    static int turn_of(std::string_view name) {
        if (name == "server_name") return 0;
        return name == "valid_referers" || name.starts_with("secure_link") ? 1 : 2;
    }

    static bool is_looked_up(const Keyword& row) {
        return row.name == "upstream" || row.name == "match";
    }

    void apply_postponed(Postponed& later) {
        keyword::Call call{later.row, later.directive->name().text, later.directive->name().span,
                           later.args};
        block_.current = later.directive;
        block_.rules_before = later.rules_before;
        later.row->apply(block_, call);
    }

    void lower_words(const ast::Directive& directive, std::span<const ast::Word> words,
                     bool has_body) {
        const auto& name = words.front();
        const Keyword* row = find_row(name);
        if (!row) return;
        if (row->support.level == Support::Level::refused) {
            keyword::check_support(*row, name.text, name.span, directive_language, run_.sink);
            block_.action_failed = true;
            return;
        }
        auto split = missing_semicolon(*row, words);
        if (split != 0) {
            report_split(words, split);
            lower_words(directive, words.first(split), false);
            lower_words(directive, words.subspan(split), has_body);
            return;
        }
        if (!check_body(*row, name, has_body)) return;
        convert_words(words.subspan(1), run_.scratch);
        keyword::Call call{row, name.text, name.span, {}};
        if (!keyword::check_arguments(*row, call, run_.scratch, keyword::Units::nginx, run_.sink))
            return;
        if (row->support.level == Support::Level::ignored) return say_ignored(*row, name);
        apply(*row, call, directive);
    }

    void apply(const Keyword& row, const keyword::Call& call, const ast::Directive& directive) {
        if (row.once) {
            if (const Span* first = block_.note_use(row, call.span)) {
                report_duplicate(call, *first);
                return;
            }
        }
        auto rules = block_.rules ? block_.rules->size() : 0;
        if (row.body == Body::block) {
            postponed_.push_back({&directive, &row, {call.args.begin(), call.args.end()}, rules});
            return;
        }
        block_.current = &directive;
        if (row.apply) row.apply(block_, call);
        if (block_.parent && ((call.name.starts_with("proxy_") && call.name != "proxy_pass") || call.name == "early_hints"))
            block_.note_forward_line(call);
        if (!row.once) block_.note_use(row, call.span);
    }

    const Keyword* find_row(const ast::Word& name) {
        if (const Keyword* row = run_.directives.find(name.text, block_.here)) return row;
        if (name.text.starts_with("\xef\xbb\xbf")) {
            run_.sink.error(name.span, "byte-order-mark",
                            fmt::format("unknown directive \"{}\"", name.text),
                            "the file starts with a byte order mark: save it as UTF-8 without one");
            return nullptr;
        }
        // Guessing costs; a file of another language would be nothing but unknown words.
        if (run_.unknown_words++ < 50)
            return keyword::check_keyword(run_.directives, name.text, name.span, block_.here,
                                          directive_language, run_.sink);
        run_.sink.error(name.span, "unknown-keyword",
                        fmt::format("unknown directive \"{}\"", name.text));
        return nullptr;
    }

    // Too many words, and one of them starts a line and names a directive: where it stands, else 0.
    std::size_t missing_semicolon(const Keyword& row, std::span<const ast::Word> words) const {
        auto count = words.size() - 1;
        if (row.args.max == keyword::unbounded || count <= row.args.max) return 0;
        for (std::size_t i = 1; i < words.size(); ++i) {
            if (words[i].quoted || !starts_line(words[i - 1], words[i])) continue;
            if (run_.directives.find(words[i].text, block_.here)) return i;
        }
        return 0;
    }

    bool starts_line(const ast::Word& before, const ast::Word& word) const {
        auto end = before.span.begin + before.span.length;
        auto gap = run_.sources.text({word.span.file, end, word.span.begin - end});
        return gap.find('\n') != gap.npos;
    }

    void report_split(std::span<const ast::Word> words, std::size_t split) {
        const auto& last = words[split - 1];
        Span after{last.span.file, last.span.begin + last.span.length, 1};
        run_.sink.error(after, "missing-semicolon",
                        fmt::format("\"{}\" is not terminated by \";\"", words.front().text),
                        fmt::format("write a \";\" before \"{}\"", words[split].text));
    }

    bool check_body(const Keyword& row, const ast::Word& name, bool has_body) {
        if (has_body && row.body == Body::none) {
            run_.sink.error(name.span, "unexpected-body",
                            fmt::format("directive \"{}\" is not terminated by \";\"", name.text),
                            fmt::format("it takes no block: {};", keyword::syntax_line(row)));
            return false;
        }
        if (!has_body && row.body != Body::none) {
            run_.sink.error(name.span, "missing-body",
                            fmt::format("directive \"{}\" has no opening \"{{\"", name.text),
                            fmt::format("syntax: {}", keyword::syntax_line(row)));
            return false;
        }
        return true;
    }

    void say_ignored(const Keyword& row, const ast::Word& name) {
        if (run_.warned.insert(&row).second)
            keyword::check_support(row, name.text, name.span, directive_language, run_.sink);
    }

    void report_duplicate(const keyword::Call& call, Span first) {
        run_.sink.error(call.span, "duplicate-directive",
                        fmt::format("\"{}\" directive is duplicate", call.name),
                        fmt::format("keep it or the one{}", run_.at_line(first)));
    }

    Block& block_;
    Run& run_;
    std::vector<Postponed> postponed_;
};

// Collects what a tree defines.
class Collector {
public:
    explicit Collector(Block& block) : run_(block.run), names_(*block.names) {}

    void collect(std::span<const ast::Directive> body) {
        for (const auto& directive : body) {
            auto name = directive.name().text;
            auto args = directive.arguments();
            if ((name == "set" || name == "auth_request_set") && args.size() == 2 && !is_settable(args[0].text))
                define(args[0].text, Definition::Kind::set);
            else if (defines_map(name) && !args.empty())
                define(args.back().text, Definition::Kind::map);
            else if (defines_first(name) && !args.empty())
                define(args[0].text, Definition::Kind::unsupported);
            for (const auto& word : directive.words.list) collect_groups(word.text);
            if (directive.body.present) collect(directive.body.directives);
        }
    }

private:
    // Variables of nginx itself that set may change: they are not the configuration's.
    static bool is_settable(std::string_view word) { return word == "$args" || word == "$limit_rate"; }
    static bool defines_map(std::string_view name) {
        return name == "map" || name == "geo" || name == "split_clients";
    }
    static bool defines_first(std::string_view name) {
        return name == "js_set" || name == "js_var" ||
               name == "perl_set" || name == "auth_jwt_claim_set" || name == "auth_jwt_header_set" ||
               name.starts_with("set_by_lua");
    }

    void define(std::string_view word, Definition::Kind kind) {
        if (word.size() < 2 || word[0] != '$') return;
        auto name = variable_name(word.substr(1));
        auto [slot, is_new] = names_.definitions.try_emplace(name, Definition{kind, 0});
        if (!is_new) return;
        if (kind == Definition::Kind::set) {
            slot->second.slot = static_cast<std::uint32_t>(run_.config.variables.size());
            run_.config.variables.push_back({std::move(name), true});
        } else if (kind == Definition::Kind::map) {
            slot->second.slot = static_cast<std::uint32_t>(run_.config.maps.size());
            run_.config.maps.emplace_back().name = std::move(name);
        }
    }

    // (?<name>...), (?P<name>...) and (?'name'...) of any regex.
    void collect_groups(std::string_view text) {
        for (auto at = text.find("(?"); at != text.npos; at = text.find("(?", at + 2)) {
            auto rest = text.substr(at + 2);
            if (rest.starts_with('P')) rest.remove_prefix(1);
            if (rest.empty() || (rest[0] != '<' && rest[0] != '\'')) continue;
            char close = rest[0] == '<' ? '>' : '\'';
            auto end = rest.find(close, 1);
            if (end == rest.npos || end == 1 || rest[1] == '=' || rest[1] == '!') continue;
            auto name = variable_name(rest.substr(1, end - 1));
            auto [slot, is_new] =
                names_.definitions.try_emplace(name, Definition{Definition::Kind::capture, 0});
            if (!is_new) continue;
            slot->second.slot = static_cast<std::uint32_t>(run_.config.named_captures.size());
            run_.config.named_captures.push_back(std::move(name));
        }
    }

    Run& run_;
    Subsystem& names_;
};

}  // namespace

void lower_body(Block& block, std::span<const ast::Directive> body) {
    // One file nests no deeper than its grammar allows, but includes add up.
    constexpr std::uint32_t deepest = 200;
    if (block.run.depth >= deepest) {
        if (!body.empty())
            block.error(body.front().name().span, "too-deep",
                        fmt::format("blocks are nested more than {} deep", deepest),
                        "what is inside was not read");
        return;
    }
    ++block.run.depth;
    BodyLowering(block).lower(body);
    --block.run.depth;
}

void collect_definitions(Block& block, std::span<const ast::Directive> body) {
    Collector(block).collect(body);
}

}  // namespace weir::nginx
