// SPDX-License-Identifier: Apache-2.0
// Who gets which coding, as HAProxy decides: the request says what its client takes, the answer whether it
// may be changed. What the backend says goes before what the frontend says, item by item.
#include <algorithm>

#include "modules/compression/accept.hpp"
#include "modules/compression/haproxy_conf.hpp"
#include "modules/compression/module.hpp"
#include "modules/compression/rows.hpp"
#include "modules/compression/stream.hpp"

namespace weir::modules::compression {

namespace {

using http::FieldId;

bool begins_with(std::string_view text, std::string_view beginning) {
    return text.size() >= beginning.size() &&
           http::equal_ignoring_case(text.substr(0, beginning.size()), beginning);
}

// Browsers that say they take codings and break on them: Mozilla/4, but for MSIE 6 with XP's second
// service pack and its successors.
bool breaks(std::string_view agent) {
    if (!agent.starts_with("Mozilla/4")) return false;
    if (agent.size() < 31 || agent.substr(25, 5) != "MSIE " || agent[30] < '6') return true;
    return agent[30] == '6' && (agent.size() < 54 || agent.substr(51, 3) != "SV1");
}

enum class Tag : std::uint8_t { none, strong, weak, wrong };

// An entity tag (RFC 9110 section 8.8.3), as far as its quotes go.
Tag kind_of(std::string_view tag) {
    const bool weak = tag.starts_with("W/");
    auto opaque = tag.substr(weak ? 2 : 0);
    if (opaque.size() < 2 || opaque.front() != '"' || opaque.back() != '"') return Tag::wrong;
    opaque = opaque.substr(1, opaque.size() - 2);
    if (opaque.find('"') != std::string_view::npos) return Tag::wrong;
    return weak ? Tag::weak : Tag::strong;
}

// One tag that makes sense, or none at all.
bool tag_may_change(const http::FieldList& fields) {
    std::size_t count = 0;
    for (const auto& field : fields) {
        if (field.id != FieldId::etag) continue;
        if (++count > 1 || kind_of(field.value) == Tag::wrong) return false;
    }
    return true;
}

bool fits(const std::vector<std::string>& types, const http::FieldList& fields) {
    const auto* type = fields.find(FieldId::content_type);
    if (!type) return types.empty();
    if (begins_with(type->value, "multipart")) return false;
    return types.empty() || std::any_of(types.begin(), types.end(), [&](const std::string& one) {
        return begins_with(type->value, one);
    });
}

// Adds Accept-Encoding to Vary where no list has it: to the last one that is there.
void vary(route::Subject& subject, http::ResponseHead& reply) {
    if (lists_word(reply.fields, FieldId::vary, "accept-encoding")) return;
    auto& arena = *subject.arena;
    for (auto i = reply.fields.size(); i-- > 0;) {
        auto& field = reply.fields[i];
        if (field.id != FieldId::vary) continue;
        field.value = field.value.empty() ? "Accept-Encoding" : arena.join({field.value, ",Accept-Encoding"});
        field.line = {};
        return;
    }
    reply.fields.add(arena, "vary", "Accept-Encoding");
}

class CompressionFilter final : public filter::Filter {
public:
    explicit CompressionFilter(const CompressionConf& conf) : conf_(conf) {}

    bool on_forward(route::Subject& subject, http::RequestHead& request, filter::State*& state) override {
        auto& coding = subject.coding;
        if (std::exchange(coding.asked, true)) return false;
        const auto both = confs(subject);
        const auto chosen = choose(both, request);
        coding.chosen = chosen ? static_cast<std::int16_t>(*chosen) : std::int16_t{-1};
        if (chosen && *chosen != Coding::identity && (both.back->offload || both.front->offload))
            request.fields.remove(FieldId::accept_encoding);
        return begin_request(both, subject, request, state);
    }

    // Here it is decided, before rules change the type, the status or what caches may do.
    void on_response(route::Subject& subject, http::ResponseHead& response) override {
        auto& coding = subject.coding;
        if (!subject.request || coding.chosen < 0 || std::exchange(coding.settled, true)) return;
        const auto both = confs(subject);
        if (!(both.back->responses || both.front->responses) || !may_be_coded(both, subject, response))
            coding.chosen = -1;
    }

    bool on_reply(route::Subject& subject, http::ResponseHead& reply, filter::State*& state) override {
        auto& coding = subject.coding;
        if (!subject.request || !subject.reply_from_server || coding.chosen < 0) return false;
        const auto how = tuning(subject, static_cast<Coding>(std::exchange(coding.chosen, -1)));
        state = begin(subject, how, reply.framing == http::Framing::length ? reply.length : 0, may_remember(reply));
        if (!state) return false;
        coding.name = token_of(how.coding);
        vary(subject, reply);
        change_head(subject, reply);
        if (how.coding != Coding::identity)
            reply.fields.add(*subject.arena, "content-encoding", token_of(how.coding));
        return true;
    }

    void on_reply_body(route::Subject& subject, filter::State* state, filter::Passing& piece) override {
        subject.coding.in += piece.bytes.size();
        pass(state, piece);
        subject.coding.out += piece.bytes.size();
    }
    void on_request_body(route::Subject&, filter::State* state, filter::Passing& piece) override {
        pass(state, piece);
    }
    void on_body_end(filter::State* state) override { end(state); }

private:
    struct Both {
        const CompressionConf* back;
        const CompressionConf* front;
        // What the backend says, or the frontend where it says nothing.
        template <auto List>
        [[nodiscard]] const auto& either() const {
            return (back->*List).empty() ? front->*List : back->*List;
        }
    };
    [[nodiscard]] Both confs(const route::Subject& subject) const {
        const auto& uses = subject.site->settings.modules->by_name;
        auto found = uses.find("compression");
        const auto* front = found == uses.end() ? nullptr : static_cast<const CompressionConf*>(found->second.get());
        return {&conf_, front ? front : &conf_};
    }

    static std::optional<Coding> choose(const Both& both, const http::RequestHead& request) {
        const auto& codings = both.either<&CompressionConf::response_codings>();
        if (codings.empty()) return std::nullopt;
        std::optional<Coding> chosen;
        const auto* agent = request.fields.find(FieldId::user_agent);
        if (!agent || !breaks(agent->value)) chosen = wanted(codings, request.fields);
        // Identity is what everybody takes.
        const bool identity = std::find(codings.begin(), codings.end(), Coding::identity) != codings.end();
        if (!chosen && identity) chosen = Coding::identity;
        return chosen;
    }

    // The first of those that the client wants most.
    static std::optional<Coding> wanted(const std::vector<Coding>& codings, const http::FieldList& fields) {
        std::optional<Coding> chosen;
        int best = 0;
        for (const auto& field : fields) {
            if (field.id != FieldId::accept_encoding) continue;
            WeightedList list(field.value);
            for (Weighted one; list.next(one);) {
                if (one.weight <= best) continue;
                // What was written last goes first, as in HAProxy.
                auto found = std::find_if(codings.rbegin(), codings.rend(), [&](Coding coding) {
                    return one.word == "*" || http::equal_ignoring_case(one.word, token_of(coding));
                });
                if (found == codings.rend()) continue;
                chosen = *found;
                best = one.weight;
            }
        }
        return chosen;
    }

    static bool may_be_coded(const Both& both, const route::Subject& subject, const http::ResponseHead& reply) {
        using http::Framing;
        const auto& request = *subject.request;
        if (request.method == http::Method::head || request.is_http10()) return false;
        if (reply.major == 1 && reply.minor == 0) return false;
        if (reply.status < 200 || reply.status > 203) return false;
        if (reply.framing != Framing::length && reply.framing != Framing::chunked) return false;
        if (reply.fields.has(FieldId::content_encoding)) return false;
        if (lists_word(reply.fields, FieldId::cache_control, "no-transform")) return false;
        if (!tag_may_change(reply.fields)) return false;
        const auto least = both.back->response_min != 0 ? both.back->response_min : both.front->response_min;
        if (reply.framing == Framing::length && (reply.length == 0 || reply.length < least)) return false;
        return fits(both.either<&CompressionConf::response_types>(), reply.fields);
    }

    static bool begin_request(const Both& both, route::Subject& subject, http::RequestHead& request,
                              filter::State*& state) {
        using http::Framing;
        if (!both.back->requests && !both.front->requests) return false;
        const auto coding = both.back->request_coding ? both.back->request_coding : both.front->request_coding;
        if (!coding || *coding == Coding::identity || request.is_http10()) return false;
        if (request.framing != Framing::length && request.framing != Framing::chunked) return false;
        const auto least = both.back->request_min != 0 ? both.back->request_min : both.front->request_min;
        if (request.framing == Framing::length && (request.length == 0 || request.length < least)) return false;
        if (request.fields.has(FieldId::content_encoding)) return false;
        if (lists_word(request.fields, FieldId::cache_control, "no-transform")) return false;
        if (!fits(both.either<&CompressionConf::request_types>(), request.fields)) return false;
        state = begin(subject, tuning(subject, *coding), request.length);
        if (!state) return false;
        request.fields.add(*subject.arena, "content-encoding", token_of(*coding));
        return true;
    }

    static Tuning tuning(const route::Subject& subject, Coding coding) {
        Tuning how{.coding = coding};
        if (const auto* config = subject.around->config) {
            const auto& all = config->process.compression;
            how.level = all.level;
            how.window_bits = all.window_bits;
            how.memory_level = all.memory_level;
        }
        return how;
    }

    const CompressionConf& conf_;
};

}  // namespace

const filter::Module& compression_module() {
    static const filter::Module made{
        .name = "compression",
        .haproxy_rows = haproxy_rows(),
        .make_filter = [](const void* conf, route::Library&) -> std::unique_ptr<filter::Filter> {
            return std::make_unique<CompressionFilter>(*static_cast<const CompressionConf*>(conf));
        }};
    return made;
}

}  // namespace weir::modules::compression
