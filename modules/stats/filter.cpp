// SPDX-License-Identifier: Apache-2.0
// Answers the requests that begin with the page's URI: password, form, refresh.
#include "modules/stats/module.hpp"
#include "modules/stats/rows.hpp"
#include "modules/stats/table.hpp"
#include "runtime/version.hpp"

namespace weir::modules::stats {

namespace {

constexpr std::string_view unauthorized =
    "<html><body><h1>401 Unauthorized</h1>\n"
    "You need a valid user and password to access this content.\n</body></html>\n";

bool has_option(std::string_view options, std::string_view name) {
    return options.find(name) != std::string_view::npos;
}

class Page final : public filter::Filter {
public:
    explicit Page(const Conf& conf) : conf_(conf) {}

    filter::Verdict on_request(route::Subject& subject, filter::Answer& answer) override {
        if (!subject.request || !subject.around->config) return filter::Verdict::next;
        const auto target = target_of(subject);
        if (!target.starts_with(conf_.uri)) return filter::Verdict::next;
        const auto method = subject.request->method;
        if (method != http::Method::get && method != http::Method::head &&
            method != http::Method::post)
            return filter::Verdict::next;
        auto& arena = *subject.arena;
        answer.fields.add(arena, "cache-control", "no-cache");
        if (!admits(subject)) {
            answer.status = 401;
            answer.content_type = "text/html";
            answer.fields.add(arena, "www-authenticate",
                              arena.join({"Basic realm=\"", conf_.realm, "\""}));
            answer.body = unauthorized;
        } else if (method == http::Method::post) {
            // Changes need "stats admin".
            answer.status = 303;
            answer.content_type = "text/plain";
            answer.fields.add(arena, "location", arena.join({conf_.uri, ";st=DENY"}));
        } else {
            show(subject, target.substr(conf_.uri.size()), answer);
        }
        return filter::Verdict::done;
    }

private:
    static std::string_view target_of(const route::Subject& subject) {
        const auto& request = *subject.request;
        if (!request.absolute_form) return request.target;
        if (!request.has_query) return request.path;
        return subject.arena->join({request.path, "?", request.query});
    }

    [[nodiscard]] bool admits(const route::Subject& subject) const {
        if (conf_.credentials.empty()) return true;
        const auto* field = subject.request->fields.find(http::FieldId::authorization);
        if (!field || field->value.size() < 6 ||
            !http::equal_ignoring_case(field->value.substr(0, 6), "basic "))
            return false;
        auto given = field->value.substr(6);
        while (given.starts_with(' ')) given.remove_prefix(1);
        bool known = false;
        for (const auto& one : conf_.credentials) known = same(one, given) || known;
        return known;
    }

    // Takes the same time wherever the difference is.
    static bool same(std::string_view a, std::string_view b) {
        if (a.size() != b.size()) return false;
        unsigned char difference = 0;
        for (std::size_t i = 0; i < a.size(); ++i)
            difference = static_cast<unsigned char>(difference | (a[i] ^ b[i]));
        return difference == 0;
    }

    void show(route::Subject& subject, std::string_view options, filter::Answer& answer) const {
        auto& arena = *subject.arena;
        const auto rows = make_rows(subject, conf_);
        if (has_option(options, ";csv")) {
            answer.content_type = "text/plain";
            answer.body = arena.copy(write_csv(rows));
        } else if (has_option(options, ";typed")) {
            answer.content_type = "text/plain";
            answer.body = arena.copy(write_typed(rows));
        } else if (has_option(options, ";json")) {
            answer.content_type = "application/json";
            answer.body = arena.copy(write_json(rows));
        } else {
            answer.content_type = "text/html";
            answer.body = arena.copy(write_html(rows, subject, conf_, version_text));
        }
        if (conf_.refresh != 0 && !has_option(options, ";norefresh"))
            answer.fields.add(arena, "refresh", arena.copy(std::to_string(conf_.refresh)));
    }

    const Conf& conf_;
};

}  // namespace

std::string base64(std::string_view text) {
    static constexpr char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (std::size_t i = 0; i < text.size(); i += 3) {
        const std::size_t left = std::min<std::size_t>(3, text.size() - i);
        std::uint32_t bits = 0;
        for (std::size_t j = 0; j < 3; ++j)
            bits = bits << 8 | (j < left ? static_cast<unsigned char>(text[i + j]) : 0u);
        for (std::size_t j = 0; j < 4; ++j)
            out += j <= left ? letters[bits >> (18 - 6 * j) & 63] : '=';
    }
    return out;
}

const filter::Module& module() {
    static const filter::Module made{
        .name = "stats",
        .haproxy_rows = haproxy_rows(),
        .make_filter = [](const void* conf, route::Library&) -> std::unique_ptr<filter::Filter> {
            return std::make_unique<Page>(*static_cast<const Conf*>(conf));
        },
        .commands = commands()};
    return made;
}

}  // namespace weir::modules::stats
