// SPDX-License-Identifier: Apache-2.0
// Conditional requests and ranges (RFC 9110 sections 13 and 14), as pure functions of fields: for files,
// and for whatever else makes answers that have a validator.
#pragma once

#include <span>
#include <string_view>

#include "runtime/http/message.hpp"

namespace weir::http {

// Seconds since 1970 of a date in one of the three forms of RFC 9110 section 5.6.7; -1: it is none.
std::int64_t parse_date(std::string_view text);
// IMF-fixdate of that second, in the arena.
std::string_view format_date(std::int64_t unix_seconds, Arena& arena);

// What the answer says of itself.
struct Validators {
    std::string_view etag;        // with its quotes; empty: none
    std::int64_t modified = -1;   // -1: unknown
};
// How If-Modified-Since is compared: not at all, only the same time counts, or any later one.
enum class SinceRule : std::uint8_t { off, exact, before };
enum class Precondition : std::uint8_t { holds, not_modified, failed };
// An answer of 200 (only) becomes 304 or 412. As nginx, which wants both of If-None-Match and
// If-Modified-Since to agree on 304 where a client sends both.
Precondition check_preconditions(const FieldList& request, const Validators& of, SinceRule rule);

// One part of a body: the bytes from `first` up to, and without, `end`.
struct ByteRange {
    std::uint64_t first = 0, end = 0;
    [[nodiscard]] std::uint64_t size() const { return end - first; }
};
struct Ranges {
    // whole: no ranges are asked for, or none that make sense, or more than the body has.
    enum class State : std::uint8_t { whole, parts, unsatisfiable } state = State::whole;
    std::span<const ByteRange> list;
};
// The Range field of a request for a body of that length, unless If-Range says that it is another one.
// More than `most` ranges: the whole.
Ranges read_ranges(const FieldList& request, const Validators& of, std::uint64_t length,
                   std::uint32_t most, Arena& arena);
// "bytes 0-9/100" of one range; with an empty one "bytes */100".
std::string_view content_range(const ByteRange& range, std::uint64_t length, Arena& arena);

}  // namespace weir::http
