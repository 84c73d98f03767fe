// SPDX-License-Identifier: Apache-2.0
// Rows of nginx's gzip, gzip_static and gunzip, and of the brotli and zstd modules that are built for it.
#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "modules/compression/nginx_conf.hpp"
#include "modules/compression/rows.hpp"
#include "parser/keyword/zones.hpp"
#include "parser/nginx/contexts.hpp"
#include "parser/value/value.hpp"

namespace weir::modules::compression {

namespace {

namespace place = nginx::context;
using keyword::Call;
using keyword::ignored;
using keyword::Inherit;
using keyword::Keyword;
using keyword::Scope;
using Kind = GzipConf::Kind;

constexpr keyword::Contexts everywhere = place::http | place::server | place::location;
constexpr keyword::Contexts also_in_if = everywhere | place::if_in_location;
constexpr auto gzip = GzipConf::gzip, brotli = GzipConf::brotli, zstd = GzipConf::zstd;

GzipConf& conf_of(Scope& scope) { return scope.module_conf<GzipConf>("gzip"); }

template <GzipConf::Which Which>
void lower_on(Scope& scope, const Call& call) {
    conf_of(scope).kinds[Which].on = call[0].number != 0;
}

template <GzipConf::Which Which>
void lower_level(Scope& scope, const Call& call) {
    conf_of(scope).kinds[Which].tuning.level = static_cast<int>(call[0].number);
}

template <GzipConf::Which Which>
void lower_min_length(Scope& scope, const Call& call) {
    conf_of(scope).kinds[Which].min_length = static_cast<std::uint64_t>(call[0].number);
}

template <GzipConf::Which Which>
void lower_types(Scope& scope, const Call& call) {
    auto& kind = conf_of(scope).kinds[Which];
    if (keyword::begins_list(scope, kind.types_owner)) kind.types = {"text/html"};
    for (const auto& argument : call.args) kind.types.emplace_back(argument.text);
}

// off, on, always
template <GzipConf::Which Which>
void lower_stored(Scope& scope, const Call& call) {
    conf_of(scope).kinds[Which].stored = static_cast<Kind::Stored>(call[0].number);
}

// A power of two, as the libraries count windows.
template <GzipConf::Which Which>
void lower_window(Scope& scope, const Call& call) {
    const auto size = static_cast<std::uint64_t>(call[0].number);
    if (!std::has_single_bit(size))
        return scope.error(call[0].span, "invalid-value",
                           fmt::format("\"{}\" is no window; it must be a power of two", call[0].text),
                           fmt::format("write {} {}k", call.name, std::bit_floor(size) / 1024));
    conf_of(scope).kinds[Which].tuning.window_bits = std::bit_width(size) - 1;
}

void lower_gunzip(Scope& scope, const Call& call) { conf_of(scope).gunzip = call[0].number != 0; }
void lower_vary(Scope& scope, const Call& call) { conf_of(scope).vary = call[0].number != 0; }
void lower_version(Scope& scope, const Call& call) { conf_of(scope).for_http10 = call[0].number == 0; }

void lower_proxied(Scope& scope, const Call& call) {
    auto& proxied = conf_of(scope).proxied;
    if (keyword::begins_list(scope, proxied.owner)) proxied = {.owner = proxied.owner};
    struct Name {
        std::string_view text;
        bool GzipConf::Proxied::*member;
    };
    static constexpr Name names[] = {
        {"any", &GzipConf::Proxied::any},
        {"auth", &GzipConf::Proxied::auth},
        {"expired", &GzipConf::Proxied::expired},
        {"no-cache", &GzipConf::Proxied::no_cache},
        {"no-store", &GzipConf::Proxied::no_store},
        {"no_etag", &GzipConf::Proxied::no_etag},
        {"no_last_modified", &GzipConf::Proxied::no_last_modified},
        {"off", &GzipConf::Proxied::off},
        {"private", &GzipConf::Proxied::is_private},
    };
    for (const auto& argument : call.args) {
        auto found = std::find_if(std::begin(names), std::end(names),
                                  [&](const Name& name) { return name.text == argument.text; });
        if (found == std::end(names))
            return scope.error(argument.span, "invalid-value",
                               fmt::format("invalid value \"{}\" in \"gzip_proxied\"", argument.text),
                               "expected off, any, auth, expired, no-cache, no-store, private, "
                               "no_last_modified, no_etag");
        proxied.*found->member = true;
    }
}

// Regexes, and msie6 for the one that everybody means.
void lower_disable(Scope& scope, const Call& call) {
    auto& conf = conf_of(scope);
    if (keyword::begins_list(scope, conf.agents_owner)) {
        conf.not_msie6 = false;
        conf.agents.clear();
    }
    for (const auto& argument : call.args) {
        if (argument.text == "msie6") {
            conf.not_msie6 = true;
            continue;
        }
        if (auto checked = value::parse_regex(argument.text, true); !checked)
            return scope.error(argument.span, "invalid-regex",
                               fmt::format("\"{}\" is not valid; expected {}", argument.text, checked.error()),
                               "regexes are those of PCRE; a \"{\" or \";\" in one needs quotes around it");
        conf.agents.emplace_back(argument.text);
    }
}

constexpr std::string_view one_block =
    "a body on its way holds one block of 32k and what its compressor needs, whatever its length";
constexpr keyword::Signature buffers = {keyword::number("number", 1), keyword::size("size", 1)};

// clang-format off
constexpr Keyword rows[] = {
    {.name = "brotli", .where = also_in_if, .args = {keyword::flag()}, .apply = lower_on<brotli>,
     .fallback = "off", .summary = "Compresses answers with brotli.",
     .details = "Of gzip, brotli and zstd, where several are on, the client's Accept-Encoding decides by its weights; of two that it wants equally brotli goes before zstd, and zstd before gzip. gzip_vary holds for all three; gzip_http_version, gzip_proxied and gzip_disable for gzip alone.", .once = true},
    {.name = "brotli_buffers", .where = everywhere, .args = buffers, .fallback = "32 4k",
     .support = ignored(one_block), .summary = "Sets the buffers that compress answers with brotli."},
    {.name = "brotli_comp_level", .where = everywhere, .args = {keyword::number("level", 0, 11)}, .apply = lower_level<brotli>,
     .fallback = "6", .summary = "Sets how hard brotli compresses answers.", .once = true},
    {.name = "brotli_min_length", .where = everywhere, .args = {keyword::size("length")}, .apply = lower_min_length<brotli>,
     .fallback = "20", .summary = "Sets the shortest answer that brotli compresses, by Content-Length.", .once = true},
    {.name = "brotli_static", .where = everywhere, .args = {keyword::choice("off|on|always")}, .apply = lower_stored<brotli>,
     .fallback = "off", .summary = "Serves files that are compressed already and end in \".br\".", .once = true},
    {.name = "brotli_types", .where = everywhere, .args = {keyword::many(keyword::word("type"))}, .apply = lower_types<brotli>,
     .inherit = Inherit::replace_list, .fallback = "text/html", .summary = "Lists the types of answers that brotli compresses, beside text/html."},
    {.name = "brotli_window", .where = everywhere, .args = {keyword::size("size", 1024, 16 << 20)}, .apply = lower_window<brotli>,
     .fallback = "512k", .summary = "Sets how far back brotli looks for what it saw before.", .once = true},
    {.name = "gunzip", .where = everywhere, .args = {keyword::flag()}, .apply = lower_gunzip,
     .fallback = "off", .since = "1.3.6", .summary = "Unpacks answers in gzip for clients that do not take it.",
     .details = "Bodies are unpacked a block at a time, as fast as the client takes them: what a small answer unpacks to has no bound, the memory it needs has.", .once = true},
    {.name = "gunzip_buffers", .where = everywhere, .args = buffers, .fallback = "32 4k",
     .support = ignored(one_block), .summary = "Sets the buffers that unpack answers."},
    {.name = "gzip", .where = also_in_if, .args = {keyword::flag()}, .apply = lower_on<gzip>,
     .fallback = "off", .summary = "Compresses answers with gzip.",
     .details = "What a slow server has sent so far goes out when it pauses. The compressors of a worker share 256 MB; answers that come when these are taken go out as they are.", .once = true},
    {.name = "gzip_buffers", .where = everywhere, .args = buffers, .fallback = "32 4k",
     .support = ignored(one_block), .summary = "Sets the buffers that compress answers."},
    {.name = "gzip_comp_level", .where = everywhere, .args = {keyword::number("level", 1, 9)}, .apply = lower_level<gzip>,
     .fallback = "1", .summary = "Sets how hard gzip compresses answers.", .once = true},
    {.name = "gzip_disable", .where = everywhere, .args = {keyword::many(keyword::word("regex"))}, .apply = lower_disable,
     .inherit = Inherit::replace_list, .since = "0.6.23",
     .summary = "Lists patterns of User-Agent fields that get no compressed answers."},
    {.name = "gzip_hash", .where = everywhere, .args = {keyword::size("size")},
     .support = ignored("the hash has the size that goes with the level"), .summary = "Sets the hash memory of the compressor."},
    {.name = "gzip_http_version", .where = everywhere, .args = {keyword::choice("1.0|1.1")}, .apply = lower_version,
     .fallback = "1.1", .summary = "Sets the lowest HTTP version that gets compressed answers.", .once = true},
    {.name = "gzip_min_length", .where = everywhere, .args = {keyword::size("length")}, .apply = lower_min_length<gzip>,
     .fallback = "20", .summary = "Sets the shortest answer that gzip compresses, by Content-Length.", .once = true},
    {.name = "gzip_no_buffer", .where = everywhere, .args = {keyword::flag()},
     .support = ignored("what is compressed goes out by blocks, and when the server pauses"), .summary = "Compresses without output buffering."},
    {.name = "gzip_proxied", .where = everywhere, .args = {keyword::many(keyword::word("condition"))}, .apply = lower_proxied,
     .inherit = Inherit::replace_list, .fallback = "off", .summary = "Tells when answers to requests that came through a proxy (Via) are compressed."},
    {.name = "gzip_static", .where = everywhere, .args = {keyword::choice("off|on|always")}, .apply = lower_stored<gzip>,
     .fallback = "off", .summary = "Serves files that are compressed already and end in \".gz\".", .once = true},
    {.name = "gzip_types", .where = everywhere, .args = {keyword::many(keyword::word("type"))}, .apply = lower_types<gzip>,
     .inherit = Inherit::replace_list, .fallback = "text/html", .summary = "Lists the types of answers that gzip compresses, beside text/html."},
    {.name = "gzip_vary", .where = everywhere, .args = {keyword::flag()}, .apply = lower_vary, .fallback = "off",
     .summary = "Adds \"Vary: Accept-Encoding\" where answers may be compressed.", .once = true},
    {.name = "gzip_window", .where = everywhere, .args = {keyword::size("size", 512, 32768)}, .apply = lower_window<gzip>,
     .fallback = "32k", .summary = "Sets how far back gzip looks for what it saw before.", .once = true},
    {.name = "postpone_gzipping", .where = everywhere, .args = {keyword::size("size")},
     .support = ignored("compression begins with the first bytes"), .summary = "Waits for this much data before it is compressed."},
    {.name = "zstd", .where = also_in_if, .args = {keyword::flag()}, .apply = lower_on<zstd>,
     .fallback = "off", .summary = "Compresses answers with zstd; see brotli.", .once = true},
    {.name = "zstd_buffers", .where = everywhere, .args = buffers, .fallback = "32 4k",
     .support = ignored(one_block), .summary = "Sets the buffers that compress answers with zstd."},
    {.name = "zstd_comp_level", .where = everywhere, .args = {keyword::number("level", -131072, 22)}, .apply = lower_level<zstd>,
     .fallback = "1", .summary = "Sets how hard zstd compresses answers.", .once = true},
    {.name = "zstd_dict_file", .where = place::http, .args = {keyword::path("file")},
     .support = keyword::not_yet(), .summary = "Names a dictionary that both sides know."},
    {.name = "zstd_min_length", .where = everywhere, .args = {keyword::size("length")}, .apply = lower_min_length<zstd>,
     .fallback = "20", .summary = "Sets the shortest answer that zstd compresses, by Content-Length.", .once = true},
    {.name = "zstd_static", .where = everywhere, .args = {keyword::choice("off|on|always")}, .apply = lower_stored<zstd>,
     .fallback = "off", .summary = "Serves files that are compressed already and end in \".zst\".", .once = true},
    {.name = "zstd_types", .where = everywhere, .args = {keyword::many(keyword::word("type"))}, .apply = lower_types<zstd>,
     .inherit = Inherit::replace_list, .fallback = "text/html", .summary = "Lists the types of answers that zstd compresses, beside text/html."},
};
// clang-format on
static_assert(keyword::well_formed(rows));

}  // namespace

keyword::Table nginx_rows() { return rows; }

}  // namespace weir::modules::compression
