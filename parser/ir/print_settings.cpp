// SPDX-License-Identifier: Apache-2.0
// The inherited groups. Each is printed as a block of its own; a child prints a group only when it
// differs from its parent's, and then whole, so that a block never needs a second look elsewhere.
#include "parser/ir/printer.hpp"

namespace weir::ir::printing {

namespace {

using Group = Printer;   // a printer that gathers the lines of one group

void put(Group& to, const Timeouts& t) {
    const Timeouts d;
    to.field("request_head", t.request_head, d.request_head);
    to.field("client_read", t.client_read, d.client_read);
    to.field("client_send", t.client_send, d.client_send);
    to.field("keepalive", t.keepalive, d.keepalive);
    to.field("lingering", t.lingering, d.lingering);
    to.field("client_fin", t.client_fin, d.client_fin);
    to.field("connect", t.connect, d.connect);
    to.field("queue", t.queue, d.queue);
    to.field("server_read", t.server_read, d.server_read);
    to.field("server_send", t.server_send, d.server_send);
    to.field("server_fin", t.server_fin, d.server_fin);
    to.field("tunnel", t.tunnel, d.tunnel);
    to.field("tarpit", t.tarpit, d.tarpit);
    to.field("inspect", t.inspect, d.inspect);
    to.field("proxy_header", t.proxy_header, d.proxy_header);
    to.field("check", t.check, d.check);
}

void put(Group& to, const ClientLimits& c) {
    const ClientLimits d;
    to.field("max_body", c.max_body, d.max_body);
    to.field("max_line", c.max_line, d.max_line);
    to.field("max_head", c.max_head, d.max_head);
    to.field("max_fields", c.max_fields, d.max_fields);
    to.field("body_buffer", c.body_buffer, d.body_buffer);
    to.field("body_folder", c.body_folder, d.body_folder);
    if (c.body_file != d.body_file)
        to.line("body_file {}", c.body_file == ClientLimits::BodyFile::kept ? "kept" : "clean");
    to.field("underscores", c.underscores, d.underscores);
    to.field("drop_invalid", c.drop_invalid, d.drop_invalid);
    to.field("merge_slashes", c.merge_slashes, d.merge_slashes);
    to.field("upper_case_methods", c.upper_case_methods, d.upper_case_methods);
    to.field("fragments", c.fragments, d.fragments);
    to.field("fragment_behind_host", c.fragment_behind_host, d.fragment_behind_host);
    to.field("target_host_wins", c.target_host_wins, d.target_host_wins);
    to.field("refuse_status", c.refuse_status, d.refuse_status);
    to.field("reads_hello", c.reads_hello, d.reads_hello);
    to.field("preread_buffer", c.preread_buffer, d.preread_buffer);
}

void put(Group& to, const RealAddress& r) {
    const RealAddress d;
    for (const auto& network : r.trusted)
        to.line("trusted {}/{}", to_string(network.address), network.bits);
    to.field("trusts_unix", r.trusts_unix, d.trusts_unix);
    to.field("from_proxy_header", r.from_proxy_header, d.from_proxy_header);
    to.field("field", r.field, d.field);
    to.field("recursive", r.recursive, d.recursive);
}

void put(Group& to, const KeepAlive& k) {
    const KeepAlive d;
    to.field("on", k.on, d.on);
    to.field("max_requests", k.max_requests, d.max_requests);
    to.field("max_time", k.max_time, d.max_time);
    to.field("header", k.header, d.header);
    to.field("reset_timed_out", k.reset_timed_out, d.reset_timed_out);
    if (k.linger != d.linger)
        to.line("linger {}", k.linger == KeepAlive::Linger::off ? "off" : "always");
    to.field("linger_time", k.linger_time, d.linger_time);
}

void put(Group& to, const Http2& h) {
    const Http2 d;
    to.field("on", h.on, d.on);
    to.field("max_streams", h.max_streams, d.max_streams);
    to.field("window", h.window, d.window);
    to.field("chunk", h.chunk, d.chunk);
    to.field("max_frame", h.max_frame, d.max_frame);
    to.field("table", h.table, d.table);
    to.field("glitches", h.glitches, d.glitches);
    to.field("total_streams", h.total_streams, d.total_streams);
    to.field("extended_connect", h.extended_connect, d.extended_connect);
}

void put(Group& to, const ReplyStyle& s) {
    const ReplyStyle d;
    to.field("server_field", s.server_field);
    to.field("date_field", s.date_field, d.date_field);
    if (s.pages != d.pages) to.line("pages haproxy");
    to.field("default_type", s.default_type, d.default_type);
    if (!s.charset.empty()) to.line("charset {}", show(s.charset, to.config));
    if (!s.source_charset.empty()) to.line("source_charset {}", show(s.source_charset, to.config));
    to.field("override_charset", s.override_charset, d.override_charset);
    if (s.charset_types != d.charset_types) to.each("charset_type", s.charset_types);
    to.field("absolute_redirect", s.absolute_redirect, d.absolute_redirect);
    to.field("port_in_redirect", s.port_in_redirect, d.port_in_redirect);
    to.field("site_name_in_redirect", s.site_name_in_redirect, d.site_name_in_redirect);
    to.field("tell_timeouts", s.tell_timeouts, d.tell_timeouts);
    to.field("chunk_unsized", s.chunk_unsized, d.chunk_unsized);
    to.field("head_shows_chunks", s.head_shows_chunks, d.head_shows_chunks);
}

void put(Group& to, const ForwardSettings::Retry& r) {
    const ForwardSettings::Retry d;
    to.field("retry.error", r.error, d.error);
    to.field("retry.timeout", r.timeout, d.timeout);
    to.field("retry.invalid_header", r.invalid_header, d.invalid_header);
    to.field("retry.non_idempotent", r.non_idempotent, d.non_idempotent);
    to.field("retry.stale", r.stale, d.stale);
    to.field("retry.connect", r.connect, d.connect);
    to.field("retry.empty_response", r.empty_response, d.empty_response);
    to.field("retry.junk_response", r.junk_response, d.junk_response);
    to.field("retry.early_data", r.early_data, d.early_data);
    for (auto status : r.statuses) to.line("retry.status {}", status);
    to.field("retry.tries", r.tries, d.tries);
    to.field("retry.time", r.time, d.time);
    to.field("retry.next_server", r.next_server, d.next_server);
    to.field("retry.redispatch", r.redispatch, d.redispatch);
}

const char* name_of(ForwardSettings::Reuse reuse) {
    using Reuse = ForwardSettings::Reuse;
    switch (reuse) {
        case Reuse::never: return "never";
        case Reuse::safe: return "safe";
        case Reuse::aggressive: return "aggressive";
        case Reuse::always: return "always";
    }
    return "?";
}

template <class Rewrite>
std::string rewrite_of(const Rewrite& rewrite, const Config& config) {
    return fmt::format("{}{}{} to {}", rewrite.regex ? "regex " : "",
                       rewrite.ignore_case ? "any_case " : "", show(rewrite.from, config),
                       show(rewrite.to, config));
}

void put_rewrites(Group& to, const ForwardSettings& f) {
    for (const auto& rewrite : f.redirects) {
        if (rewrite.standard)
            to.line("redirect standard");
        else
            to.line("redirect {}", rewrite_of(rewrite, to.config));
    }
    using What = ForwardSettings::CookieRewrite::What;
    for (const auto& rewrite : f.cookies) {
        const char* what = rewrite.what == What::domain ? "domain"
                           : rewrite.what == What::path ? "path"
                                                        : "flags";
        to.line("cookie {} {}", what, rewrite_of(rewrite, to.config));
    }
}

const char* name_of(ForwardSettings::Protocol protocol) {
    using Protocol = ForwardSettings::Protocol;
    switch (protocol) {
        case Protocol::http: return "http";
        case Protocol::fastcgi: return "fastcgi";
        case Protocol::scgi: return "scgi";
        case Protocol::uwsgi: return "uwsgi";
    }
    return "?";
}

void put_request(Group& to, const ForwardSettings& f) {
    const ForwardSettings d;
    if (f.protocol != d.protocol) to.line("protocol {}", name_of(f.protocol));
    for (const auto& param : f.params)
        to.line("param {} {}{}", show(param.name), show(param.value, to.config),
                param.if_not_empty ? " if_not_empty" : "");
    to.each("error_mark", f.error_marks);
    to.field("modifier1", f.modifier1, d.modifier1);
    to.field("modifier2", f.modifier2, d.modifier2);
    for (const auto& edit : f.set_fields)
        to.line("set_field {} {}", show(edit.name), show(edit.value, to.config));
    to.field("pass_version", f.pass_version, d.pass_version);
    to.field("pass_request_fields", f.pass_request_fields, d.pass_request_fields);
    to.field("pass_request_body", f.pass_request_body, d.pass_request_body);
    to.field("body", f.body);
    to.field("method", f.method);
    to.field("http_minor", f.http_minor, d.http_minor);
    to.field("http2", f.http2, d.http2);
    to.field("http2.header_table", f.http2_limits.header_table, d.http2_limits.header_table);
    to.field("http2.window", f.http2_limits.window, d.http2_limits.window);
    to.field("http2.max_frame", f.http2_limits.max_frame, d.http2_limits.max_frame);
    to.field("http2.max_streams", f.http2_limits.max_streams, d.http2_limits.max_streams);
    to.field("http2.max_idle_frames", f.http2_limits.max_idle_frames, d.http2_limits.max_idle_frames);
    to.field("target_as_authority", f.target_as_authority, d.target_as_authority);
    to.field("pass_te", f.pass_te, d.pass_te);
    to.field("preserve_host", f.preserve_host, d.preserve_host);
    to.field("pass_upgrade", f.pass_upgrade, d.pass_upgrade);
    to.field("timed_while_sending", f.timed_while_sending, d.timed_while_sending);
    to.field("pass_trailers", f.pass_trailers, d.pass_trailers);
    to.field("pass_expect", f.pass_expect, d.pass_expect);
    to.field("pass_interim", f.pass_interim, d.pass_interim);
    for (const auto& value : f.early_hints) to.line("early_hints {}", show(value, to.config));
    to.field("pass_chunks", f.pass_chunks, d.pass_chunks);
    to.field("keep_server_connection", f.keep_server_connection, d.keep_server_connection);
    if (f.reuse != d.reuse) to.line("reuse {}", name_of(f.reuse));
    to.field("hang_up_on_stale", f.hang_up_on_stale, d.hang_up_on_stale);
    to.field("close_server_connection", f.close_server_connection, d.close_server_connection);
    to.field("forwarded_for_field", f.forwarded_for_field, d.forwarded_for_field);
    for (const auto& network : f.forwarded_for_except)
        to.line("forwarded_for_except {}/{}", to_string(network.address), network.bits);
    to.field("forwarded_for_if_none", f.forwarded_for_if_none, d.forwarded_for_if_none);
    to.field("buffer_request", f.buffer_request, d.buffer_request);
}

void put(Group& to, const ForwardSettings& f) {
    const ForwardSettings d;
    put_request(to, f);
    to.field("buffer_size", f.buffer_size, d.buffer_size);
    to.field("ignore_client_abort", f.ignore_client_abort, d.ignore_client_abort);
    to.field("intercept_errors", f.intercept_errors, d.intercept_errors);
    to.each("hide_field", f.hide_fields);
    to.each("pass_field", f.pass_fields);
    to.field("hide_nginx_fields", f.hide_nginx_fields, d.hide_nginx_fields);
    to.field("force_ranges", f.force_ranges, d.force_ranges);
    to.field("accel_redirect", f.accel_redirect, d.accel_redirect);
    to.each("ignore_field", f.ignore_fields);
    put(to, f.retry);
    to.field("no_server_status", f.no_server_status, d.no_server_status);
    to.field("connect_error_status", f.connect_error_status, d.connect_error_status);
    to.field("connect_timeout_status", f.connect_timeout_status, d.connect_timeout_status);
    put_rewrites(to, f);
    to.field("bind_address", f.bind_address);
    to.field("bind_transparent", f.bind_transparent, d.bind_transparent);
    to.field("socket_keepalive", f.socket_keepalive, d.socket_keepalive);
    to.field("send_proxy_header", f.send_proxy_header, d.send_proxy_header);
    to.field("original_to_field", f.original_to_field, d.original_to_field);
    for (const auto& network : f.original_to_except)
        to.line("original_to_except {}/{}", to_string(network.address), network.bits);
    to.field("limit_rate", f.limit_rate, d.limit_rate);
    to.field("upload_rate", f.upload_rate, d.upload_rate);
    to.field("download_rate", f.download_rate, d.download_rate);
    to.field("udp_responses", f.udp_responses, d.udp_responses);
    to.field("udp_requests", f.udp_requests, d.udp_requests);
    to.field("half_close", f.half_close, d.half_close);
    to.field("over_tls", f.over_tls, d.over_tls);
    to.field("store", f.store);
    if (f.store_access != d.store_access) to.line("store_access {:o}", f.store_access);
    to.server_tls(*f.tls);
}

void put(Group& to, const ScriptNames& s) {
    to.field("index", s.index, std::string());
    to.field("split", s.split, std::string());
}

void put(Group& to, const ReplyFields& fields) {
    auto one = [&](const char* kind, const ReplyField& field) {
        to.line("{} {} {}{}{}", kind, show(field.name), show(field.value, to.config),
                field.always ? " always" : "", field.replace ? " replace" : "");
    };
    for (const auto& field : fields.list) one("field", field);
    for (const auto& field : fields.trailers) one("trailer", field);
    using How = ReplyFields::Expiry::How;
    const auto& expiry = fields.expiry;
    switch (expiry.how) {
        case How::off: break;
        case How::epoch: to.line("expires epoch"); break;
        case How::longest: to.line("expires longest"); break;
        case How::from_now: to.line("expires {}s", expiry.time.count()); break;
        case How::from_file: to.line("expires {}s from_file", expiry.time.count()); break;
        case How::daily: to.line("expires daily {}s", expiry.time.count()); break;
        case How::computed: to.line("expires computed {}", show(expiry.value, to.config)); break;
    }
}

std::string content_of(const ErrorPage& page, const Config& config) {
    struct Content {
        const Config& config;
        std::string operator()(const ErrorPage::Whole& page) const { return show(*page.message); }
        std::string operator()(const ErrorPage::Internal& page) const {
            return (page.named ? "named " : "internal ") + show(page.uri, config);
        }
        std::string operator()(const ErrorPage::Redirect& redirect) const {
            return fmt::format("redirect {} {}", redirect.status, show(redirect.target, config));
        }
        std::string operator()(const ErrorPage::Made& page) const { return show(Action(*page.respond), config); }
    };
    return std::visit(Content{config}, page.what);
}

void put(Group& to, const ErrorPages& pages) {
    for (const auto& page : pages.list) {
        std::string statuses;
        for (auto status : page.statuses) statuses += fmt::format(" {}", status);
        to.line("page{}{}{} {}", statuses,
                page.new_status ? fmt::format(" as {}", *page.new_status) : std::string(),
                page.take_status ? " as the page answers" : "", content_of(page, to.config));
    }
    to.field("recursive", pages.recursive, false);
}

void put(Group& to, const LogSettings& logs) {
    const LogSettings d;
    for (const auto& log : logs.access) to.access_log("access", log);
    for (const auto& log : logs.errors) to.error_log(log);
    to.field("dont_log_null", logs.dont_log_null, d.dont_log_null);
    to.field("dont_log_normal", logs.dont_log_normal, d.dont_log_normal);
    to.field("log_asap", logs.log_asap, d.log_asap);
    to.field("separate_errors", logs.separate_errors, d.separate_errors);
}

// A module's configuration is its own matter; that it is used is a fact of the IR.
void put(Group& to, const ModuleUses& uses) {
    for (const auto& [name, conf] : uses.by_name) to.line("{}", name);
}

void put(Group& to, const NameServers& n) {
    const NameServers d;
    for (const auto& server : n.list) to.line("server {}", to_string(server));
    to.field("of_system", n.of_system, d.of_system);
    to.field("ipv4", n.ipv4, d.ipv4);
    to.field("ipv6", n.ipv6, d.ipv6);
    if (n.valid) to.line("valid {}", show(*n.valid));
    to.field("timeout", n.timeout, d.timeout);
}

void put(Group& to, const TlsProfile& profile) { to.tls_profile(profile); }

void put(Group& to, const FileSettings& f) {
    const FileSettings d;
    if (!f.root.is_literal() || f.root.literal() != d.root.literal()) to.field("root", f.root);
    to.field("is_alias", f.is_alias, d.is_alias);
    to.field("root_is_whole", f.root_is_whole, d.root_is_whole);
    to.field("left_out", f.left_out, d.left_out);
    bool usual = f.index.size() == 1 && f.index[0].is_literal() && f.index[0].literal() == "index.html";
    for (const auto& name : f.index)
        if (!usual) to.field("index", name);
    to.field("etag", f.etag, d.etag);
    if (f.if_modified != d.if_modified)
        to.line("if_modified {}", f.if_modified == FileSettings::IfModified::off ? "off" : "before");
    to.field("max_ranges", f.max_ranges, d.max_ranges);
    to.field("log_not_found", f.log_not_found, d.log_not_found);
    to.field("listing.shown", f.listing.shown, d.listing.shown);
    to.field("listing.exact_size", f.listing.exact_size, d.listing.exact_size);
    to.field("listing.local_time", f.listing.local_time, d.listing.local_time);
    static constexpr const char* formats[] = {"html", "xml", "json", "jsonp"};
    if (f.listing.format != d.listing.format)
        to.line("listing.format {}", formats[static_cast<std::size_t>(f.listing.format)]);
    to.field("random_index", f.random_index, d.random_index);
    if (f.links != d.links)
        to.line("links {}", f.links == FileSettings::Links::refuse ? "refuse" : "same_owner");
    to.field("links_from", f.links_from);
    to.field("by_threads", f.by_threads, d.by_threads);
}

void put(Group& to, const AccessSettings& a) {
    const AccessSettings d;
    using Who = AccessSettings::Rule::Who;
    for (const auto& rule : a.addresses) {
        std::string who = rule.who == Who::all           ? "all"
                          : rule.who == Who::unix_socket ? "unix"
                                                         : fmt::format("{}/{}", to_string(rule.network.address), rule.network.bits);
        to.line("{} {}", rule.allow ? "allow" : "deny", who);
    }
    to.field("any", a.any, d.any);
    to.field("realm", a.realm);
    to.field("users", a.users);
    to.field("ask_uri", a.ask_uri, d.ask_uri);
    for (const auto& note : a.notes)
        to.line("note {} {}", show(to.config.variables[note.slot].name), show(note.value, to.config));
    to.field("delay", a.delay, d.delay);
}

void put(Group& to, const InnerRequests& i) {
    const InnerRequests d;
    to.each("mirror", i.mirrors);
    to.field("mirror_body", i.mirror_body, d.mirror_body);
    to.field("before", i.before, d.before);
    to.field("after", i.after, d.after);
    if (i.addition_types != d.addition_types) to.each("addition_type", i.addition_types);
    to.field("logged", i.logged, d.logged);
    to.field("afterwards", i.afterwards, d.afterwards);
    to.field("most_kept", i.most_kept, d.most_kept);
}

void put(Group& to, const Includes& i) {
    const Includes d;
    to.field("on", i.on, d.on);
    if (i.types != d.types) to.each("type", i.types);
    to.field("silent", i.silent, d.silent);
    to.field("keeps_dates", i.keeps_dates, d.keeps_dates);
    to.field("most_value", i.most_value, d.most_value);
}

void put(Group& to, const ReplyRate& r) {
    to.field("rate", r.rate);
    to.field("after", r.after);
}

void put(Group& to, const CacheSettings& c) { to.cache_settings(c); }

template <class T>
std::string lines_of(const Shared<T>& group, const Config& config) {
    Group gathered(config);
    put(gathered, *group);
    return std::move(gathered.out);
}

}  // namespace

void Printer::settings_group(const char* name, const std::string& mine,
                             const std::string& parent) {
    if (mine == parent) return;
    if (mine.empty()) return line("{} built-in", name);
    line("{}", name);
    Deeper deeper(*this);
    for (std::size_t at = 0; at < mine.size();) {
        auto end = mine.find('\n', at);
        line("{}", mine.substr(at, end - at));
        at = end + 1;
    }
}

void Printer::settings(const Settings& mine, const Settings& parent) {
    auto group = [&](const char* name, const auto& own, const auto& above) {
        if (own.identity() == above.identity()) return;
        settings_group(name, lines_of(own, config), lines_of(above, config));
    };
    group("timeouts", mine.timeouts, parent.timeouts);
    group("limits", mine.limits, parent.limits);
    group("keepalive", mine.keepalive, parent.keepalive);
    group("http2", mine.http2, parent.http2);
    group("style", mine.style, parent.style);
    group("forwarding", mine.forward, parent.forward);
    group("script", mine.script, parent.script);
    group("name_servers", mine.name_servers, parent.name_servers);
    group("real_address", mine.real_address, parent.real_address);
    group("reply_fields", mine.reply_fields, parent.reply_fields);
    group("reply_rate", mine.reply_rate, parent.reply_rate);
    group("error_pages", mine.error_pages, parent.error_pages);
    group("logs", mine.logs, parent.logs);
    group("files", mine.files, parent.files);
    group("access", mine.access, parent.access);
    group("inner", mine.inner, parent.inner);
    group("cache", mine.cache, parent.cache);
    group("includes", mine.includes, parent.includes);
    group("modules", mine.modules, parent.modules);
    group("tls", mine.tls, parent.tls);
}

void Printer::error_log(const ErrorLog& log) {
    line("error_log {} level {}", show(log.target, config), log.level);
}

void Printer::access_log(const char* what, const AccessLog& log) {
    const AccessLog plain;
    line("{} {}", what, show(log.target, config));
    Deeper deeper(*this);
    field("format", log.format);
    field("error_format", log.error_format);
    if (log.when) line("when {}", show(*log.when, config));
    field("buffer", log.buffer, plain.buffer);
    field("flush", log.flush, plain.flush);
    field("gzip", log.gzip, plain.gzip);
    field("min_level", log.min_level, plain.min_level);
    field("max_level", log.max_level, plain.max_level);
    field("level", log.level, plain.level);
}

std::string show(const LogTarget& target, const Config& config) {
    using Kind = LogTarget::Kind;
    std::string out;
    switch (target.kind) {
        case Kind::none: return "none";
        case Kind::file: out = "file"; break;
        case Kind::standard_error: out = "stderr"; break;
        case Kind::standard_output: out = "stdout"; break;
        case Kind::descriptor: out = fmt::format("descriptor {}", target.descriptor); break;
        case Kind::syslog: out = "syslog"; break;
    }
    if (!target.path.empty()) out += " " + show(target.path);
    if (!target.dynamic_path.empty()) out += " " + show(target.dynamic_path, config);
    const LogTarget plain;
    static constexpr const char* formats[] = {"rfc3164", "rfc5424", "local", "raw",
                                              "timed",   "short",   "iso"};
    if (target.format != plain.format)
        out += fmt::format(" format {}", formats[static_cast<std::size_t>(target.format)]);
    if (target.facility != plain.facility) out += fmt::format(" facility {}", target.facility);
    if (!target.tag.empty()) out += " tag " + show(target.tag);
    if (!target.host_name.empty()) out += " host " + show(target.host_name);
    if (target.max_length != plain.max_length) out += fmt::format(" length {}", target.max_length);
    if (target.sample_size != 0)
        out += fmt::format(" sample {}-{}:{}", target.sample_low, target.sample_high,
                           target.sample_size);
    return out;
}

}  // namespace weir::ir::printing
