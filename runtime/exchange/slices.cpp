// SPDX-License-Identifier: Apache-2.0
// Answers that are got, and kept, in pieces (nginx: slice). The first piece decides what the client is
// told; the others are inner requests whose bodies follow it. All must be pieces of one and the same.
#include <fmt/format.h>

#include <charconv>

#include "runtime/exchange/cached.hpp"
#include "runtime/exchange/exchange.hpp"
#include "runtime/exchange/inner.hpp"
#include "runtime/exchange/record.hpp"
#include "runtime/log/error_log.hpp"
#include "runtime/net/time.hpp"

namespace weir::exchange {

using http::ByteRange;
using http::FieldId;

namespace {

// "bytes 0-9/100"; false: it is nothing like that.
bool read_content_range(std::string_view text, ByteRange& range, std::uint64_t& total) {
    constexpr std::string_view unit = "bytes ";
    if (!text.starts_with(unit)) return false;
    text.remove_prefix(unit.size());
    auto number = [&](std::uint64_t& value, char behind) {
        auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
        auto read = static_cast<std::size_t>(end - text.data());
        if (problem != std::errc() || value > INT64_MAX) return false;
        if (behind == '\0') return read == text.size();
        if (read == text.size() || text[read] != behind) return false;
        text.remove_prefix(read + 1);
        return true;
    };
    std::uint64_t last = 0;
    if (!number(range.first, '-') || !number(last, '/') || !number(total, '\0')) return false;
    range.end = last + 1;
    return range.first < range.end && range.end <= total;
}

// Where the only range that a client asks for begins; 0: at the front, or it is not that simple.
std::uint64_t first_byte_asked(const http::FieldList& request) {
    constexpr std::string_view unit = "bytes=";
    const auto* field = request.find(FieldId::range);
    if (!field || request.has(FieldId::if_range) || field->value.find(',') != std::string_view::npos ||
        !http::equal_ignoring_case(field->value.substr(0, unit.size()), unit))
        return 0;
    auto text = field->value.substr(unit.size());
    while (text.starts_with(' ')) text.remove_prefix(1);
    std::uint64_t first = 0;
    auto result = std::from_chars(text.data(), text.data() + text.size(), first);
    return result.ec == std::errc() ? first : 0;
}

ByteRange overlap(const ByteRange& a, const ByteRange& b) {
    ByteRange both{std::max(a.first, b.first), std::min(a.end, b.end)};
    if (both.end < both.first) both.end = both.first;
    return both;
}

}  // namespace

// Before the cache or a server is asked.
void Exchange::begin_slices() {
    sliced_total_ = 0;
    if (slice_of_) return;   // set by the one that wants it
    auto& slice = subject_.slice;
    slice = {};
    slice.size = route_->source->settings.cache->slice;
    if (slice.size != 0) slice.first = first_byte_asked(request_.fields) / slice.size * slice.size;
}

// reply_ is an answer to a piece: Next::reply when it is the right one. Of the first piece it becomes the
// head of the whole.
Exchange::Next Exchange::take_slice() {
    const auto& slice = subject_.slice;
    if (!slice.used || (reply_.status != 206 && !slice_of_)) return Next::reply;
    ByteRange here;
    std::uint64_t total = 0;
    const auto* field = reply_.fields.find(FieldId::content_range);
    const auto* tag = reply_.fields.find(FieldId::etag);
    auto etag = tag ? tag->value : std::string_view();
    const char* problem = nullptr;
    if (reply_.status != 206) problem = "unexpected status code {} in slice response";
    else if (!field || !read_content_range(field->value, here, total)) problem = "invalid range in slice response";
    else if (here.first != slice.first || here.end != std::min(slice.first + slice.size, total))
        problem = "unexpected range in slice response";
    else if (slice_of_ && etag != slice_of_->slice_tag_) problem = "etag mismatch in slice response";
    else if (slice_of_ && total != slice_of_->sliced_total_) problem = "total length mismatch in slice response";
    if (problem) {
        note_problem(log::error, fmt::format(fmt::runtime(problem), reply_.status));
        if (slice_of_) return Next::close;
        file_.reset();
        cached_ = false;
        close_silently(502);   // nginx says nothing to the client
        return Next::close;
    }
    if (slice_of_) {
        auto want = overlap(slice_of_->slices_wanted(), here);
        cut_ = {want.first - here.first, want.end - here.first};
        return Next::reply;
    }
    sliced_total_ = total;
    slice_tag_ = etag;
    reply_.status = 200;
    reply_.reason = {};
    reply_.framing = http::Framing::length;
    reply_.length = total;
    for (auto id : {FieldId::content_range, FieldId::content_length, FieldId::accept_ranges})
        reply_.fields.remove(id);
    reply_.fields.add(arena_, "Content-Length", arena_.copy(fmt::format_int(total).c_str()));
    takes_ranges_ = true;
    return Next::reply;
}

ByteRange Exchange::slices_wanted() const { return cut_.size() != 0 ? cut_ : ByteRange{0, sliced_total_}; }

// The body: what is here of it, then the other pieces, each of which is asked for when its turn comes.
net::Task<bool> Exchange::send_slices(http::BodySource& here) {
    InnerSink open_end(&writer_);
    const auto& slice = subject_.slice;
    const auto want = slices_wanted();
    auto part = overlap(want, {slice.first, std::min(slice.first + slice.size, sliced_total_)});
    http::RelayLimits limits;
    limits.read_timeout = net::time_of(route_->timeouts->server_read);
    limits.write_timeout = net::time_of(client_rules().timeouts->client_send);
    if (part.size() != 0) {
        CutBody cut(here, {part.first - slice.first, part.end - slice.first});
        auto result = co_await http::relay_body(cut, open_end, limits);
        if (result.failed != http::RelayResult::Side::none) {
            note_relay_end(subject_, result);
            co_return false;
        }
    }
    auto at = std::max(slice.first + slice.size, want.first / slice.size * slice.size);
    for (; at < want.end; at += slice.size)
        if (!co_await send_slice(at)) co_return false;
    auto written = co_await writer_.write({}, true, limits.write_timeout);
    co_return written.state == net::Io::State::ok;
}

net::Task<bool> Exchange::send_slice(std::uint64_t first) {
    InnerCarrier carrier(carrier_.watch, &writer_);
    Exchange inner(*this, carrier, request_.target);
    inner.clone(*this);
    inner.slice_of_ = this;
    inner.subject_.slice = {subject_.slice.size, first, false};
    co_await inner.run();
    co_return inner.subject_.completed;
}

}  // namespace weir::exchange
