// SPDX-License-Identifier: Apache-2.0
#include "parser/haproxy/lower.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "parser/haproxy/tables.hpp"
#include "parser/haproxy/tables_own.hpp"

namespace weir::haproxy {

// ------------------------------------------------------------------------- shared helpers

namespace {

constexpr keyword::ContextName context_names[] = {
    {in::global, "global"},
    {in::defaults, "defaults"},
    {in::named_defaults, "defaults with a name"},
    {in::frontend, "frontend"},
    {in::listen, "listen"},
    {in::backend, "backend"},
    {in::peers, "peers"},
    {in::resolvers, "resolvers"},
    {in::cache, "cache"},
    {in::userlist, "userlist"},
    {in::ring, "ring"},
    {in::mailers, "mailers"},
    {in::program, "program"},
    {in::http_errors, "http-errors"},
    {in::fcgi_app, "fcgi-app"},
    {in::healthcheck, "healthcheck"},
    {in::crt_store, "crt-store"},
    {in::traces, "traces"},
    {in::log_forward, "log-forward"},
    {in::log_profile, "log-profile"},
    {in::acme, "acme"},
    {in::top, "the top level"},
    {in::bind, "bind"},
    {in::server, "server"},
    {in::balance, "balance"},
    {in::hash_type, "hash-type"},
    {in::cookie, "cookie"},
    {in::redirect, "redirect"},
    {in::compression, "compression"},
    {in::filter, "filter"},
    {in::stick_table, "stick-table"},
    {in::stick_type, "stick-table type"},
    {in::stick_data, "stick-table store"},
    {in::http_check_expect, "http-check expect"},
    {in::tcp_check_expect, "tcp-check expect"},
    {in::http_reuse, "http-reuse"},
    {in::retry_on, "retry-on"},
    {in::mode, "mode"},
    {in::log_name, "log format"},
    {in::crt_list, "crt-list"},
    {in::crt_load, "load"},
    {in::http_request, "http-request"},
    {in::http_response, "http-response"},
    {in::http_after_response, "http-after-response"},
    {in::tcp_request_connection, "tcp-request connection"},
    {in::tcp_request_session, "tcp-request session"},
    {in::tcp_request_content, "tcp-request content"},
    {in::tcp_response_content, "tcp-response content"},
    {in::quic_initial, "quic-initial"},
    {in::service, "use-service"},
    {in::sample, "sample expressions"},
    {in::converter, "converters"},
    {in::log_format, "log formats"},
    {in::acl, "ACLs"},
    {in::acl_predefined, "conditions"},
    {in::acl_method, "acl -m"},
    {in::acl_flag, "acl"},
    {in::acl_operator, "acl"}};

constexpr keyword::Language speak(std::string_view noun) {
    return {.program = "HAProxy",
            .noun = noun,
            .units = keyword::Units::haproxy,
            .contexts = context_names};
}

}  // namespace

const keyword::Language keyword_language = speak("keyword"), action_language = speak("action"),
                        fetch_language = speak("sample fetch"),
                        converter_language = speak("converter"), option_language = speak("option"),
                        variable_language = speak("log variable");

Span inside(const Argument& word, std::size_t at, std::size_t length) {
    auto plain = word.span.length == word.text.size();
    auto quoted = word.quoted && word.span.length == word.text.size() + 2;
    if (!word.span.known() || (!plain && !quoted) || at + length > word.text.size())
        return word.span;
    return {word.span.file, word.span.begin + static_cast<std::uint32_t>(at + (quoted ? 1 : 0)),
            static_cast<std::uint32_t>(length)};
}

Argument argument_of(const ast::Word& word) {
    return {.text = word.text, .span = word.span, .quoted = word.quoted};
}

const Keyword* find_word(Scope& scope, const Argument& word, Contexts place,
                         const keyword::Language& language) {
    const Keyword* row = scope.load.registry.find(word.text, place);
    if (!row && word.text.starts_with("lua.")) {
        scope.error(word.span, "not-supported",
                    fmt::format("\"{}\" is written in Lua, which HAProxy runs and weir does not",
                                word.text));
        return nullptr;
    }
    if (!row) {
        auto wide = scope.in_acl && place == in::sample ? place | in::acl : place;
        auto near = scope.load.registry.nearest(word.text, wide);
        bool fits = !near.empty() && scope.load.registry.find(near, wide);
        std::string hint = fits ? fmt::format("did you mean \"{}\"?", near) : std::string();
        scope.error(word.span, "unknown-keyword",
                    fmt::format("unknown {} \"{}\"", language.noun, word.text), std::move(hint));
        return nullptr;
    }
    if (!keyword::check_support(*row, word.text, word.span, language, scope.sink)) return nullptr;
    return row;
}

bool apply_row(Scope& scope, const Keyword& row, const Argument& word, std::vector<Argument> args) {
    Call call{.row = &row, .name = word.text, .span = word.span};
    if (!keyword::check_arguments(row, call, args, keyword::Units::haproxy, scope.sink))
        return false;
    if (row.apply) row.apply(scope, call);
    return true;
}

namespace {

// The row of an option. "name(argument)" is found under its name; the argument is the first of `args`.
const Keyword* find_option(Scope& scope, Argument& word, Contexts place, std::vector<Argument>& args) {
    if (const Keyword* row = scope.load.registry.find(word.text, place)) return row;
    auto open = word.text.find('(');
    if (open == std::string_view::npos || !word.text.ends_with(')')) return nullptr;
    const Keyword* row = scope.load.registry.find(word.text.substr(0, open), place);
    if (!row) return nullptr;
    auto inner = word.text.substr(open + 1, word.text.size() - open - 2);
    args.push_back({.text = inner, .span = inside(word, open + 1, inner.size())});
    word.span = inside(word, 0, open);
    word.text = word.text.substr(0, open);
    return row;
}

}  // namespace

void lower_options(Scope& scope, Args words, Contexts place) {
    std::vector<Argument> args;
    auto outer = std::exchange(scope.words, words);
    for (scope.next = 0; scope.next < words.size();) {
        Argument word = words[scope.next++];
        args.clear();
        const Keyword* row = find_option(scope, word, place, args);
        if (!row) {
            find_word(scope, word, place, option_language);
            break;  // what follows may be its values: HAProxy stops here, too
        }
        std::size_t takes = row->args.max == keyword::unbounded ? row->args.min : row->args.max;
        takes = std::min(takes - std::min(takes, args.size()), words.size() - scope.next);
        if (row->support.level != keyword::Support::Level::full) {
            keyword::check_support(*row, word.text, word.span, option_language, scope.sink);
            scope.next += std::min<std::size_t>(row->args.min, words.size() - scope.next);
            continue;
        }
        auto given = words.subspan(scope.next, takes);
        scope.next += takes;
        args.insert(args.end(), given.begin(), given.end());
        Call call{.row = row, .name = word.text, .span = word.span};
        if (keyword::check_arguments(*row, call, args, keyword::Units::haproxy, scope.sink) &&
            row->apply)
            row->apply(scope, call);
    }
    scope.words = outer;
}

void refer(Scope& scope, Reference::Kind kind, std::string_view name, Span span) {
    scope.load.references.push_back({kind, std::string(name), span});
}

// --------------------------------------------------------------------------------- tables

std::vector<keyword::Table> own_tables() {
    return {global_table(),     proxy_table(),     option_table(), rule_table(), filter_table(),
            check_table(),      bind_table(),      server_table(), action_table(),
            server_http2_table(),
            sample_table(),     converter_table(), acl_table(),    predefined_table(),
            acl_word_table(),   variable_table(),  value_table(),  retry_table(),
            redirect_table(),   section_table(),   match_table(),  bind_line_table(),
            server_line_table(), proxy_header_table(), first_bytes_table(),
            bind_tls_table(),    global_tls_table(),   tls_sample_table(),
            server_tls_table(),  server_tls_default_table(), http2_table(),
            stick_table(), stick_word_table(), stick_action_table(), stick_fetch_table(),
            stick_converter_table(), map_table(), server_sample_table(), format_converter_table(),
            cookie_table(), service_check_table(), cache_table(), certificate_table(), peers_table()};
}

std::vector<keyword::Table> all_tables() {
    auto tables = own_tables();
    for (const auto& table : other_tables()) tables.push_back(table);
    return tables;
}

// ------------------------------------------------------------------------------- sections

namespace {

struct SectionKind {
    std::string_view word;
    Contexts place;
};
constexpr SectionKind section_kinds[] = {{"acme", in::acme},
                                         {"backend", in::backend},
                                         {"cache", in::cache},
                                         {"crt-store", in::crt_store},
                                         {"defaults", in::defaults},
                                         {"fcgi-app", in::fcgi_app},
                                         {"frontend", in::frontend},
                                         {"global", in::global},
                                         {"healthcheck", in::healthcheck},
                                         {"http-errors", in::http_errors},
                                         {"listen", in::listen},
                                         {"log-forward", in::log_forward},
                                         {"log-profile", in::log_profile},
                                         {"mailers", in::mailers},
                                         {"peers", in::peers},
                                         {"program", in::program},
                                         {"resolvers", in::resolvers},
                                         {"ring", in::ring},
                                         {"traces", in::traces},
                                         {"userlist", in::userlist}};

Contexts place_of(std::string_view word) {
    auto found = std::find_if(std::begin(section_kinds), std::end(section_kinds),
                              [&](const auto& kind) { return kind.word == word; });
    return found == std::end(section_kinds) ? 0 : found->place;
}

// First words of names that have two ("option httplog") or three.
bool has_second_word(std::string_view word) {
    switch (word.size()) {
        case 4: return word == "hold";
        case 5: return word == "stats" || word == "stick";
        case 6: return word == "option";
        case 7:
            return word == "timeout" || word == "capture" || word == "monitor" ||
                   word == "persist" || word == "declare";
        case 9: return word == "tcp-check";
        case 10: return word == "http-check" || word == "rate-limit";
        case 11: return word == "tcp-request" || word == "email-alert";
        case 12: return word == "tcp-response";
        case 14: return word == "external-check";
        default: return false;
    }
}

}  // namespace

Lowering::Lowering(const ast::Document& document, const keyword::Registry& registry, SourceSet& set,
                   ir::Config& config, diag::Sink& sink)
    : document_(document),
      load_{.registry = registry},
      scope_(config, sink, set, load_),
      built_in_(built_in_defaults(load_)) {
    scope_.plain_server = &built_in_.back->default_server;
}

void Lowering::run() {
    auto& config = scope_.config;
    config.process.workers = 0;  // nbthread's default: one per core
    std::size_t backs = 0;
    for (const auto& section : document_.sections) {
        auto word = document_.begin(section.head)->text;
        if (word == "backend" || word == "listen") ++backs;
    }
    config.pools.reserve(config.pools.size() + backs);
    config.routes.reserve(config.routes.size() + backs);
    backs_.reserve(backs);
    for (const auto& section : document_.sections) run_section(section);
    finish();
}

Args Lowering::arguments_of(ast::Line line) {
    words_.clear();
    const auto* word = document_.begin(line);
    for (std::uint32_t i = 0; i < line.count; ++i) words_.push_back(argument_of(word[i]));
    return words_;
}

void Lowering::run_section(const ast::Section& section) {
    auto place = place_of(document_.begin(section.head)->text);
    if ((place & in::any_proxy) != 0) {
        run_proxy(section, place);
        return;
    }
    scope_.draft = nullptr;
    scope_.place = 0;
    if (place == in::global) {
        auto head = arguments_of(section.head);
        if (head.size() > 1)
            scope_.error(head[1].span, "unexpected-argument",
                         fmt::format("\"global\" takes no name, \"{}\" is too much", head[1].text));
        run_lines(section, place);
        return;
    }
    if (place == in::http_errors) {
        run_http_errors(section);
        return;
    }
    if (place == in::cache) {
        run_cache(section);
        return;
    }
    if (place == in::crt_store) {
        run_certificates(section);
        return;
    }
    if (place == in::peers) {
        run_peers(section);
        return;
    }
    skip_section(section, place);
}

// A section of a kind that weir does not run: refused by name at its head, and its lines are still
// checked for words nobody knows.
void Lowering::skip_section(const ast::Section& section, Contexts place) {
    const auto& head = *document_.begin(section.head);
    const Keyword* row = load_.registry.find(head.text, in::top);
    if (row) {
        keyword::check_support(*row, head.text, head.span, speak("section"), scope_.sink);
    } else {
        scope_.error(head.span, "not-supported",
                     fmt::format("section \"{}\" is known to HAProxy, not yet in weir", head.text));
    }
    for (std::uint32_t i = 0; i < section.lines; ++i) {
        auto words = arguments_of(document_.lines[section.first_line + i]);
        if (words.size() > 1 && words[0].text == "no") words = words.subspan(1);
        std::size_t used = 0;
        if (!find_row(words, place, used) && load_.registry.find(words[0].text).empty())
            keyword::check_keyword(load_.registry, words[0].text, words[0].span, place,
                                   keyword_language, scope_.sink);
    }
}

void Lowering::run_http_errors(const ast::Section& section) {
    auto head = arguments_of(section.head);
    if (head.size() < 2) {
        scope_.error(head[0].span, "argument-count", "section \"http-errors\" needs a name");
        return;
    }
    Draft pages;
    pages.place = in::http_errors;
    auto name = std::string(head[1].text);
    scope_.draft = &pages;
    run_lines(section, in::http_errors);
    scope_.draft = nullptr;
    load_.http_errors[name] = pages.settings.error_pages->list;
}

void Lowering::run_lines(const ast::Section& section, Contexts place) {
    for (std::uint32_t i = 0; i < section.lines; ++i)
        run_line(document_.lines[section.first_line + i], place);
}

// -------------------------------------------------------------------------- proxy sections

void Lowering::check_name(Draft& draft, const Argument& name) {
    for (char c : name.text)
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '-' || c == '.' || c == ':')) {
            scope_.error(
                name.span, "invalid-name",
                fmt::format("character '{}' is not allowed in the name of a {}", c, draft.kind()),
                "use letters, digits, '-', '_', '.' and ':'");
            return;
        }
    auto claim = [&](auto& names, std::string_view side) {
        auto& me = known_.back();
        auto [other, fresh] = names.emplace(me.name, &me);
        if (fresh) return true;
        scope_.error(
            name.span, "duplicate-name",
            fmt::format("{} \"{}\" has the same name as a {} before it", draft.kind(), me.name,
                        other->second->place == in::frontend ? "frontend"
                        : other->second->place == in::listen ? "listen"
                                                             : "backend"),
            fmt::format("two sections with a {} side cannot share a name", side));
        return false;
    };
    if (draft.is_front() && !claim(fronts_, "client")) return;
    if (draft.is_back()) claim(backs_, "server");
}

void Lowering::unexpected_after_name(const Draft& draft, const Argument& word) {
    if (draft.is_defaults()) {
        scope_.sink.warning(
            word.span, "no-effect",
            fmt::format("\"{}\" after the name of the defaults has no effect", word.text),
            "put it on a line of its own");
        return;
    }
    bool address = word.text.find(':') != std::string_view::npos;
    scope_.error(word.span, "unexpected-argument",
                 fmt::format("unexpected \"{}\" after the name of the {}", word.text, draft.kind()),
                 address ? fmt::format("write \"bind {}\" on a line of its own", word.text)
                         : "only \"from\" and the name of a defaults section may follow");
}

void Lowering::take_from(Draft& draft, Args head, std::size_t at) {
    const Draft* parent = current_defaults_ ? current_defaults_ : &built_in_;
    if (draft.is_defaults()) parent = &built_in_;  // defaults start anew
    if (at < head.size()) {
        if (head[at].text != "from" || at + 1 == head.size()) {
            unexpected_after_name(draft, head[at]);
        } else if (auto found = named_defaults_.find(head[at + 1].text);
                   found != named_defaults_.end()) {
            parent = found->second;
            if (draft.is_defaults() && parent->has_rules())
                scope_.error(head[at + 1].span, "defaults-with-rules",
                             fmt::format("defaults section \"{}\" has rules, and defaults cannot "
                                         "inherit rules",
                                         head[at + 1].text),
                             "let the proxies themselves take it with \"from\"");
        } else {
            scope_.error(head[at + 1].span, "unknown-defaults",
                         fmt::format("there is no defaults section \"{}\" before this line",
                                     head[at + 1].text));
        }
    }
    // Everything a section inherits; its own members stay as they are.
    draft.http = parent->http;
    draft.disabled = parent->disabled;
    draft.client_keepalive = parent->client_keepalive;
    draft.settings = parent->settings;
    draft.back = parent->back;
    draft.front = parent->front;
    draft.rules = parent->rules;
    draft.acls = parent->acls;
    draft.default_backend = parent->default_backend;
    draft.default_backend_at = parent->default_backend_at;
    draft.request_captures = parent->request_captures;
    draft.response_captures = parent->response_captures;
    const auto& rules = *parent->rules;
    for (const auto* list : {&rules.connection, &rules.session, &rules.content, &rules.request,
                             &rules.response_content, &rules.response, &rules.after_response})
        draft.inherited_rules = std::max(draft.inherited_rules, list->size());
}

Draft& Lowering::open_proxy(Contexts place) {
    if (place == in::defaults) {
        auto& draft = defaults_.emplace_back();
        draft.place = place;
        return draft;
    }
    auto& known = known_.emplace_back();
    known.place = place;
    if (place == in::backend) {
        backend_ = {};
    } else {
        known.draft = &fronts_waiting_.emplace_back();
    }
    auto& draft = known.draft ? *known.draft : backend_;
    draft.place = place;
    draft.index = known_.size() - 1;
    draft.id = static_cast<std::uint32_t>(known_.size() + 1);  // 1 is HAProxy's own
    return draft;
}

void Lowering::run_proxy(const ast::Section& section, Contexts place) {
    auto head = arguments_of(section.head);
    auto& draft = open_proxy(place);
    bool is_defaults = draft.is_defaults();
    draft.span = head[0].span;
    bool named = head.size() > 1 && !(is_defaults && head[1].text == "from");
    if (named) {
        draft.name = std::string(head[1].text);
        draft.span = head[1].span;
        if (is_defaults) {
            draft.place |= in::named_defaults;
        } else {
            known_.back().name = draft.name;
            check_name(draft, head[1]);
        }
    } else if (!is_defaults) {
        scope_.error(head[0].span, "argument-count",
                     fmt::format("\"{}\" needs a name after it", head[0].text));
    }
    take_from(draft, head, named ? 2 : 1);
    if (is_defaults) {
        current_defaults_ = &draft;
        if (named) named_defaults_[draft.name] = &draft;
    }
    scope_.draft = &draft;
    run_lines(section, draft.place);
    if (!is_defaults) close_proxy(draft);
}

// ----------------------------------------------------------------------------------- lines

const Keyword* Lowering::find_row(Args words, Contexts place, std::size_t& used) {
    used = 1;
    if (!has_second_word(words[0].text) || words.size() == 1)
        return load_.registry.find(words[0].text, place);
    name_.assign(words[0].text);
    name_ += ' ';
    name_ += words[1].text.substr(0, words[1].text.find('('));  // http-check set-var(check.x)
    used = 2;
    if (words.size() > 2 && words[0].text == "capture" && words[1].text != "cookie") {
        name_ += ' ';
        name_ += words[2].text;
        used = 3;
    }
    if (const Keyword* row = load_.registry.find(name_, place)) return row;
    auto rows = load_.registry.find(words[0].text);
    used = 1;
    return rows.empty() ? nullptr : load_.registry.find(words[0].text, place);
}

// A keyword of the language that may not stand in this section. Where HAProxy only warns and goes
// on (a word of the other side of a proxy), so do we.
void Lowering::misplaced(const Keyword& row, const Argument& word, std::string_view name,
                         Contexts place) {
    bool other_side = (place & (in::frontend | in::backend)) != 0 && (row.where & in::listen) != 0;
    if (other_side && row.name != "server" && row.name != "server-template" &&
        row.name != "tcp-request connection" && row.name != "tcp-request session" &&
        row.name != "tcp-response content") {
        scope_.sink.warning(word.span, "no-effect",
                            fmt::format("\"{}\" has no effect in a {}: it belongs to the {} side",
                                        name, place == in::frontend ? "frontend" : "backend",
                                        place == in::frontend ? "server" : "client"),
                            "move it to the other section, or remove it");
        return;
    }
    keyword::check_keyword(load_.registry, name, word.span, place & ~in::named_defaults,
                           keyword_language, scope_.sink);
}

void Lowering::run_line(ast::Line line, Contexts place) {
    auto words = arguments_of(line);
    scope_.negated = false;
    scope_.place = 0;
    scope_.at_run_time = line.at_run_time;
    std::size_t first = 0;
    if (words[0].text == "no" || words[0].text == "default") {
        if (words.size() == 1 || words[0].text == "default") {
            if (words.size() == 1 || words[1].text != "option") {
                scope_.error(words[0].span, "unknown-keyword",
                             fmt::format("\"{}\" goes before \"option\" only", words[0].text));
                return;
            }
        }
        scope_.negated = words[0].text == "no";
        scope_.defaulted = !scope_.negated;
        first = 1;
        words = words.subspan(1);
    } else {
        scope_.defaulted = false;
    }
    std::size_t used = 1;
    const Keyword* row = find_row(words, place, used);
    Argument name = words[0];
    if (used > 1) name.span = words[0].span.to(words[used - 1].span);
    if (!row) {
        unknown_line(words, place);
        return;
    }
    name.text = row->name;
    if (!keyword::check_support(*row, row->name, name.span, keyword_language, scope_.sink)) return;
    if (first != 0 && !may_be_negated(*row)) {
        scope_.error(name.span, "no-negation", fmt::format("\"{}\" cannot be negated", row->name),
                     "\"no\" goes with log and with options that are on or off");
        return;
    }
    Call call{.row = row, .name = row->name, .span = name.span};
    std::span<Argument> args(words_.data() + first + used, words.size() - used);
    if (!keyword::check_arguments(*row, call, args, keyword::Units::haproxy, scope_.sink)) return;
    if (row->apply) row->apply(scope_, call);
}

// Options with a value have something to say; those without are on or off.
bool Lowering::may_be_negated(const Keyword& row) {
    if (row.name == "log" || row.name == "busy-polling" || row.name == "strict-limits" ||
        row.name == "set-dumpable" || row.name == "insecure-fork-wanted" ||
        row.name == "numa-cpu-mapping")
        return true;
    return row.name.starts_with("option ") && row.number != option_with_value;
}

void Lowering::unknown_line(Args words, Contexts place) {
    std::string name(words[0].text);
    Span span = words[0].span;
    if (has_second_word(words[0].text)) {
        if (words.size() == 1) {
            scope_.error(span, "argument-count",
                         fmt::format("\"{}\" needs a word after it", words[0].text));
            return;
        }
        name += " " + std::string(words[1].text.substr(0, words[1].text.find('(')));
        span = span.to(words[1].span);
        if (words[0].text == "capture" && words.size() > 2 && words[1].text != "cookie") {
            name += " " + std::string(words[2].text);
            span = span.to(words[2].span);
        }
    }
    Argument word{.text = name, .span = span};
    auto rows = load_.registry.find(name);
    for (const Keyword* row : rows)
        if ((row->where & in::any_proxy) != 0 && (place & in::any_proxy) != 0) {
            misplaced(*row, word, name, place);
            return;
        }
    keyword::check_keyword(load_.registry, name, span, place & ~in::named_defaults,
                           keyword_language, scope_.sink);
}

}  // namespace weir::haproxy
