// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/file_parts.hpp"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <utility>

#include "runtime/net/digest.hpp"

namespace weir::http {

namespace {

constexpr std::uint64_t page = 4096;

ssize_t read_at(int fd, char* to, std::uint64_t bytes, std::uint64_t offset, int flags) {
    iovec room{to, bytes};
    ssize_t got = 0;
    do got = ::preadv2(fd, &room, 1, static_cast<off_t>(offset), flags);
    while (got < 0 && errno == EINTR);
    return got;
}

// The next piece, which the disk has to be asked for.
class ReadJob final : public net::Disk::Job {
public:
    static constexpr std::uint64_t most = 131072;
    ReadJob(int fd, std::uint64_t offset, std::uint64_t bytes)
        : fd_(::fcntl(fd, F_DUPFD_CLOEXEC, 0)), offset_(offset), bytes_(std::min(bytes, most)) {
        buffer.acquire(bytes_);
    }
    ~ReadJob() override {
        if (fd_ >= 0) ::close(fd_);
    }
    void run() override {
        got = read_at(fd_, buffer.room(), bytes_, offset_, 0);
        error = got < 0 ? errno : 0;
    }

    net::Buffer buffer;
    ssize_t got = 0;
    int error = 0;

private:
    int fd_;   // its own: the other one may be closed before this ends
    std::uint64_t offset_, bytes_;
};

}  // namespace

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

// For the next piece of this part: how much of it is to be read.
std::uint64_t FileParts::make_room(const FilePart& part) {
    buffer_.acquire();
    buffer_.clear();
    // A small rest goes along: a frame or a record of its own would cost more than the larger buffer.
    const auto left = part.length - done_;
    const std::uint64_t room = buffer_.room_size();
    if (left > room && left - room <= room / 4) buffer_.grow(left);
    return std::min<std::uint64_t>(left, buffer_.room_size());
}

Piece FileParts::take_read(ssize_t got, int error) {
    Piece piece;
    if (got <= 0) {
        // Somebody cut it off meanwhile: the client sees that by the length it was promised.
        piece.state = got < 0 ? BodyState::failed : BodyState::truncated;
        piece.error = error;
        return piece;
    }
    buffer_.produced(static_cast<std::size_t>(got));
    piece.bytes = buffer_.view();
    advance(static_cast<std::uint64_t>(got));
    piece.last = ended();
    return piece;
}

bool FileParts::ready(Piece& piece) {
    piece = {};
    const auto* now = part();
    if (now && !now->text.empty()) {
        piece.bytes = now->text.substr(done_);
        piece.between_parts = true;
        advance(piece.bytes.size());
    } else if (now && !remembered(*now).empty()) {
        piece.bytes = remembered(*now);
        advance(piece.bytes.size());
    } else if (now && now->length != 0) {
        const auto most = make_room(*now);
        const auto got = read_at(fd(), buffer_.room(), most, now->offset + done_, disk_ ? RWF_NOWAIT : 0);
        const int error = got < 0 ? errno : 0;
        if (disk_ && (error == EAGAIN || error == EOPNOTSUPP)) return false;
        piece = take_read(got, error);
        return true;
    }
    piece.last = ended();
    return true;
}

net::Task<Piece> FileParts::next(net::Time timeout, net::Watch*) {
    Piece piece;
    if (ready(piece)) co_return piece;
    const auto* now = part();
    auto job = std::make_unique<ReadJob>(fd(), now->offset + done_, now->length - done_);
    job = co_await disk_->run(std::move(job), timeout == net::never ? net::never : disk_->loop().now() + timeout);
    if (!job) {
        piece.state = BodyState::timed_out;
        co_return piece;
    }
    buffer_ = std::move(job->buffer);
    co_return take_read(job->got, job->error);
}

// One byte tells of its page.
bool FileParts::is_cached(std::uint64_t offset) const {
    char byte = 0;
    return read_at(fd(), &byte, 1, offset, RWF_NOWAIT) == 1;
}

// sendfile() waits for the disk where it has to: it gets what is in memory at both ends, as the kernel reads
// ahead in order.
BodySource::InFile FileParts::in_file() const {
    if (!goes_on_in_file()) return {};
    const auto* now = part();
    InFile here{fd(), now->offset + done_, now->length - done_};
    if (mapped_) {
        here.length = mapped_->at_hand(here.offset, here.length);
        here.mapped = mapped_->address(here.offset);
        return here;
    }
    if (!disk_) return here;
    if (!is_cached(here.offset)) return {};
    for (const std::uint64_t window : {2u << 20, 512u << 10, 64u << 10}) {
        const auto length = std::min(here.length, window);
        if (is_cached(here.offset + length - 1)) return {here.fd, here.offset, length};
    }
    return {here.fd, here.offset, std::min<std::uint64_t>(here.length, page - here.offset % page)};
}

void FileParts::spliced(std::uint64_t bytes) { advance(bytes); }

namespace {

// More in one call would keep other connections waiting.
constexpr std::uint64_t most_at_once = 2 * 1024 * 1024;

// Of a mapped file. By measurement: what wakes receivers least, which is most of what it costs them and us.
constexpr std::uint64_t piece_of_mapped = 256 * 1024;

// As much as the socket takes, of at most `bytes`. -1 (errno): nothing.
ssize_t send_mapped(int socket, const char* from, std::uint64_t bytes) {
    std::uint64_t sent = 0;
    while (sent < bytes) {
        const auto took = ::send(socket, from + sent, std::min(bytes - sent, piece_of_mapped), MSG_NOSIGNAL);
        if (took < 0) return sent != 0 ? static_cast<ssize_t>(sent) : -1;
        sent += static_cast<std::uint64_t>(took);
    }
    return static_cast<ssize_t>(sent);
}

ssize_t send_some(int socket, const BodySource::InFile& from) {
    const auto bytes = std::min(from.length, most_at_once);
    const auto sent = from.mapped ? send_mapped(socket, from.mapped, bytes) : -1;
    // EFAULT: somebody cut the file off, as sendfile() will say.
    if (from.mapped && (sent >= 0 || errno != EFAULT)) return sent;
    auto offset = static_cast<off_t>(from.offset);
    return ::sendfile(socket, from.fd, &offset, bytes);
}

}  // namespace

net::Task<RelayResult> send_file(BodySource& from, BodySink& to, RelayLimits limits) {
    RelayResult result;
    auto& sink = *to.stream();
    auto& loop = sink.watch.loop();
    for (;;) {
        auto here = from.in_file();
        if (here.length == 0) co_return result;
        auto moved = send_some(sink.fd(), here);
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
