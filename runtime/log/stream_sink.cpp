// SPDX-License-Identifier: Apache-2.0
// Lines into files and descriptors. A file is opened for appending, so that several processes and a
// rotation keep whole lines whole. A pipe or terminal is asked first whether it takes more: it may
// block, and its flags are shared with whoever gave it to us.
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>

#include "runtime/log/sink_kinds.hpp"

namespace weir::log {

StreamSink::StreamSink(LogSinks& sinks, std::string path) : LogSink(sinks, std::move(path)) {
    if (sinks.find_file) fd_ = sinks.find_file(place_);
    if (fd_ >= 0) look_at_kind();
}

StreamSink::StreamSink(LogSinks& sinks, const ir::LogTarget& target, int fd)
    : LogSink(sinks, "fd@" + std::to_string(fd)), target_(target), fd_(fd) {
    // nginx's "stderr" takes lines as they are; HAProxy's descriptors get the format's header, and
    // are not cut.
    plain_ = target.format == ir::LogTarget::Format::rfc3164 && !target.process_id;
    target_.max_length = 0;
    look_at_kind();
}

StreamSink::~StreamSink() {
    if (own_) close(fd_);
}

void StreamSink::look_at_kind() {
    struct stat facts {};
    regular_ = fstat(fd_, &facts) == 0 && S_ISREG(facts.st_mode);
}

int StreamSink::open_own() {
    // O_NONBLOCK: a FIFO without a reader must not hold the worker.
    int fd = open(place_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0644);
    if (fd < 0) return errno;
    if (own_) {
        // The number stays, so that nothing else needs to know.
        dup3(fd, fd_, O_CLOEXEC);
        close(fd);
    } else {
        fd_ = fd;
        own_ = true;
    }
    look_at_kind();
    return 0;
}

void StreamSink::reopen() {
    if (own_) open_own();
}

void StreamSink::append(std::string_view line, int severity) {
    if (plain_) {
        pending_.append(line) += '\n';
    } else {
        append_message(pending_, target_, sinks_.origin, severity, sinks_.wall_us(), line);
    }
    ++pending_lines_;
}

// Up to the end, or what stands in the way.
int StreamSink::write_some(std::string_view bytes, std::size_t& written) {
    // What a pipe that reports room takes without blocking (PIPE_BUF).
    constexpr std::size_t pipe_room = 4096;
    while (written < bytes.size()) {
        std::size_t size = bytes.size() - written;
        if (!regular_) {
            pollfd ready{fd_, POLLOUT, 0};
            if (poll(&ready, 1, 0) != 1) return EAGAIN;
            if (size > pipe_room) {
                auto end = bytes.rfind('\n', written + pipe_room - 1);
                bool whole = end != bytes.npos && end >= written;
                size = whole ? end + 1 - written : pipe_room;
            }
        }
        ssize_t count = ::write(fd_, bytes.data() + written, size);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return errno;
        written += static_cast<std::size_t>(count);
    }
    return 0;
}

// What was gathered becomes one member of a gzip file (RFC 1952 section 2.2): whoever reads the file sees
// one text, and nothing of it waits for lines to come.
int StreamSink::send_compressed() {
    if (compressed_.empty()) {
        if (pending_.empty()) return 0;
        z_stream stream{};
        constexpr int with_gzip_header = 16;
        if (deflateInit2(&stream, gzip_, Z_DEFLATED, MAX_WBITS + with_gzip_header, 8, Z_DEFAULT_STRATEGY) != Z_OK)
            return ENOMEM;
        compressed_.resize(deflateBound(&stream, pending_.size()));
        stream.next_in = reinterpret_cast<Bytef*>(pending_.data());
        stream.avail_in = static_cast<uInt>(pending_.size());
        stream.next_out = reinterpret_cast<Bytef*>(compressed_.data());
        stream.avail_out = static_cast<uInt>(compressed_.size());
        bool done = deflate(&stream, Z_FINISH) == Z_STREAM_END;
        compressed_.resize(done ? stream.total_out : 0);
        deflateEnd(&stream);
        if (!done) return EIO;
        pending_.clear();
    }
    std::size_t written = 0;
    int error = write_some(compressed_, written);
    compressed_.erase(0, written);
    if (compressed_.empty() && pending_.empty()) pending_lines_ = 0;
    return error;
}

int StreamSink::send() {
    if (pending_.empty() && compressed_.empty()) return 0;
    if (fd_ < 0)
        if (int error = open_own(); error != 0) return error;
    if (gzip_ != 0) return send_compressed();
    if (cut_) pending_.insert(0, 1, '\n');
    std::size_t written = 0;
    int error = write_some(pending_, written);
    if (written == 0) {
        if (cut_) pending_.erase(0, 1);
        return error;
    }
    auto end = pending_.begin() + static_cast<std::ptrdiff_t>(written);
    auto lines = static_cast<std::uint64_t>(std::count(pending_.begin(), end, '\n'));
    // The newline in front is no line of its own; a line that holds newlines counts once too often.
    pending_lines_ -= std::min(lines - (cut_ ? 1 : 0), pending_lines_);
    bool mid_line = pending_[written - 1] != '\n';
    pending_.erase(0, written);
    // A pipe goes on with the rest of the line; a file that failed loses it.
    cut_ = mid_line && error != 0 && error != EAGAIN;
    if (pending_.empty()) pending_lines_ = 0;
    return error;
}

}  // namespace weir::log
