// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "modules/cache_status/module.hpp"
#include "runtime/cache/parts.hpp"

namespace weir::modules::cache_status {

namespace {

std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (unsigned char byte : text) {
        if (byte == '"' || byte == '\\') out += '\\';
        if (byte < 0x20) out += fmt::format("\\u{:04x}", byte);
        else out += static_cast<char>(byte);
    }
    return out + "\"";
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (auto& letter : out) letter = static_cast<char>(letter | 0x20);
    return out;
}

std::string show(const route::Subject& subject, const ir::CacheStore& conf) {
    const auto& around = *subject.around;
    const auto entry = around.board->find(zone::Kind::cache, conf.name);
    auto sum = [&](auto member) -> std::uint64_t {
        return entry.slots ? entry.sum(around.board->workers(), member) : 0;
    };
    const auto parts = cache::parts_of(*around.config, conf, around.zones);
    const auto now = subject.now_us / 1000;
    cache::Store::Totals totals;
    bool cold = true;
    if (parts.index) {
        const cache::Store store(conf, parts);
        totals = store.totals(now);
        cold = !store.is_loaded(now);
    }
    using zone::Counters;
    const auto hits = sum(&Counters::cache_hits), lookups = sum(&Counters::cache_lookups);
    auto out = fmt::format("{}:{{\"size\":{}", quoted(conf.name), totals.bytes);
    if (conf.max_size != 0) out += fmt::format(",\"max_size\":{}", conf.max_size);
    out += fmt::format(",\"cold\":{},\"entries\":{},\"oldest_s\":{},\"hit_ratio\":{:.4f},\"hit\":{{\"responses\":{}}}",
                       cold, totals.files, totals.oldest / 1000,
                       lookups != 0 ? static_cast<double>(hits) / static_cast<double>(lookups) : 0.0, hits);
    for (std::size_t i = 0; i < zone::cache_others.size(); ++i) {
        std::uint64_t count = 0;
        if (entry.slots)
            for (std::uint32_t worker = 0; worker < around.board->workers(); ++worker)
                count += entry.mine(worker).cache_other[i].get();
        out += fmt::format(",\"{}\":{{\"responses\":{}}}", lower(zone::cache_others[i]), count);
    }
    return out + fmt::format(",\"bytes_from_cache\":{},\"bytes_from_servers\":{}}}", sum(&Counters::bytes_out),
                             sum(&Counters::bytes_in));
}

class Service final : public filter::Service {
public:
    filter::Answer serve(route::Subject& subject, const void*) const override {
        filter::Answer answer;
        const auto method = subject.request->method;
        if (method != http::Method::get && method != http::Method::head) {
            answer.status = 405;
            return answer;
        }
        std::string text = "{";
        if (subject.around->board)
            for (const auto& conf : subject.around->config->caches)
                if (!conf.in_memory) text += (text.size() > 1 ? "," : "") + show(subject, conf);
        answer.content_type = "application/json";
        answer.fields.add(*subject.arena, "Cache-Control", "no-store");
        answer.body = subject.arena->copy(text + "}\n");
        return answer;
    }
};

}  // namespace

const filter::Module& module() {
    static const Service service;
    static const filter::Module made{.name = "cache_status", .service = &service};
    return made;
}

}  // namespace weir::modules::cache_status
