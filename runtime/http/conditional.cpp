// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/conditional.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <ctime>

namespace weir::http {

namespace {

constexpr std::string_view months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

// Reads a date from its front on; every step fails for good.
class DateReader {
public:
    explicit DateReader(std::string_view text) : rest_(text) {}

    bool skip(std::string_view words) {
        if (!rest_.starts_with(words)) return false;
        rest_.remove_prefix(words.size());
        return true;
    }
    bool number(std::size_t digits, int& value) {
        if (rest_.size() < digits) return false;
        value = 0;
        for (char c : rest_.substr(0, digits)) {
            if (c < '0' || c > '9') return false;
            value = value * 10 + (c - '0');
        }
        rest_.remove_prefix(digits);
        return true;
    }
    // asctime: a day of one digit has a blank in front.
    bool day(int& value) {
        if (rest_.starts_with(' ')) {
            rest_.remove_prefix(1);
            return number(1, value);
        }
        return number(2, value);
    }
    bool month(int& value) {
        auto name = rest_.substr(0, 3);
        for (value = 0; value < 12; ++value) {
            if (months[value] != name) continue;
            rest_.remove_prefix(3);
            return true;
        }
        return false;
    }
    bool clock(std::tm& to) {
        return number(2, to.tm_hour) && skip(":") && number(2, to.tm_min) && skip(":") &&
               number(2, to.tm_sec);
    }

private:
    std::string_view rest_;
};

bool read_imf(std::string_view text, std::tm& to) {
    DateReader read(text);
    return read.number(2, to.tm_mday) && read.skip(" ") && read.month(to.tm_mon) && read.skip(" ") &&
           read.number(4, to.tm_year) && read.skip(" ") && read.clock(to);
}

bool read_rfc850(std::string_view text, std::tm& to) {
    DateReader read(text);
    if (!(read.number(2, to.tm_mday) && read.skip("-") && read.month(to.tm_mon) && read.skip("-") &&
          read.number(2, to.tm_year) && read.skip(" ") && read.clock(to)))
        return false;
    to.tm_year += to.tm_year < 70 ? 2000 : 1900;
    return true;
}

bool read_asctime(std::string_view text, std::tm& to) {
    DateReader read(text);
    return read.month(to.tm_mon) && read.skip(" ") && read.day(to.tm_mday) && read.skip(" ") &&
           read.clock(to) && read.skip(" ") && read.number(4, to.tm_year);
}

bool is_valid(const std::tm& date) {
    static constexpr int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = date.tm_year % 4 == 0 && (date.tm_year % 100 != 0 || date.tm_year % 400 == 0);
    int longest = lengths[date.tm_mon] + (date.tm_mon == 1 && leap ? 1 : 0);
    return date.tm_hour < 24 && date.tm_min < 60 && date.tm_sec <= 60 && date.tm_mday >= 1 &&
           date.tm_mday <= longest;
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

// Whether a list of entity tags has this one. Weak comparison takes W/"x" and "x" for the same.
bool lists_tag(std::string_view list, std::string_view tag, bool weak) {
    if (list == "*") return true;
    if (tag.empty()) return false;
    if (weak && tag.starts_with("W/")) tag.remove_prefix(2);
    for (std::size_t at = 0; at < list.size();) {
        auto rest = list.substr(at);
        auto skipped = rest.find_first_not_of(" \t,");
        if (skipped == rest.npos) return false;
        rest.remove_prefix(skipped);
        bool is_weak = rest.starts_with("W/");
        auto one = rest.substr(is_weak && weak ? 2 : 0);
        if (one.starts_with(tag)) {
            auto behind = trim(one.substr(tag.size()));
            if (behind.empty() || behind.front() == ',') return true;
        }
        // A comma inside of quotes is part of a tag.
        bool quoted = false;
        std::size_t end = 0;
        for (; end < rest.size() && (quoted || rest[end] != ','); ++end)
            if (rest[end] == '"') quoted = !quoted;
        at = list.size() - rest.size() + end;
    }
    return false;
}

bool is_modified(std::string_view since, const Validators& of, SinceRule rule) {
    if (of.modified < 0 || rule == SinceRule::off) return true;
    auto time = parse_date(since);
    if (time == of.modified) return false;
    return rule == SinceRule::exact || time < of.modified;
}

// The ranges of a "bytes=" list, one after the other.
class RangeReader {
public:
    RangeReader(std::string_view list, std::uint64_t length) : rest_(list), length_(length) {}

    enum class Got : std::uint8_t { range, empty, whole, broken };
    Got next(ByteRange& range) {
        skip_blanks();
        bool suffix = rest_.starts_with('-');
        std::uint64_t first = 0, last = 0;
        if (suffix) {
            rest_.remove_prefix(1);
        } else {
            if (!number(first)) return Got::broken;
            skip_blanks();
            if (!rest_.starts_with('-')) return Got::broken;
            rest_.remove_prefix(1);
            skip_blanks();
            if (rest_.empty() || rest_.front() == ',') return found(first, length_, range);
        }
        if (!number(last)) return Got::broken;
        skip_blanks();
        if (!rest_.empty() && rest_.front() != ',') return Got::broken;
        if (!suffix) return found(first, last < length_ ? last + 1 : length_, range);
        return found(last < length_ ? length_ - last : 0, last == 0 ? 0 : length_, range);
    }
    bool more() {
        if (rest_.empty()) return false;
        rest_.remove_prefix(1);
        return true;
    }

private:
    void skip_blanks() {
        while (rest_.starts_with(' ')) rest_.remove_prefix(1);
    }
    bool number(std::uint64_t& value) {
        auto [end, problem] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
        if (problem != std::errc() || value > INT64_MAX) return false;
        rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
        return true;
    }
    Got found(std::uint64_t first, std::uint64_t end, ByteRange& range) {
        range = {first, end};
        if (first < end) return Got::range;
        return first == 0 ? Got::whole : Got::empty;
    }

    std::string_view rest_;
    std::uint64_t length_;
};

// If-Range: true when the client's copy is of this very answer.
bool is_same(std::string_view value, const Validators& of) {
    if (value.size() >= 2 && value.back() == '"') return !of.etag.empty() && value == of.etag;
    return of.modified >= 0 && parse_date(value) == of.modified;
}

}  // namespace

std::int64_t parse_date(std::string_view text) {
    std::tm date{};
    auto comma = text.find(',');
    bool read = false;
    if (comma != text.npos) {
        auto behind = trim(text.substr(comma + 1));
        read = behind.size() > 2 && behind[2] == '-' ? read_rfc850(behind, date) : read_imf(behind, date);
    } else if (text.size() > 4) {
        read = read_asctime(text.substr(4), date);
    }
    if (!read || !is_valid(date)) return -1;
    date.tm_year -= 1900;
    return ::timegm(&date);
}

std::string_view format_date(std::int64_t unix_seconds, Arena& arena) {
    std::time_t time = unix_seconds;
    std::tm date{};
    ::gmtime_r(&time, &date);
    char* out = arena.bytes(64);
    int size = std::snprintf(out, 64, "%s, %02d %s %d %02d:%02d:%02d GMT", days[date.tm_wday], date.tm_mday,
                             months[date.tm_mon].data(), date.tm_year + 1900, date.tm_hour, date.tm_min,
                             date.tm_sec);
    return {out, static_cast<std::size_t>(size)};
}

Precondition check_preconditions(const FieldList& request, const Validators& of, SinceRule rule) {
    auto seen = [&](FieldId id) -> const Field* { return request.seen(id) ? request.find(id) : nullptr; };
    if (const auto* since = seen(FieldId::if_unmodified_since)) {
        auto time = parse_date(since->value);
        if (of.modified < 0 || time < of.modified) return Precondition::failed;
    }
    if (const auto* match = seen(FieldId::if_match); match && !lists_tag(match->value, of.etag, false))
        return Precondition::failed;
    const auto* since = seen(FieldId::if_modified_since);
    const auto* match = seen(FieldId::if_none_match);
    if (!since && !match) return Precondition::holds;
    if (since && is_modified(since->value, of, rule)) return Precondition::holds;
    if (match && !lists_tag(match->value, of.etag, true)) return Precondition::holds;
    return Precondition::not_modified;
}

Ranges read_ranges(const FieldList& request, const Validators& of, std::uint64_t length,
                   std::uint32_t most, Arena& arena) {
    Ranges ranges;
    const auto* field = request.seen(FieldId::range) ? request.find(FieldId::range) : nullptr;
    constexpr std::string_view unit = "bytes=";
    if (!field || most == 0 || field->value.size() <= unit.size() ||
        !equal_ignoring_case(field->value.substr(0, unit.size()), unit))
        return ranges;
    if (const auto* same = request.find(FieldId::if_range); same && !is_same(same->value, of))
        return ranges;
    auto list = field->value.substr(unit.size());
    auto room = static_cast<std::size_t>(std::count(list.begin(), list.end(), ',')) + 1;
    room = std::min<std::size_t>(room, most);
    auto* parts = arena.make_array<ByteRange>(room);
    std::size_t count = 0;
    std::uint64_t size = 0;
    RangeReader reader(list, length);
    do {
        ByteRange range;
        switch (reader.next(range)) {
            case RangeReader::Got::broken: ranges.state = Ranges::State::unsatisfiable; return ranges;
            case RangeReader::Got::whole: return ranges;
            case RangeReader::Got::empty: continue;
            case RangeReader::Got::range: break;
        }
        // More than the body has in all, or too many: all of it is less work.
        size += range.size();
        if (count == most || size > length) return ranges;
        parts[count++] = range;
    } while (reader.more());
    ranges.state = count != 0 ? Ranges::State::parts : Ranges::State::unsatisfiable;
    ranges.list = {parts, count};
    return ranges;
}

std::string_view content_range(const ByteRange& range, std::uint64_t length, Arena& arena) {
    char* out = arena.bytes(80);
    int size = range.size() == 0
                   ? std::snprintf(out, 80, "bytes */%llu", static_cast<unsigned long long>(length))
                   : std::snprintf(out, 80, "bytes %llu-%llu/%llu",
                                   static_cast<unsigned long long>(range.first),
                                   static_cast<unsigned long long>(range.end - 1),
                                   static_cast<unsigned long long>(length));
    return {out, static_cast<std::size_t>(size)};
}

}  // namespace weir::http
