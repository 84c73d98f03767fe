// SPDX-License-Identifier: Apache-2.0
// Sections and lines to IR: finds the row of each line, hands proxies what their defaults say, and
// when all is read turns the drafts into sites, routes and pools.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "parser/haproxy/scope.hpp"

namespace weir::haproxy {

class Lowering {
public:
    Lowering(const ast::Document& document, const keyword::Registry& registry, SourceSet& set,
             ir::Config& config, diag::Sink& sink);
    void run();

private:
    struct Known;

    // lower.cpp: sections and lines
    void run_section(const ast::Section& section);
    void run_lines(const ast::Section& section, Contexts place);
    void run_line(ast::Line line, Contexts place);
    void run_proxy(const ast::Section& section, Contexts place);
    Draft& open_proxy(Contexts place);
    void close_proxy(Draft& draft);
    void run_http_errors(const ast::Section& section);
    void run_cache(const ast::Section& section);   // keywords_cache.cpp
    void run_certificates(const ast::Section& section);   // certificate_store.cpp
    void run_peers(const ast::Section& section);   // keywords_peers.cpp
    void finish_peers(Draft& draft, ir::PeerGroup& group);
    void unknown_line(Args words, Contexts place);
    static bool may_be_negated(const Keyword& row);
    void take_from(Draft& draft, Args head, std::size_t at);
    void unexpected_after_name(const Draft& draft, const Argument& word);
    void check_name(Draft& draft, const Argument& name);
    void skip_section(const ast::Section& section, Contexts place);
    const Keyword* find_row(Args words, Contexts place, std::size_t& used);
    void misplaced(const Keyword& row, const Argument& word, std::string_view name, Contexts place);
    Args arguments_of(ast::Line line);

    // finish.cpp: drafts to IR
    void finish();
    void check_references();
    void make_pool(Draft& draft);
    void make_servers(Draft& draft, ir::Pool& pool);
    void make_check(const Draft& draft, const ServerWords& words, ir::Server& server);
    void make_site(Draft& draft);
    ir::Rule early_mark();
    void check_captures(ir::Site& site);
    void make_picks(Draft& draft, ir::Site& site);
    void make_listeners(Draft& draft, ir::SiteId site);
    void make_logs(Draft& draft, ir::Site& site);
    void make_status_logs();
    void complete_target(ir::LogTarget& target) const;
    void warn_about(const Draft& draft);
    ir::Settings finished(const ir::Settings& settings);
    ir::RouteId route_of(Known& back);
    Known* find_back(const std::string& name);

    const ast::Document& document_;
    Load load_;
    Scope scope_;
    std::deque<Draft> defaults_;
    std::map<std::string, Draft*, std::less<>> named_defaults_;
    Draft* current_defaults_ = nullptr;
    Draft built_in_;
    // A backend becomes a pool and a route as soon as its section ends, so that a configuration of
    // thousands of them does not hold a draft of each. Sections with a client side wait for the
    // end.
    std::deque<Draft> fronts_waiting_;
    Draft backend_;
    struct Known {
        std::string name;
        Contexts place = 0;
        bool http = false;
        Draft* draft = nullptr;  // of a frontend or listen
        ir::PoolId pool = ir::no_id;
        ir::RouteId route = ir::no_id;      // with rules: for any frontend
        ir::RouteId own_route = ir::no_id;  // a listen's own, without
    };
    std::deque<Known> known_;  // every proxy, in order
    std::unordered_map<std::string_view, Known*> fronts_, backs_;
    // Groups that finished() completed, by the identity of what sections share. The first of a pair
    // keeps that group alive, so that the address stays its own.
    template <class T>
    using Finished =
        std::unordered_map<const void*, std::pair<std::shared_ptr<ir::Shared<T>>, ir::Shared<T>>>;
    Finished<ir::Timeouts> finished_timeouts_;
    Finished<ir::ClientLimits> finished_limits_;
    std::optional<ir::Shared<ir::Http2>> finished_http2_[2];
    Finished<ir::ForwardSettings> finished_forwards_;
    bool any_dynamic_ = false;     // some use_backend computes its name
    std::vector<Argument> words_;  // of the current line
    std::string name_;             // scratch for names of two words
    ir::Route backend_route(Draft& draft, ir::PoolId pool);
    ir::Shared<ir::Http2> http2_of(bool on);
    ir::Shared<ir::ClientLimits> limits_of(const ir::Shared<ir::ClientLimits>& limits);
    ir::Shared<ir::ForwardSettings> forward_of(const ir::Shared<ir::ForwardSettings>& forward);
    std::string nearest_backend(const std::string& name) const;
};

}  // namespace weir::haproxy
