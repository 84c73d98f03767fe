// SPDX-License-Identifier: Apache-2.0
// Who gets which coding, as nginx decides: by the answer, by the way the request came, by what the client
// takes.
#include <algorithm>
#include <charconv>
#include <optional>

#include "modules/compression/accept.hpp"
#include "modules/compression/module.hpp"
#include "modules/compression/nginx_conf.hpp"
#include "modules/compression/rows.hpp"
#include "modules/compression/stream.hpp"
#include "runtime/http/conditional.hpp"

namespace weir::modules::compression {

namespace {

using http::FieldId;

// Internet Explorer 4 to 6, without the second service pack of Windows XP.
bool is_msie6(std::string_view agent) {
    auto at = agent.find("MSIE ");
    if (at == std::string_view::npos || at + 7 > agent.size() || agent[at + 6] != '.') return false;
    const char major = agent[at + 5];
    if (major == '4' || major == '5') return true;
    return major == '6' && agent.find("SV1", at) == std::string_view::npos;
}

// Whether an answer to a request that came through a proxy may be coded (gzip_proxied).
bool proxied_may(const GzipConf::Proxied& may, const route::Subject& subject, const http::ResponseHead* reply) {
    if (may.off) return false;
    if (may.any) return true;
    if (may.auth && subject.request->fields.has(FieldId::authorization)) return true;
    const bool nothing = !may.expired && !may.no_cache && !may.no_store && !may.is_private &&
                         !may.no_last_modified && !may.no_etag && !may.auth;
    if (nothing) return false;
    if (!reply) return true;   // a file that was coded beforehand: nothing is said of it yet
    if (const auto* expires = reply->fields.find(FieldId::expires)) {
        if (!may.expired) return false;
        const auto at = http::parse_date(expires->value);
        if (at < 0) return false;
        const auto* date = reply->fields.find(FieldId::date);
        return at < (date ? http::parse_date(date->value) : subject.wall_ms / 1000);
    }
    if (reply->fields.has(FieldId::cache_control)) {
        auto says = [&](std::string_view word) { return lists_word(reply->fields, FieldId::cache_control, word); };
        return (may.no_cache && says("no-cache")) || (may.no_store && says("no-store")) ||
               (may.is_private && says("private"));
    }
    if (may.no_last_modified && reply->fields.has(FieldId::last_modified)) return false;
    return !(may.no_etag && reply->fields.has(FieldId::etag));
}

// What both filters ask of a request.
class Client {
public:
    Client(const GzipConf& conf, route::Library& library) : conf_(conf) {
        if (conf.agents.empty()) return;
        agents_test_ = one_of(conf.agents);
        agents_ = library.compile(agents_test_);
    }
    [[nodiscard]] bool may_get(route::Subject& subject, const http::ResponseHead* reply) const {
        const auto& request = *subject.request;
        if (subject.inner || !request.fields.seen(FieldId::accept_encoding)) return false;
        if (request.is_http10() && !conf_.for_http10) return false;
        if (conf_.not_msie6) {
            const auto* agent = request.fields.find(FieldId::user_agent);
            if (agent && is_msie6(agent->value)) return false;
        }
        if (request.fields.has(FieldId::via) && !proxied_may(conf_.proxied, subject, reply)) return false;
        return agents_.empty() || !agents_.holds(subject);
    }

private:
    // User-Agent matches one of the regexes.
    static ir::Expr one_of(const std::vector<std::string>& regexes) {
        ir::PatternSet patterns{.how = ir::PatternSet::How::regex, .ignore_case = true};
        patterns.texts = regexes;
        ir::Expr agent{.op = ir::Expr::Op::fetch, .type = ir::Type::bytes, .needs = ir::Phase::request};
        agent.fetch = ir::Fetch::request_header;
        agent.text = "user-agent";
        ir::Expr test{.op = ir::Expr::Op::match, .type = ir::Type::boolean, .needs = ir::Phase::request};
        test.in.push_back(std::move(agent));
        test.patterns = std::make_shared<ir::PatternSet>(std::move(patterns));
        return test;
    }

    const GzipConf& conf_;
    ir::Expr agents_test_;   // the program below looks into it
    route::Program agents_;
};

class GzipFilter final : public filter::Filter {
public:
    GzipFilter(const GzipConf& conf, route::Library& library) : conf_(conf), client_(conf, library) {
        for (const auto& kind : conf.kinds) looks_for_files_ |= kind.stored != GzipConf::Kind::Stored::off;
    }

    void on_file(route::Subject& subject, filter::StoredCodings& stored) override {
        using Stored = GzipConf::Kind::Stored;
        if (!looks_for_files_) return;
        constexpr std::string_view suffixes[] = {".br", ".zst", ".gz"};
        int weights[GzipConf::count] = {};
        std::size_t order[GzipConf::count] = {0, 1, 2};
        for (auto which : order) {
            const auto& kind = conf_.kinds[which];
            if (kind.stored == Stored::always) weights[which] = 1;
            auto weight = may_get(kind, subject, nullptr) ? weight_of(subject.request->fields, token_of(kind.tuning.coding)) : 0;
            if (kind.stored != Stored::off) weights[which] = std::max(weights[which], weight);
        }
        std::stable_sort(std::begin(order), std::end(order),
                         [&](std::size_t a, std::size_t b) { return weights[a] > weights[b]; });
        for (auto which : order) {
            const auto& kind = conf_.kinds[which];
            // One that the client does not take is looked for only where Vary is to tell of it.
            if (kind.stored == Stored::off || (weights[which] == 0 && !conf_.vary)) continue;
            stored.add({.suffix = suffixes[which],
                        .coding = token_of(kind.tuning.coding),
                        .accepted = weights[which] != 0,
                        .varies = kind.stored == Stored::on});
        }
    }

    bool on_reply(route::Subject& subject, http::ResponseHead& reply, filter::State*& state) override {
        if (!subject.request || subject.inner) return false;
        bool varies = subject.coding.varies;
        const GzipConf::Kind* chosen = nullptr;
        if (may_be_coded(reply)) chosen = choose(subject, reply, varies);
        if (conf_.vary && varies) reply.fields.add_front(*subject.arena, {.name = "Vary", .value = "Accept-Encoding", .id = FieldId::vary});
        return chosen && begin_reply(*chosen, subject, reply, state);
    }

    void on_reply_body(route::Subject& subject, filter::State* state, filter::Passing& piece) override {
        subject.coding.in += piece.bytes.size();
        pass(state, piece);
        subject.coding.out += piece.bytes.size();
    }
    [[nodiscard]] bool takes_additions() const override { return true; }
    void on_body_end(filter::State* state) override { end(state); }

private:
    static bool may_be_coded(const http::ResponseHead& reply) {
        if (reply.status != 200 && reply.status != 403 && reply.status != 404) return false;
        const auto* coded = reply.fields.find(FieldId::content_encoding);
        return !coded || coded->value.empty();
    }

    // As far as it is told; none else. An answer to HEAD tells what the one to GET has.
    static std::optional<std::uint64_t> length_of(const http::ResponseHead& reply) {
        if (reply.framing == http::Framing::length) return reply.length;
        const auto* told = reply.fields.find(FieldId::content_length);
        std::uint64_t length = 0;
        if (!told) return std::nullopt;
        const auto* end = told->value.data() + told->value.size();
        if (std::from_chars(told->value.data(), end, length).ptr != end) return std::nullopt;
        return length;
    }

    // The modules of brotli and zstd go by Accept-Encoding alone; the rest is gzip's.
    bool may_get(const GzipConf::Kind& kind, route::Subject& subject, const http::ResponseHead* reply) const {
        return kind.tuning.coding == Coding::gzip ? client_.may_get(subject, reply) : !subject.inner;
    }

    // Of those that suit this answer the one that the client wants most.
    const GzipConf::Kind* choose(route::Subject& subject, const http::ResponseHead& reply, bool& varies) const {
        const auto type = type_of(reply);
        if (type.empty()) return nullptr;
        const auto length = length_of(reply);
        const GzipConf::Kind* chosen = nullptr;
        int best = 0;
        for (const auto& kind : conf_.kinds) {
            if (!kind.on) continue;
            if (length && *length < kind.min_length) continue;
            if (std::none_of(kind.types.begin(), kind.types.end(), [&](const std::string& one) {
                    return one == "*" || http::equal_ignoring_case(one, type);
                }))
                continue;
            varies = true;
            auto weight = weight_of(subject.request->fields, token_of(kind.tuning.coding));
            if (weight <= best || !may_get(kind, subject, &reply)) continue;
            best = weight;
            chosen = &kind;
        }
        return chosen;
    }

    static bool begin_reply(const GzipConf::Kind& kind, route::Subject& subject, http::ResponseHead& reply,
                            filter::State*& state) {
        // An answer to HEAD looks like the one to GET, and has no body to be compressed.
        if (subject.request->method != http::Method::head) {
            state = begin(subject, kind.tuning, length_of(reply).value_or(0), may_remember(reply));
            if (!state) return false;
            subject.coding.name = token_of(kind.tuning.coding);
        }
        change_head(subject, reply);
        reply.fields.remove(FieldId::accept_ranges);
        reply.fields.set(*subject.arena, "Content-Encoding", token_of(kind.tuning.coding));
        return true;
    }

    const GzipConf& conf_;
    Client client_;
    bool looks_for_files_ = false;
};

struct Unpacking : filter::State {
    Decoder* decoder = nullptr;
};

class GunzipFilter final : public filter::Filter {
public:
    GunzipFilter(const GzipConf& conf, route::Library& library) : client_(conf, library) {}

    bool on_reply(route::Subject& subject, http::ResponseHead& reply, filter::State*& state) override {
        if (!subject.request) return false;
        const auto* coded = reply.fields.find(FieldId::content_encoding);
        if (!coded || !http::equal_ignoring_case(coded->value, "gzip")) return false;
        const bool bodiless = reply.status < 200 || reply.status == 204 || reply.status == 304;
        if (bodiless || (reply.framing == http::Framing::length && reply.length == 0)) return false;
        subject.coding.varies = true;
        const auto& fields = subject.request->fields;
        if (client_.may_get(subject, &reply) && weight_of(fields, "gzip") != 0) return false;
        if (subject.request->method != http::Method::head) {
            auto* decoder = take_decoder(memory_bound(subject));
            if (!decoder) return false;
            auto* unpacking = subject.arena->make<Unpacking>();
            unpacking->decoder = decoder;
            state = unpacking;
        }
        change_head(subject, reply);
        reply.fields.remove(FieldId::accept_ranges);
        reply.fields.remove(FieldId::content_encoding);
        return true;
    }

    void on_reply_body(route::Subject&, filter::State* state, filter::Passing& piece) override {
        auto made = run(*static_cast<Unpacking*>(state)->decoder, piece.bytes, piece.last);
        piece.bytes = made.bytes;
        piece.more = made.more;
        piece.failed = made.failed;
    }
    void on_body_end(filter::State* state) override {
        if (state) give_back(std::exchange(static_cast<Unpacking*>(state)->decoder, nullptr));
    }

private:
    Client client_;
};

const GzipConf& conf_of(const void* conf) { return *static_cast<const GzipConf*>(conf); }

}  // namespace

const filter::Module& gunzip_module() {
    static const filter::Module made{
        .name = "gunzip",
        .conf = "gzip",
        .make_filter = [](const void* conf, route::Library& library) -> std::unique_ptr<filter::Filter> {
            if (!conf_of(conf).gunzip) return nullptr;
            return std::make_unique<GunzipFilter>(conf_of(conf), library);
        }};
    return made;
}

const filter::Module& gzip_module() {
    static const filter::Module made{
        .name = "gzip",
        .nginx_rows = nginx_rows(),
        .make_filter = [](const void* conf, route::Library& library) -> std::unique_ptr<filter::Filter> {
            const auto& own = conf_of(conf);
            bool any = own.gunzip && own.vary;   // gunzip leaves Vary to this one
            for (const auto& kind : own.kinds) any = any || kind.on || kind.stored != GzipConf::Kind::Stored::off;
            if (!any) return nullptr;
            return std::make_unique<GzipFilter>(own, library);
        }};
    return made;
}

}  // namespace weir::modules::compression
