// SPDX-License-Identifier: Apache-2.0
// The commands of ssi carried out: text goes to the client as it comes, an include stops it until the
// answer of its inner request is out.
#include "runtime/exchange/ssi.hpp"

#include <algorithm>
#include <map>

#include "runtime/exchange/inner.hpp"
#include "runtime/exchange/pages.hpp"
#include "runtime/exchange/record.hpp"
#include "runtime/log/error_log.hpp"
#include "runtime/net/time.hpp"
#include "runtime/route/escape.hpp"
#include "runtime/route/values.hpp"

namespace weir::exchange {

using http::FieldId;

namespace {

using net::time_of;

bool is_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

std::string_view trimmed(std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    return text;
}

std::string_view lower_case(std::string_view text, Arena& arena) {
    char* name = arena.bytes(text.size());
    for (std::size_t i = 0; i < text.size(); ++i)
        name[i] = text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] + 32) : text[i];
    return {name, text.size()};
}

// What a request line must not hold, or would end it.
bool breaks_line(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte <= ' ' || byte == 127;
    });
}

// Patterns that pages hold, compiled when they come first. A worker has one thread.
const Regex* page_pattern(std::string_view pattern) {
    constexpr std::size_t most = 256;
    thread_local std::map<std::string, std::optional<Regex>, std::less<>> patterns;
    if (const auto found = patterns.find(pattern); found != patterns.end())
        return found->second ? &*found->second : nullptr;
    if (patterns.size() == most) patterns.clear();
    auto made = Regex::compile(pattern, false);
    auto& kept = patterns[std::string(pattern)];
    if (made) kept = std::move(made).value();
    return kept ? &*kept : nullptr;
}

constexpr std::string_view no_variable = "invalid variable name in an SSI command";
constexpr std::string_view no_condition = "invalid expression of an SSI condition";

// What a command takes. `needed` has to be there.
struct Shape {
    std::string_view name, needed;
    std::string_view others[5];
};
constexpr Shape shapes[] = {
    {"include", "", {"virtual", "file", "wait", "set", "stub"}},
    {"echo", "var", {"default", "encoding"}},
    {"config", "", {"errmsg", "timefmt"}},
    {"set", "var", {"value"}},
    {"if", "expr", {}},
    {"elif", "expr", {}},
    {"else", "", {}},
    {"endif", "", {}},
    {"block", "name", {}},
    {"endblock", "", {}},
};

// Why a command cannot be carried out; empty: it can.
std::string_view problem_of(const SsiCommand& command) {
    if (!command.problem.empty()) return command.problem;
    const auto* shape = std::find_if(std::begin(shapes), std::end(shapes),
                                     [&](const Shape& one) { return one.name == command.name; });
    if (shape == std::end(shapes)) return "invalid SSI command";
    for (std::size_t i = 0; i < command.count; ++i) {
        const auto key = command.parameters[i].key;
        const bool known = key == shape->needed ||
                           std::find(std::begin(shape->others), std::end(shape->others), key) != std::end(shape->others);
        if (!known) return "invalid parameter name of an SSI command";
    }
    if (!shape->needed.empty() && !command.find(shape->needed))
        return "mandatory parameter of an SSI command is absent";
    if (command.name == "set" && !command.find("value")) return "mandatory parameter \"value\" is absent in SSI \"set\"";
    return {};
}

std::string_view problem_of_include(const SsiCommand& command) {
    const bool by_path = command.find("virtual"), by_file = command.find("file");
    if (by_path == by_file) return "SSI \"include\" needs one of \"virtual\" and \"file\"";
    if (command.find("set") && command.find("stub")) return "\"set\" and \"stub\" in one SSI \"include\"";
    const auto* wait = command.find("wait");
    if (wait && wait->value != "yes" && wait->value != "no") return "invalid value of \"wait\" in SSI \"include\"";
    return {};
}

// Keeps the body of an inner answer, as far as it may be kept.
class KeepingSink final : public http::BodySink {
public:
    KeepingSink(GrowingText& text, Arena& arena, std::size_t most) : text_(text), arena_(arena), most_(most) {}
    bool write_now(std::string_view bytes, bool, net::WriteAll& result) override {
        sent_ += bytes.size();
        body_sent_ += bytes.size();
        if (text_.size() + bytes.size() > most_) result.state = net::Io::State::failed;
        else text_.append(bytes, arena_);
        return true;
    }
    net::Task<net::WriteAll> write_rest(net::Time, net::WriteAll so_far) override { co_return so_far; }

private:
    GrowingText& text_;
    Arena& arena_;
    std::size_t most_;
};

}  // namespace

// One page on its way out.
struct Exchange::SsiRun {
    static constexpr std::uint32_t most_branches = 63;
    SsiPage& page;
    http::BodySink& to;
    SsiScanner scanner;
    // Of the branches around, by bit: one of if, elif, else was taken; it is this one.
    std::uint64_t taken = 0, active = 0;
    std::uint32_t branches = 0;
    // Of echo; it holds until another one is named.
    enum class Encoding : std::uint8_t { entity, url, none } encoding = Encoding::entity;
    SsiPage::Named* block = nullptr;   // that is being kept
    SsiScanner::Found found = {};

    [[nodiscard]] std::uint64_t innermost() const { return std::uint64_t{1} << (branches - 1); }
    [[nodiscard]] bool is_active() const { return branches == 0 || (active & innermost()) != 0; }
    void mark(bool is_taken, bool holds) {
        taken = is_taken ? taken | innermost() : taken & ~innermost();
        active = holds ? active | innermost() : active & ~innermost();
    }
};

bool Exchange::wants_ssi() const {
    const auto& includes = *route_->includes;
    if (!includes.on || reply_.status == 101) return false;
    const bool empty = file_               ? file_->length() == 0
                       : reply_from_server_ ? reply_.framing == http::Framing::length && reply_.length == 0
                                            : own_body_.empty();
    if (empty) return false;
    const auto* type = reply_.fields.find(FieldId::content_type);
    if (!type) return false;
    auto name = type->value.substr(0, type->value.find_first_of("; "));
    return std::any_of(includes.types.begin(), includes.types.end(), [&](const std::string& one) {
        return one == "*" || http::equal_ignoring_case(one, name);
    });
}

// What is changed has no length, parts or date that are known.
void Exchange::prepare_ssi() {
    open_the_length();
    reply_.fields.remove(FieldId::accept_ranges);
    if (route_->includes->keeps_dates) return weaken_tag();
    reply_.fields.remove(FieldId::last_modified);
    reply_.fields.remove(FieldId::etag);
}

SsiPage& Exchange::ssi_page() {
    if (!ssi_page_) ssi_page_ = new (arena_.allocate(sizeof(SsiPage), alignof(SsiPage))) SsiPage{arena_};
    return *ssi_page_;
}

// A variable of the page, else one of the request's.
route::Value Exchange::ssi_value(std::string_view name) {
    auto& page = ssi_page();
    auto known = lower_case(name, arena_);
    if (const auto* found = SsiPage::find(page.variables, known)) return route::Value::of(found->text.text());
    subject_.date_format = page.date_format;
    auto value = running_->plan->library().value_named(known, subject_);
    subject_.date_format = nullptr;
    return value;
}

// With $name and ${name} put in; a copy where there are any. A '$' without a name: data() is null.
std::string_view Exchange::ssi_text(std::string_view text) {
    if (text.find('$') == std::string_view::npos) return text;
    GrowingText whole;
    whole.append(text.substr(0, 1), arena_);   // so that there is a text, be it empty
    whole.clear();
    while (!text.empty()) {
        auto at = text.find('$');
        whole.append(text.substr(0, at), arena_);
        if (at == std::string_view::npos) break;
        text.remove_prefix(at + 1);
        const bool braces = text.starts_with('{');
        if (braces) text.remove_prefix(1);
        std::size_t size = 0;
        while (size < text.size() && is_name(text[size])) ++size;
        const bool closed = !braces || text.substr(size).starts_with('}');
        if (size == 0 || !closed) return {};
        whole.append(route::to_text(ssi_value(text.substr(0, size)), arena_), arena_);
        text.remove_prefix(size + (braces ? 1 : 0));
    }
    return whole.text();
}

bool Exchange::ssi_matches(std::string_view text, std::string_view pattern, bool& known) {
    const auto* regex = page_pattern(pattern);
    known = regex != nullptr;
    Regex::Match match;
    if (!regex || !regex->match(text = arena_.copy(text), match)) return false;
    auto& captures = subject_.captures;
    captures.count = std::min(match.count, route::Captures::most);
    for (std::uint32_t i = 0; i < captures.count; ++i) captures.group[i] = match.group[i];
    auto& page = ssi_page();
    for (const auto& name : regex->names())
        if (name.group < match.count)
            page.set(page.variables, lower_case(name.name, arena_), match.group[name.group]);
    return true;
}

// $a | $a = text | $a != text | $a = /regex/ | $a != /regex/; `known`: it is one of these.
bool Exchange::ssi_holds(std::string_view expression, bool& known) {
    known = false;
    const auto sign = expression.find('=');
    const bool compares = sign != std::string_view::npos;
    const bool negates = compares && sign != 0 && expression[sign - 1] == '!';
    const auto left = ssi_text(trimmed(expression.substr(0, negates ? sign - 1 : sign)));
    if (!left.data()) return false;
    known = !compares;
    if (!compares) return !left.empty();
    auto right = trimmed(expression.substr(sign + 1));
    const bool regex = right.starts_with('/');
    if (regex && (right.size() < 2 || !right.ends_with('/'))) return false;
    right = ssi_text(regex ? right.substr(1, right.size() - 2) : right);
    if (!right.data()) return false;
    known = true;
    const bool same = regex ? ssi_matches(left, right, known) : left == right;
    return known && same != negates;
}

net::Task<bool> Exchange::ssi_put(SsiRun& run, std::string_view text) {
    if (text.empty() || !run.is_active()) co_return true;
    if (run.block) {
        run.block->text.append(text, run.page.arena);
        co_return true;
    }
    auto result = co_await run.to.write(text, false, time_of(client_rules().timeouts->client_send));
    co_return result.state == net::Io::State::ok;
}

net::Task<bool> Exchange::ssi_problem(SsiRun& run, std::string_view what) {
    note_problem(log::error, std::string(what) + " while sending to client");
    if (route_->includes->silent) co_return true;
    co_return co_await ssi_put(run, run.page.error);
}

// The answer of an inner request: into the page, or into a variable of it.
net::Task<bool> Exchange::ssi_include(SsiRun& run, const SsiCommand& command) {
    const auto problem = problem_of_include(command);
    if (!problem.empty()) co_return co_await ssi_problem(run, problem);
    auto& page = run.page;
    auto uri = command.value("virtual");
    if (!command.find("virtual")) uri = command.value("file");
    uri = ssi_text(uri);
    if (!uri.data()) co_return co_await ssi_problem(run, no_variable);
    uri = arena_.copy(uri);
    if (!uri.starts_with('/')) {
        auto here = subject_.normalized_path;
        uri = arena_.join({here.substr(0, here.rfind('/') + 1), uri});
    }
    const auto mark = uri.find('?');
    const auto path = unescape_inner(uri.substr(0, mark), arena_);
    const auto query = mark == std::string_view::npos ? std::string_view() : uri.substr(mark);
    if (path.empty() || breaks_line(query)) co_return co_await ssi_problem(run, "unsafe URI in SSI \"include\"");
    if (page.depth >= SsiPage::most_depth || page.includes >= SsiPage::most_includes)
        co_return co_await ssi_problem(run, "too many pages within pages of SSI \"include\"");
    const auto into = lower_case(command.value("set"), arena_);
    const auto* stub = SsiPage::find(page.blocks, command.value("stub"));
    GrowingText text;
    KeepingSink kept(text, page.arena, route_->inner->most_kept);
    bool whole = false, ok = true;
    ++page.depth;
    ++page.includes;
    {
        http::BodySink* to = &run.to;
        if (!into.empty()) to = &kept;
        InnerCarrier carrier(carrier_.watch, to);
        Exchange inner(*this, carrier, arena_.join({route::escape_path(path, arena_), query}));
        inner.subject_.normalized_path = path;
        inner.stands_in_ = stub != nullptr;
        co_await inner.run();
        whole = inner.subject_.completed;
        const bool bare = inner.subject_.sent_body == 0;
        // Commands of the stub are carried out where those of the answer would have been.
        if (stub && bare && inner.ssi_) ok = co_await inner.ssi_block(run.to, stub->text.text());
        else if (stub && bare) ok = co_await ssi_put(run, stub->text.text());
    }
    --page.depth;
    if (!into.empty()) {
        if (!whole) note_problem(log::error, "too big or broken answer for \"set\" of SSI \"include\"");
        page.set(page.variables, into, whole ? text.text() : std::string_view());
        co_return true;
    }
    if (!whole && carrier_.watch.broken) co_return false;
    co_return ok;
}

net::Task<bool> Exchange::ssi_echo(SsiRun& run, const SsiCommand& command) {
    using Encoding = SsiRun::Encoding;
    if (const auto* wanted = command.find("encoding")) {
        const auto name = wanted->value;
        if (name == "entity") run.encoding = Encoding::entity;
        else if (name == "url") run.encoding = Encoding::url;
        else if (name == "none") run.encoding = Encoding::none;
        else note_problem(log::error, "unknown encoding in SSI \"echo\" while sending to client");
    }
    auto value = ssi_value(command.value("var"));
    if (!value.exists) {
        std::string_view text = "(none)";
        if (const auto* fallback = command.find("default")) text = fallback->value;
        co_return co_await ssi_put(run, text);
    }
    auto text = route::to_text(value, arena_);
    if (run.encoding == Encoding::url) text = route::escape_path(text, arena_);
    else if (run.encoding == Encoding::entity) text = route::escape_html(text, arena_);
    co_return co_await ssi_put(run, text);
}

// if, elif, else, endif. Returns what is wrong with it; empty: nothing.
std::string_view Exchange::ssi_branch(SsiRun& run, const SsiCommand& command) {
    bool known = true;
    if (command.name == "if") {
        if (run.branches == SsiRun::most_branches) return "too many SSI conditions within each other";
        const bool around = run.is_active();
        const bool holds = around && ssi_holds(command.value("expr"), known);
        if (!known) return no_condition;
        ++run.branches;
        run.mark(holds || !around, holds);
    } else if (run.branches == 0) {
        return "unexpected SSI command outside of \"if\"";
    } else if (command.name == "endif") {
        --run.branches;
    } else {
        const bool taken = (run.taken & run.innermost()) != 0;
        const bool holds = !taken && (command.name == "else" || ssi_holds(command.value("expr"), known));
        run.mark(taken || holds, holds);
    }
    return known ? std::string_view() : no_condition;
}

std::string_view Exchange::ssi_set(const SsiCommand& command) {
    auto& page = ssi_page();
    if (command.name == "set") {
        const auto value = ssi_text(command.value("value"));
        if (!value.data()) return no_variable;
        page.set(page.variables, lower_case(command.value("var"), arena_), value);
        return {};
    }
    if (const auto* format = command.find("timefmt"))
        page.date_format = page.arena.join({format->value, std::string_view("\0", 1)}).data();
    if (const auto* error = command.find("errmsg")) page.error = page.arena.copy(error->value);
    return {};
}

net::Task<bool> Exchange::ssi_command(SsiRun& run, const SsiCommand& command) {
    const auto name = command.name;
    // A block keeps its commands: they are carried out where it stands in.
    if (run.block) {
        if (name == "endblock") run.block = nullptr;
        else run.block->text.append(run.found.source, run.page.arena);
        co_return true;
    }
    auto problem = problem_of(command);
    const bool branch = name == "if" || name == "elif" || name == "else" || name == "endif";
    if (problem.empty() && branch) problem = ssi_branch(run, command);
    if (!problem.empty()) co_return co_await ssi_problem(run, problem);
    if (branch || !run.is_active()) co_return true;
    if (name == "include") co_return co_await ssi_include(run, command);
    if (name == "echo") co_return co_await ssi_echo(run, command);
    if (name == "set" || name == "config") {
        problem = ssi_set(command);
        if (!problem.empty()) co_return co_await ssi_problem(run, problem);
    } else if (name == "block") {
        run.block = &run.page.make(run.page.blocks, run.page.arena.copy(command.value("name")));
        run.block->text.clear();
    } else {
        co_return co_await ssi_problem(run, "unexpected SSI \"endblock\"");
    }
    co_return true;
}

net::Task<bool> Exchange::ssi_piece(SsiRun& run, std::string_view bytes) {
    run.scanner.feed(bytes);
    while (run.scanner.next(run.found)) {
        bool ok = co_await ssi_put(run, run.found.text);
        if (!ok) co_return false;
        if (!run.found.has_command) continue;
        ok = co_await ssi_command(run, run.found.command);
        if (!ok) co_return false;
    }
    co_return true;
}

// A block in place of an inner answer; it may hold commands itself.
net::Task<bool> Exchange::ssi_block(http::BodySink& to, std::string_view text) {
    auto& page = ssi_page();
    if (page.depth >= SsiPage::most_depth) co_return true;
    ++page.depth;
    SsiRun run{.page = page, .to = to, .scanner = SsiScanner(arena_, route_->includes->most_value)};
    const bool ok = co_await ssi_piece(run, arena_.copy(text));
    --page.depth;
    co_return ok;
}

// The whole body; `piece` is the first of it, if it was taken already. The end is not written.
net::Task<bool> Exchange::send_with_ssi(http::BodySource* from, http::BodySink& to, http::Piece piece) {
    SsiRun run{.page = ssi_page(), .to = to, .scanner = SsiScanner(arena_, route_->includes->most_value)};
    if (!from) co_return co_await ssi_piece(run, own_body_);
    auto* client = route_->forwarding->source->ignore_client_abort ? nullptr : &carrier_.watch;
    for (bool first = true;; first = false) {
        bool taken = first && (piece.last || !piece.bytes.empty() || piece.state != http::BodyState::ok);
        if (!taken && !from->ready(piece))
            piece = co_await from->next(time_of(route_->timeouts->server_read), client);
        if (piece.state != http::BodyState::ok) {
            http::RelayResult result;
            result.failed = http::RelayResult::Side::source;
            result.state = piece.state;
            result.error = piece.error;
            note_relay_end(subject_, result);
            co_return false;
        }
        const bool last = piece.last;
        const bool ok = co_await ssi_piece(run, piece.bytes);
        if (!ok || last) co_return ok;
    }
}

}  // namespace weir::exchange
