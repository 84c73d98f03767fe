// SPDX-License-Identifier: Apache-2.0
// Rules, their actions, and the routes they may lead to.
#include "parser/ir/printer.hpp"

namespace weir::ir::printing {

namespace {

using namespace action;

std::string side_of(Side side) {
    switch (side) {
        case Side::request: return "request";
        case Side::response: return "response";
        case Side::early_hint: return "early_hint";
    }
    return "?";
}

const char* name_of(EditHeader::How how) {
    switch (how) {
        case EditHeader::How::set: return "set";
        case EditHeader::How::add: return "add";
        case EditHeader::How::remove: return "remove";
        case EditHeader::How::replace_line: return "replace_line";
        case EditHeader::How::replace_value: return "replace_value";
    }
    return "?";
}

const char* name_of(EditHeader::Names names) {
    switch (names) {
        case EditHeader::Names::exact: return "";
        case EditHeader::Names::prefix: return " prefix";
        case EditHeader::Names::suffix: return " suffix";
        case EditHeader::Names::substring: return " substring";
        case EditHeader::Names::regex: return " regex";
    }
    return "?";
}

const char* name_of(SetTarget::What what) {
    switch (what) {
        case SetTarget::What::path: return "path";
        case SetTarget::What::path_and_query: return "path_and_query";
        case SetTarget::What::query: return "query";
        case SetTarget::What::uri: return "uri";
        case SetTarget::What::method: return "method";
    }
    return "?";
}

const char* name_of(Rewrite::Then then) {
    switch (then) {
        case Rewrite::Then::go_on: return "go_on";
        case Rewrite::Then::last: return "last";
        case Rewrite::Then::stop: return "stop";
        case Rewrite::Then::redirect: return "redirect";
        case Rewrite::Then::permanent: return "permanent";
    }
    return "?";
}

const char* name_of(SetAddress::What what) {
    switch (what) {
        case SetAddress::What::source: return "source";
        case SetAddress::What::source_port: return "source_port";
        case SetAddress::What::destination: return "destination";
        case SetAddress::What::destination_port: return "destination_port";
    }
    return "?";
}

std::string variable_of(std::uint32_t slot, const Config& config) {
    if (slot >= config.variables.size()) return fmt::format("slot {}", slot);
    return (config.variables[slot].nginx ? "$" : "") + config.variables[slot].name;
}

}  // namespace

std::string show(const Message& message) {
    std::string out = fmt::format("message HTTP/1.{} {} {}", message.minor, message.status,
                                  show(message.reason));
    if (message.sized) out += " sized";
    for (const auto& [name, value] : message.fields)
        out += fmt::format(" field {} {}", name, show(value));
    return out + " body " + show(message.body);
}

namespace {

// One line for the action; what does not fit on it is printed below by Printer::rule.
struct ActionLine {
    const Config& config;

    std::string operator()(const Respond& a) const {
        std::string out = fmt::format("respond {}", a.status);
        if (a.message) out += " " + show(*a.message);
        if (a.denies) out += " denies";
        if (!a.content_type.empty()) out += " type " + show(a.content_type);
        if (a.body) out += " body " + show(*a.body, config);
        for (const auto& header : a.headers)
            out += fmt::format(" header {} {}", show(header.name), show(header.value, config));
        return out;
    }
    std::string operator()(const Redirect& a) const {
        const char* how = a.how == Redirect::How::location ? "location"
                          : a.how == Redirect::How::prefix ? "prefix"
                                                           : "scheme";
        return fmt::format("redirect {} {} {}{}{}{}{}{}{}", a.status, how, show(a.target, config),
                           a.drop_query ? " drop_query" : "", a.keep_query ? " keep_query" : "",
                           a.append_slash ? " append_slash" : "",
                           a.ignore_empty ? " ignore_empty" : "",
                           a.set_cookie.empty() ? "" : " cookie " + show(a.set_cookie),
                           a.short_body ? "" : " no_body");
    }
    std::string operator()(const Close& a) const { return a.reset ? "close reset" : "close"; }
    std::string operator()(const Tarpit& a) const { return fmt::format("tarpit {}", a.status); }
    std::string operator()(const Allow&) const { return "allow"; }
    std::string operator()(const EditHeader& a) const {
        std::string out = fmt::format("{}_header {}{} {}", name_of(a.how), side_of(a.side),
                                      name_of(a.names), show(a.name));
        if (!a.regex.empty()) out += " regex " + show(a.regex);
        return a.how == EditHeader::How::remove ? out : out + " " + show(a.value, config);
    }
    std::string operator()(const SetTarget& a) const {
        return fmt::format("set_{}{} {}", name_of(a.what),
                           a.regex.empty() ? "" : " where " + show(a.regex),
                           show(a.value, config));
    }
    std::string operator()(const SetStatus& a) const {
        return fmt::format("set_status {}{}", show(a.status, config),
                           a.reason.empty() ? "" : " reason " + show(a.reason));
    }
    std::string operator()(const SetVariable& a) const {
        if (a.unset) return "unset_variable " + variable_of(a.slot, config);
        auto value = std::visit([&](const auto& v) { return show(v, config); }, a.value);
        return fmt::format("set_variable {} {}", variable_of(a.slot, config), value);
    }
    std::string operator()(const Rewrite& a) const {
        return fmt::format("rewrite {}{} {} then {}{}", a.ignore_case ? "any_case " : "",
                           show(a.regex), show(a.replacement, config), name_of(a.then),
                           a.replaces_query ? " new_query" : "");
    }
    std::string operator()(const UseRoute&) const { return "use_route"; }
    std::string operator()(const Group&) const { return "group"; }
    std::string operator()(const Capture& a) const {
        return fmt::format("capture {} slot {} length {} {}", side_of(a.side), a.slot, a.length,
                           show(a.value, config));
    }
    std::string operator()(const SetAddress& a) const {
        return fmt::format("set_{} {}", name_of(a.what), show(a.value, config));
    }
    std::string operator()(const SetLogLevel& a) const {
        return a.level < 0 ? "set_log_level silent" : fmt::format("set_log_level {}", a.level);
    }
    std::string operator()(const SetMark& a) const {
        const char* what = a.what == SetMark::What::mark ? "mark" : "tos";
        return fmt::format("set_{} {}", what, a.value);
    }
    std::string operator()(const WaitForHandshake&) const { return "wait_for_handshake"; }
    std::string operator()(const WaitForBody& a) const {
        return fmt::format("wait_for_body {} bytes {}", show(a.time), a.bytes);
    }
    std::string operator()(const DisableRetry&) const { return "disable_retry"; }
    std::string operator()(const UseCache& a) const { return "use_cache " + show(a.cache) + (a.hints ? "" : " no_hints"); }
    std::string operator()(const KeepAnswer& a) const { return "keep_answer in " + show(a.cache); }
    std::string operator()(const PurgeCache& a) const { return "purge_cache " + show(a.cache); }
    std::string operator()(const ExpectProxyHeader&) const { return "expect_proxy_header"; }
    std::string operator()(const Follow& a) const {
        return fmt::format("follow {} {} in {}", a.follower, show(a.key, config), show(a.table));
    }
    std::string operator()(const TellRate& a) const {
        return fmt::format("tell_rate {} quota {} policy {}", a.follower, a.quota, show(a.policy));
    }
    std::string operator()(const EditEntry& a) const {
        return fmt::format("{} {} {} of {} by {}", a.adds ? "add_to" : "set", column_name(a.what), a.index,
                           a.follower, show(a.amount, config));
    }
};

const char* name_of(Route::Match match) {
    switch (match) {
        case Route::Match::always: return "always";
        case Route::Match::exact: return "exact";
        case Route::Match::prefix: return "prefix";
        case Route::Match::prefix_final: return "prefix_final";
        case Route::Match::regex: return "regex";
        case Route::Match::regex_ignore_case: return "regex any_case";
        case Route::Match::named: return "named";
        case Route::Match::condition: return "when";
    }
    return "?";
}

std::string head_of(const Route& route, const Config& config) {
    std::string out = fmt::format("route {}", name_of(route.match));
    if (!route.pattern.empty()) out += " " + show(route.pattern);
    if (route.when) out += " " + show(*route.when, config);
    if (!route.pool_name.empty()) out += " as " + show(route.pool_name);
    if (route.internal) out += " internal";
    if (route.auto_redirect) out += " auto_redirect";
    return out;
}

void put_forward(Printer& to, const Forward& forward) {
    if (forward.pool != no_id)
        to.line("forward pool {}", show_pool(forward.pool, to.config));
    else
        to.line("forward computed {}", show(forward.pool_or_host, to.config));
    Printer::Deeper deeper(to);
    const Forward plain;
    to.field("tls", forward.tls, plain.tls);
    to.field("uri", forward.uri);
    to.field("replaced_prefix", forward.replaced_prefix, plain.replaced_prefix);
    to.field("host", forward.host, plain.host);
    to.field("port", forward.port, plain.port);
}

void put_tries(Printer& to, const TryFiles& tries) {
    for (const auto& name : tries.names)
        to.line("try {}{}", show(name.text, to.config), name.folder ? " folder" : "");
    if (tries.uri)
        to.line("try or {}{}", tries.named ? "named " : "", show(*tries.uri, to.config));
    else
        to.line("try or answer {}", tries.status);
}

struct PutAction {
    Printer& to;
    void operator()(const NoAction& none) const { to.line("answer {} nothing_set", none.status); }
    void operator()(const Forward& forward) const { put_forward(to, forward); }
    void operator()(const Answer& answer) const {
        to.line("answer {}", ActionLine{to.config}(answer.respond));
    }
    void operator()(const ServeFiles&) const { to.line("files"); }
    void operator()(const ServedBy& served) const { to.line("served_by {}", show(served.module)); }
    void operator()(const Pass& pass) const { to.line("pass {}", show(pass.address, to.config)); }
};

}  // namespace

std::string show(const Action& action, const Config& config) { return std::visit(ActionLine{config}, action); }

void Printer::rules(const std::vector<Rule>& list, const Settings& parent) {
    for (const auto& entry : list) rule(entry, parent);
}

void Printer::rule(const Rule& entry, const Settings& parent) {
    line("at {}{} {}{}", name_of(entry.phase), entry.list == Rule::List::content ? " content" : "",
         std::visit(ActionLine{config}, entry.action),
         entry.when ? " if " + show(*entry.when, config) : std::string());
    Deeper deeper(*this);
    if (const auto* group = std::get_if<action::Group>(&entry.action); group && group->rules)
        rules(group->rules->list, parent);
    if (const auto* use = std::get_if<action::UseRoute>(&entry.action)) route(use->route, parent);
}

void Printer::route(RouteId id, const Settings& parent) {
    if (id >= config.routes.size()) return line("route missing");
    const Route& one = config.routes[id];
    route_done.resize(config.routes.size());
    if (route_done[id]) return line("{} (above)", head_of(one, config));
    route_done[id] = true;
    line("{}", head_of(one, config));
    Deeper deeper(*this);
    settings(one.settings, parent);
    rules(one.rules, one.settings);
    if (one.try_files) put_tries(*this, *one.try_files);
    std::visit(PutAction{*this}, one.action);
    routes(one.nested, one.settings);
}

void Printer::routes(const std::vector<RouteId>& ids, const Settings& parent) {
    for (auto id : ids) route(id, parent);
}

}  // namespace weir::ir::printing
