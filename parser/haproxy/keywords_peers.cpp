// SPDX-License-Identifier: Apache-2.0
// The section peers: who the peers are, where this one listens, and tables that they share. Its bind and
// default-server lines are those of other sections.
#include <fmt/format.h>

#include <algorithm>

#include "parser/haproxy/lower.hpp"
#include "parser/haproxy/rows.hpp"
#include "parser/haproxy/tables_own.hpp"

namespace weir::haproxy {

namespace {

using keyword::any_number;
using keyword::many;
using keyword::opt;
using keyword::word;

void lower_peer_line(keyword::Scope& scope, const Call& call) { lower_peer(own(scope), call); }

void lower_peers_table(keyword::Scope& scope, const Call& call) {
    auto& here = own(scope);
    lower_table(here, call, call.args.subspan(1), fmt::format("{}/{}", here.draft->name, call[0].text));
}

constexpr keyword::Signature peer_args = {word("name"), opt(word("address")), any_number(word("option"))};

constexpr auto rows = sorted({
    {.name = "log",
     .where = in::peers,
     .args = {many(word("target and options"))},
     .support = keyword::ignored("the log of the program has what there is to say of peers"),
     .summary = "Adds a target for log lines."},
    {.name = "peer", .where = in::peers, .args = peer_args, .apply = lower_peer_line, .summary = "Adds a peer."},
    {.name = "server",
     .where = in::peers,
     .args = peer_args,
     .apply = lower_peer_line,
     .summary = "Adds a peer; this one needs no address."},
    {.name = "table",
     .where = in::peers,
     .args = {word("name"), many(word("option"))},
     .apply = lower_peers_table,
     .summary = "Declares a table that the peers share, known elsewhere as section/name."},
});
static_assert(keyword::well_formed(rows));

}  // namespace

keyword::Table peers_table() { return rows; }

void Lowering::run_peers(const ast::Section& section) {
    auto head = arguments_of(section.head);
    if (head.size() < 2) return scope_.error(head[0].span, "argument-count", "section \"peers\" needs a name");
    if (head.size() > 2)
        scope_.error(head[2].span, "unexpected-argument",
                     fmt::format("unexpected \"{}\" after the name of the peers", head[2].text));
    if (scope_.config.find_peers(head[1].text))
        scope_.error(head[1].span, "duplicate-name", fmt::format("there are other peers \"{}\"", head[1].text));
    Draft draft;
    draft.place = in::peers;
    draft.name = std::string(head[1].text);
    draft.span = head[1].span;
    scope_.draft = &draft;
    run_lines(section, in::peers);
    ir::PeerGroup group;
    finish_peers(draft, group);
    scope_.draft = nullptr;
    scope_.config.peer_groups.push_back(std::move(group));
}

void Lowering::finish_peers(Draft& draft, ir::PeerGroup& group) {
    group.name = draft.name;
    group.span = draft.span;
    group.enabled = !draft.disabled;
    group.local_name = load_.local_peer;
    if (group.local_name.empty())
        group.local_name = scope_.sources.environment("HAPROXY_LOCALPEER").value_or(std::string());
    if (draft.listeners.size() > 1)
        scope_.error(draft.listeners[1].span, "unexpected-argument", "peers listen at one address");
    if (!draft.listeners.empty()) group.listener = std::move(draft.listeners.front());
    bool local = false;
    for (auto& words : draft.servers) {
        const auto& server = words.server;
        const bool known = std::any_of(group.peers.begin(), group.peers.end(),
                                       [&](const auto& peer) { return peer.name == server.name; });
        if (known || (local && server.name == group.local_name)) {
            scope_.error(words.span, "duplicate-name", fmt::format("there is another peer \"{}\"", server.name));
            continue;
        }
        if (server.over_tls)
            scope_.error(words.span, "not-supported", "peers that speak TLS are known to HAProxy, not yet in weir");
        if (server.name != group.local_name) {
            if (server.endpoints.empty())
                scope_.error(words.span, "argument-count", fmt::format("peer \"{}\" has no address", server.name));
            else
                group.peers.push_back({server.name, server.endpoints.front(), words.span});
            continue;
        }
        local = true;
        if (server.endpoints.empty()) continue;
        if (group.listener) {
            scope_.error(words.span, "unexpected-argument",
                         fmt::format("the address of this peer, \"{}\", stands in the bind line", server.name));
            continue;
        }
        group.listener.emplace();
        group.listener->endpoint = server.endpoints.front();
        group.listener->span = words.span;
    }
    if (group.listener && group.listener->tls)
        scope_.error(group.listener->span, "not-supported",
                     "peers that speak TLS are known to HAProxy, not yet in weir");
    if (!local && !draft.servers.empty() && group.enabled) {
        scope_.sink.warning(group.span, "no-effect",
                            fmt::format("none of the peers \"{}\" is called \"{}\" as this one is: they are left out",
                                        group.name, group.local_name),
                            "name this one with -L or localpeer");
        group.enabled = false;
    }
    if (local && group.enabled && !group.listener)
        scope_.error(group.span, "argument-count", fmt::format("peers \"{}\" have no address to listen at", group.name),
                     "add a bind line");
    if (group.listener) group.listener->name = group.name;
}

}  // namespace weir::haproxy
