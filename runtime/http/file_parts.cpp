// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/file_parts.hpp"

#include <sys/sendfile.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "runtime/net/digest.hpp"

namespace weir::http {

FileParts::~FileParts() {
    if (fd_ >= 0) ::close(fd_);
}

FileParts::Ranged FileParts::take_ranges(std::span<const ByteRange> ranges, std::string_view type,
                                         Arena& arena) {
    auto size = length_;
    Ranged told;
    at_ = 0;
    if (ranges.size() == 1) {
        whole_ = {{}, from_ + ranges[0].first, ranges[0].size()};
        length_ = whole_.length;
        told.content_range = content_range(ranges[0], size, arena);
        return told;
    }
    char boundary[24];
    std::uint64_t random = 0;
    net::random_bytes(reinterpret_cast<unsigned char*>(&random), sizeof random);
    auto digits = static_cast<std::size_t>(
        std::snprintf(boundary, sizeof boundary, "%020llu", static_cast<unsigned long long>(random)));
    std::string_view mark = arena.copy({boundary, digits});
    auto* parts = arena.make_array<FilePart>(ranges.size() * 2 + 1);
    count_ = 0;
    length_ = 0;
    auto add = [&](FilePart one) {
        length_ += one.text.size() + one.length;
        parts[count_++] = one;
    };
    std::string_view before = type.empty() ? "" : "Content-Type: ";
    std::string_view behind = type.empty() ? "" : "\r\n";
    for (const auto& range : ranges) {
        add({arena.join({"\r\n--", mark, "\r\n", before, type, behind, "Content-Range: ",
                         content_range(range, size, arena), "\r\n\r\n"})});
        add({{}, from_ + range.first, range.size()});
    }
    add({arena.join({"\r\n--", mark, "--\r\n"})});
    parts_ = parts;
    told.content_type = arena.join({"multipart/byteranges; boundary=", mark});
    return told;
}

void FileParts::advance(std::uint64_t bytes) {
    sent_ += bytes;
    done_ += bytes;
    while (const auto* now = part()) {
        if (done_ < now->text.size() + now->length) return;
        done_ = 0;
        ++at_;
    }
}

bool FileParts::ready(Piece& piece) {
    piece = {};
    const auto* now = part();
    if (now && !now->text.empty()) {
        piece.bytes = now->text.substr(done_);
        piece.between_parts = true;
        advance(piece.bytes.size());
    } else if (now && now->length != 0) {
        buffer_.acquire();
        buffer_.clear();
        // A small rest goes along: a frame or a record of its own would cost more than the larger buffer.
        const auto left = now->length - done_;
        const std::uint64_t room = buffer_.room_size();
        if (left > room && left - room <= room / 4) buffer_.grow(left);
        auto most = std::min<std::uint64_t>(left, buffer_.room_size());
        ssize_t got = 0;
        do got = ::pread(fd_, buffer_.room(), most, static_cast<off_t>(now->offset + done_));
        while (got < 0 && errno == EINTR);
        if (got <= 0) {
            // Somebody cut it off meanwhile: the client sees that by the length it was promised.
            piece.state = got < 0 ? BodyState::failed : BodyState::truncated;
            piece.error = got < 0 ? errno : 0;
            return true;
        }
        buffer_.produced(static_cast<std::size_t>(got));
        piece.bytes = buffer_.view();
        advance(static_cast<std::uint64_t>(got));
    }
    piece.last = ended();
    return true;
}

net::Task<Piece> FileParts::next(net::Time, net::Watch*) {
    Piece piece;
    ready(piece);
    co_return piece;
}

BodySource::InFile FileParts::in_file() const {
    const auto* now = part();
    if (!now || !now->text.empty()) return {};
    return {fd_, now->offset + done_, now->length - done_};
}

void FileParts::spliced(std::uint64_t bytes) { advance(bytes); }

net::Task<RelayResult> send_file(BodySource& from, BodySink& to, RelayLimits limits) {
    // More in one call would keep other connections waiting.
    constexpr std::uint64_t most_at_once = 2 * 1024 * 1024;
    RelayResult result;
    auto& sink = *to.stream();
    auto& loop = sink.watch.loop();
    for (;;) {
        auto here = from.in_file();
        if (here.length == 0) co_return result;
        auto offset = static_cast<off_t>(here.offset);
        auto moved = ::sendfile(sink.fd(), here.fd, &offset, std::min(here.length, most_at_once));
        if (moved > 0) {
            from.spliced(static_cast<std::uint64_t>(moved));
            to.spliced(static_cast<std::uint64_t>(moved), from.ended());
            // The others' turn; the socket may take more at once.
            if (static_cast<std::uint64_t>(moved) == most_at_once) co_await net::sleep_for(loop, 1);
            continue;
        }
        if (moved < 0 && errno == EINTR) continue;
        if (moved == 0) {
            result.failed = RelayResult::Side::source;
            result.state = BodyState::truncated;
            co_return result;
        }
        if (errno != EAGAIN) {
            result.error = errno;
            bool source = errno == EIO || errno == EINVAL || errno == EOVERFLOW;
            result.failed = source ? RelayResult::Side::source : RelayResult::Side::sink;
            result.state = BodyState::failed;
            co_return result;
        }
        sink.watch.writable = false;
        auto until = limits.write_timeout == net::never ? net::never : loop.now() + limits.write_timeout;
        if (co_await net::writable(sink.watch, until) != net::Waited::ready) {
            result.failed = RelayResult::Side::sink;
            result.timed_out = true;
            result.state = BodyState::timed_out;
            co_return result;
        }
    }
}

}  // namespace weir::http
