// SPDX-License-Identifier: Apache-2.0
// The parts of print.cpp and its sisters: lines with indentation, fields that print only when they
// differ from the built-in default, and values as text. Not for others; they call ir::print().
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "parser/ir/config.hpp"

namespace weir::ir::printing {

// Values as text. Strings come quoted, with \xXX for what a terminal would not show.
std::string show(bool value);
std::string show(Milliseconds value);
std::string show(std::string_view value);
std::string show(const std::string& value);
std::string show(const char* value);
std::string show(const Expr& expr, const Config& config);
std::string show(const Text& text, const Config& config);
std::string show(const PatternSet& patterns);
std::string show(const Message& message);
std::string show(const Action& action, const Config& config);
std::string show(const LogTarget& target, const Config& config);
std::string name_of(Phase phase);
const char* column_name(Zone::Column::What what);
const char* name_of(PatternSet::How how);
std::string show_pool(PoolId id, const Config& config);

class Printer {
public:
    explicit Printer(const Config& from) : config(from) {}

    const Config& config;
    std::string out;
    std::vector<bool> route_done;   // a route is printed where it is met first

    template <class... Args>
    void line(fmt::format_string<Args...> form, Args&&... args) {
        out.append(depth_ * 2, ' ');
        fmt::format_to(std::back_inserter(out), form, std::forward<Args>(args)...);
        out += '\n';
    }
    // One deeper while it lives.
    class Deeper {
    public:
        explicit Deeper(Printer& printer) : printer_(printer) { ++printer_.depth_; }
        ~Deeper() { --printer_.depth_; }
        Deeper(const Deeper&) = delete;
        Deeper& operator=(const Deeper&) = delete;

    private:
        Printer& printer_;
    };

    // One fact, left out where it is the built-in default.
    template <class T>
    void field(const char* name, const T& value, const T& fallback) {
        if (value != fallback) fact(name, value);
    }
    template <class T>
    void fact(const char* name, const T& value) {
        if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>)
            line("{} {}", name, +value);
        else
            line("{} {}", name, show(value));
    }
    template <class T>
    void field(const char* name, const std::optional<T>& value) {
        if (value) fact(name, *value);
    }
    void field(const char* name, const Text& text) {
        if (!text.empty()) line("{} {}", name, show(text, config));
    }
    void field(const char* name, const std::optional<Text>& text) {
        if (text) line("{} {}", name, show(*text, config));
    }
    void each(const char* name, const std::vector<std::string>& list) {
        for (const auto& entry : list) line("{} {}", name, show(entry));
    }

    void process();
    void listener(const Listener& listener);
    void site(const Site& site, SiteId id);
    void routes(const std::vector<RouteId>& ids, const Settings& parent);
    void route(RouteId id, const Settings& parent);
    void rules(const std::vector<Rule>& list, const Settings& parent);
    void rule(const Rule& rule, const Settings& parent);
    void pool(const Pool& pool);
    void map(const Map& map);
    void zone(const Zone& zone);
    void peers(const PeerGroup& group);
    void cache(const CacheStore& store);
    void cache_settings(const CacheSettings& cache);
    void stick(const Pool::Stick& stick);
    // The groups that differ from the parent's.
    void settings(const Settings& mine, const Settings& parent);
    void settings_group(const char* name, const std::string& mine, const std::string& parent);
    void error_log(const ErrorLog& log);
    void access_log(const char* what, const AccessLog& log);
    void health_check(const HealthCheck& check);
    void tls_identity(const TlsIdentity& identity);
    void tls_rules(const TlsRules& rules);
    void tls_profile(const TlsProfile& profile);
    void listener_tls(const ListenerTls& tls);
    void server_tls(const ServerTls& tls);

private:
    std::size_t depth_ = 0;
};

}  // namespace weir::ir::printing
