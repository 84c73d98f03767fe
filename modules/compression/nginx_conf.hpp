// SPDX-License-Identifier: Apache-2.0
// What gzip, gunzip, brotli and zstd lines of nginx's language say of one place.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "modules/compression/codec.hpp"
#include "parser/ir/config.hpp"

namespace weir::modules::compression {

struct GzipConf {
    // One coding: whether bodies are compressed by it, and whether files are looked for that were.
    struct Kind {
        bool on = false;
        Tuning tuning;
        std::uint64_t min_length = 20;
        std::vector<std::string> types{"text/html"};
        const void* types_owner = nullptr;   // block whose list that is; so below
        enum class Stored : std::uint8_t { off, on, always } stored = Stored::off;
    };
    // Of two that a client wants equally the first is taken.
    enum Which : std::size_t { brotli, zstd, gzip, count };
    Kind kinds[count] = {{.tuning = {.coding = Coding::brotli, .level = 6, .window_bits = 19}},
                         {.tuning = {.coding = Coding::zstd, .level = 1}},
                         {.tuning = {.coding = Coding::gzip, .level = 1}}};
    bool gunzip = false;
    bool vary = false;
    bool for_http10 = false;              // gzip_http_version 1.0
    // gzip_proxied: answers to requests with Via, by what they say.
    struct Proxied {
        bool off = false;                 // before all others
        bool any = false, expired = false, no_cache = false, no_store = false, is_private = false;
        bool no_last_modified = false, no_etag = false, auth = false;
        const void* owner = nullptr;
    } proxied;
    // gzip_disable
    std::vector<std::string> agents;      // regexes of User-Agent
    bool not_msie6 = false;
    const void* agents_owner = nullptr;
};

}  // namespace weir::modules::compression
