// SPDX-License-Identifier: Apache-2.0
#include "parser/nginx/listen.hpp"

#include <fmt/format.h>

#include "parser/nginx/addresses.hpp"
#include "parser/value/value.hpp"

namespace weir::nginx {

namespace {

using keyword::Argument;
using keyword::Call;

// The parameters of one listen directive, before they reach its listeners.
struct ListenOptions {
    ir::Listener model;        // endpoint excepted
    bool is_default = false;
    bool sets_options = false; // any that may be given only once for an address
    Span default_at;
};

class ListenReader {
public:
    ListenReader(Block& block, const Call& call) : block_(block), call_(call) {}

    bool read() {
        options_.model.span = call_.span;
        options_.model.keepalive = std::nullopt;
        for (std::size_t i = 1; i < call_.size(); ++i)
            if (!parameter(call_[i])) return false;
        return true;
    }
    ListenOptions& options() { return options_; }

private:
    bool parameter(const Argument& argument) {
        auto text = argument.text;
        std::string_view value;
        if (text == "default_server" || text == "default") {
            if (block_.in_stream() && text == "default") return invalid(argument);
            options_.is_default = true;
            options_.default_at = argument.span;
            return true;
        }
        if (text == "udp" && block_.in_stream()) {
            options_.model.transport = ir::Transport::udp;
            return true;
        }
        if (text == "proxy_protocol") {
            options_.model.accepts_proxy_header = true;
            return true;
        }
        if (text == "ssl") {
            options_.model.tls.emplace().span = argument.span;
            return true;
        }
        if (text == "http2" && !block_.in_stream()) {
            options_.model.http2 = ir::Listener::Http2::also;
            return true;
        }
        if (text == "http2" || text == "quic" || text == "spdy") return refuse(argument);
        if (text == "multipath") return refuse(argument);
        options_.sets_options = true;
        if (text == "bind") return true;   // every address has a socket of its own here
        if (text == "reuseport") return options_.model.reuseport = true;
        if (text == "deferred") return options_.model.defer_accept = true;
        if (key_value(text, "backlog=", value)) return number(argument, value, options_.model.backlog);
        if (key_value(text, "rcvbuf=", value)) return size(argument, value, options_.model.receive_buffer);
        if (key_value(text, "sndbuf=", value)) return size(argument, value, options_.model.send_buffer);
        if (key_value(text, "fastopen=", value)) return number(argument, value, options_.model.fast_open);
        if (key_value(text, "ipv6only=", value)) return flag(argument, value, options_.model.ipv6_only);
        if (key_value(text, "so_keepalive=", value)) return keepalive(argument, value);
        if (key_value(text, "setfib=", value) || key_value(text, "accept_filter=", value))
            return refuse(argument);
        return invalid(argument);
    }

    bool refuse(const Argument& argument) {
        refuse_parameter(block_, call_, argument);
        return false;
    }
    bool invalid(const Argument& argument) {
        invalid_parameter(block_, call_, argument);
        return false;
    }
    bool number(const Argument& argument, std::string_view value, int& into) {
        auto parsed = value::parse_number(value);
        if (!parsed || *parsed <= 0 || *parsed > INT32_MAX) return invalid(argument);
        into = static_cast<int>(*parsed);
        return true;
    }
    bool size(const Argument& argument, std::string_view value, int& into) {
        auto parsed = value::parse_nginx_size(value, false);
        if (!parsed || *parsed == 0 || *parsed > INT32_MAX) return invalid(argument);
        into = static_cast<int>(*parsed);
        return true;
    }
    bool flag(const Argument& argument, std::string_view value, std::optional<bool>& into) {
        if (value != "on" && value != "off") return invalid(argument);
        into = value == "on";
        return true;
    }

    // on | off | [idle]:[interval]:[count]
    bool keepalive(const Argument& argument, std::string_view value) {
        auto& model = options_.model;
        if (value == "on" || value == "off") return flag(argument, value, model.keepalive);
        model.keepalive = true;
        auto first = value.find(':');
        auto second = first == value.npos ? first : value.find(':', first + 1);
        if (second == value.npos || value == "::") return invalid(argument);
        return seconds(argument, value.substr(0, first), model.keepalive_idle) &&
               seconds(argument, value.substr(first + 1, second - first - 1),
                       model.keepalive_interval) &&
               (value.substr(second + 1).empty() ||
                number(argument, value.substr(second + 1), model.keepalive_count));
    }
    bool seconds(const Argument& argument, std::string_view value, int& into) {
        if (value.empty()) return true;
        auto parsed = value::parse_nginx_duration(value, value::NginxTime::seconds);
        if (!parsed || parsed->count() == 0) return invalid(argument);
        into = static_cast<int>(parsed->count() / 1000);
        return true;
    }

    Block& block_;
    const Call& call_;
    ListenOptions options_;
};

std::string key_of(const ir::Listener& listener) {
    return (listener.transport == ir::Transport::udp ? "udp " : "") +
           ir::to_string(listener.endpoint);
}

// The listener of an address, made when it is the first to ask.
Address& address_of(Block& block, const std::string& key, const ListenOptions& options,
                    const ir::Endpoint& endpoint) {
    auto [slot, is_new] = block.names->addresses.try_emplace(key);
    Address& address = slot->second;
    if (is_new) {
        address.listener = static_cast<ir::ListenerId>(block.config.listeners.size());
        ir::Listener listener = options.model;
        listener.endpoint = endpoint;
        listener.name = ir::to_string(endpoint);
        if (endpoint.ip.family == IpAddress::Family::v6 && !listener.ipv6_only)
            listener.ipv6_only = true;
        block.config.listeners.push_back(std::move(listener));
        if (options.sets_options) address.options_at = options.model.span;
        return address;
    }
    if (options.sets_options) {
        if (address.options_at.known()) {
            block.error(options.model.span, "duplicate-options",
                        fmt::format("duplicate listen options for {}", key),
                        "give backlog, reuseport and the like to one listen of each address");
            return address;
        }
        address.options_at = options.model.span;
        auto& listener = block.config.listeners[address.listener];
        auto kept = std::move(listener);
        listener = options.model;
        listener.endpoint = kept.endpoint;
        listener.name = std::move(kept.name);
        listener.sites = std::move(kept.sites);
        listener.default_site = kept.default_site;
        listener.accepts_proxy_header = listener.accepts_proxy_header || kept.accepts_proxy_header;
        if (!listener.tls) listener.tls = kept.tls;
        if (kept.http2 != ir::Listener::Http2::as_site) listener.http2 = kept.http2;
        if (!listener.ipv6_only) listener.ipv6_only = kept.ipv6_only;
        return address;
    }
    auto& listener = block.config.listeners[address.listener];
    listener.accepts_proxy_header = listener.accepts_proxy_header || options.model.accepts_proxy_header;
    if (!listener.tls) listener.tls = options.model.tls;
    if (options.model.http2 != ir::Listener::Http2::as_site) listener.http2 = options.model.http2;
    return address;
}

void use_address(Block& block, const ListenOptions& options, const ir::Endpoint& endpoint) {
    ir::Listener probe;
    probe.transport = options.model.transport;
    probe.endpoint = endpoint;
    auto key = key_of(probe);
    if (!block.server->keys.insert(key).second)
        return block.error(options.model.span, "duplicate-listen",
                           fmt::format("a duplicate listen {}", key),
                           "this server listens there already; remove one of the two lines");
    Address& address = address_of(block, key, options, endpoint);
    if (options.is_default) {
        if (address.default_at.known())
            return block.error(options.default_at, "duplicate-default",
                               fmt::format("a duplicate default server for {}", key),
                               "only one server of an address can be the default");
        address.default_at = options.default_at;
    }
    block.server->listens.push_back({std::move(key), options.is_default, options.model.span});
}

std::vector<IpAddress> listen_addresses(Block& block, const HostPort& host, const Argument& word) {
    if (!host.any_host) return addresses_of(block, host.host, word.span);
    IpAddress any;
    any.family = IpAddress::Family::v4;
    return {any};
}

}  // namespace

void read_listen(Block& block, const Call& call) {
    ListenReader reader(block, call);
    auto host = parse_host_port(call[0].text, true);
    if (!host)
        return block.error(call[0].span, "invalid-address",
                           fmt::format("{} of the \"listen\" directive", host.error()),
                           "write a port, an address:port, [ipv6]:port or unix:/path");
    if (!reader.read()) return;
    auto& options = reader.options();
    if (options.model.tls && options.model.transport == ir::Transport::udp)
        return block.error(options.model.tls->span, "invalid-parameter",
                           "\"ssl\" parameter is incompatible with \"udp\"", "TLS needs a TCP listener");
    if (block.in_stream() && !host->has_port && host->path.empty())
        return block.error(call[0].span, "invalid-address",
                           fmt::format("no port in \"{}\" of the \"listen\" directive", call[0].text),
                           "stream has no port of its own: add one");
    if (!host->path.empty()) {
        ir::Endpoint endpoint;
        endpoint.path = host->path;
        return use_address(block, options, endpoint);
    }
    std::uint16_t first = host->has_port ? host->port : 80;
    std::uint16_t last = host->has_port ? host->last_port : 80;
    for (const auto& ip : listen_addresses(block, *host, call[0]))
        for (std::uint32_t port = first; port <= last; ++port) {
            ir::Endpoint endpoint;
            endpoint.ip = ip;
            endpoint.port = static_cast<std::uint16_t>(port);
            use_address(block, options, endpoint);
        }
}

namespace {

std::string name_as_written(const ir::SiteName& name) {
    switch (name.kind) {
        case ir::SiteName::Kind::leading_wildcard: return (name.with_bare ? "." : "*.") + name.text;
        case ir::SiteName::Kind::trailing_wildcard: return name.text + ".*";
        case ir::SiteName::Kind::regex: return "~" + name.text;
        case ir::SiteName::Kind::exact: break;
    }
    return name.text;
}

// Names that an earlier server of this address took.
void check_names(Block& block, const ir::Site& site, const std::string& key, Address& address,
                 Span span) {
    for (const auto& name : site.names) {
        if (name.kind == ir::SiteName::Kind::regex) continue;
        auto [slot, is_new] = address.names.try_emplace(name_as_written(name), span);
        if (is_new) continue;
        block.sink.warning(
            span, "conflicting-name",
            fmt::format("conflicting server name \"{}\" on {}, ignored", slot->first, key),
            fmt::format("the server{} answers to it", block.run.at_line(slot->second)));
    }
}

}  // namespace

std::string site_name_of(const ir::Site& site) {
    return site.names.empty() ? std::string() : name_as_written(site.names.front());
}

void add_site(Block& block, ir::Site site, const ServerDraft& draft) {
    auto listens = draft.listens;
    if (listens.empty() && !block.in_stream()) {
        // Without listen: port 80 of every address.
        ListenOptions options;
        options.model.span = draft.span;
        ir::Endpoint endpoint;
        endpoint.ip.family = IpAddress::Family::v4;
        endpoint.port = 80;
        ir::Listener probe;
        probe.endpoint = endpoint;
        auto key = key_of(probe);
        address_of(block, key, options, endpoint);
        listens.push_back({std::move(key), false, draft.span});
    }
    auto id = static_cast<ir::SiteId>(block.config.sites.size());
    for (const auto& use : listens) {
        Address& address = block.names->addresses[use.key];
        check_names(block, site, use.key, address, draft.span);
        auto& listener = block.config.listeners[address.listener];
        listener.sites.push_back(id);
        // The first server is the default unless another says so.
        if (use.is_default || listener.default_site == ir::no_id) listener.default_site = id;
    }
    block.config.add(std::move(site));
}

}  // namespace weir::nginx
